"""Which flips and turns leave the class of an image as it is, as its data set shows.

A linear model learns the classes from edges and colors. Where it finds as much evidence
for the right class in flipped images as in the images themselves, flips keep the class.
A flipped 3 is not a 3; a flipped cat is a cat.
"""

from collections.abc import Callable
from math import log

from torch import Tensor

# What is tried, by the parameter of RandomAffine that does it. Images have the shape
# (n, n_channels, height, width).
SYMMETRIES: dict[str, Callable[[Tensor], Tensor]] = {
    "horizontal_flip": lambda images: images.flip(3),
    "vertical_flip": lambda images: images.flip(2),
    "quarter_turns": lambda images: images.rot90(1, (2, 3)),
}
# This share of the evidence must survive, by so many standard errors.
KEPT_SHARE, STANDARD_ERRORS = 0.7, 2.5


def symmetries_of_shape(height: int, width: int) -> dict[str, Callable]:
    """Return the symmetries that keep the shape of images, by their names."""
    return {
        name: move
        for name, move in SYMMETRIES.items()
        if height == width or name != "quarter_turns"
    }


def keep_classes(plain: Tensor, moved: Tensor, labels: Tensor) -> bool:
    """Tell whether flipped images belong to the classes of the images themselves.

    Few or noisy images leave it undecided: the answer is then no.

    Parameters
    ----------
    plain : torch.Tensor of shape (n, n_labels)
        Scores of the labels of images, from a model of other images.
    moved : torch.Tensor of shape (n, n_labels)
        Scores of the same images, flipped or turned, from the same model.
    labels : torch.Tensor of shape (n, n_labels), floating
        An indicator matrix.
    """
    centered = labels - labels.mean(dim=0)
    evidence, kept = (centered * plain).sum(dim=1), (centered * moved).sum(dim=1)
    enough = _in_standard_errors(kept - KEPT_SHARE * evidence) > STANDARD_ERRORS
    return bool(enough) and not _swap_classes(plain, moved, labels)


def _swap_classes(plain: Tensor, moved: Tensor, labels: Tensor) -> bool:
    """Tell whether moved images of a class look like another class.

    Signs that point to the left and to the right do. So many pairs of classes are
    compared that three standard errors may be chance.
    """
    beyond_chance = max(3.0, 2 * log(labels.shape[1]) ** 0.5)
    share = labels.mean(dim=0)  # scores are small where a class is rare
    plain, moved = plain / share, moved / share
    for k, label in enumerate(labels.T):
        rows = label > 0
        if rows.sum() < 3 or plain[rows].mean(dim=0).argmax() != k:
            continue
        lead = moved[rows] - moved[rows, k, None]
        lead[:, k] = -1.0
        if (_in_standard_errors(lead) > beyond_chance).any():
            return True
    return False


def _in_standard_errors(values: Tensor) -> Tensor:
    """Return means over rows, divided by their standard errors."""
    error: Tensor = values.std(dim=0) / len(values) ** 0.5
    return values.mean(dim=0) / (error + 1e-12)
