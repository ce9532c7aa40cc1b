"""Which flips and turns leave the class of an image as it is, as its data set shows.

A linear model learns the classes from edges and colors. Where it finds as much evidence
for the right class in flipped images as in the images themselves, flips keep the class.
A flipped 3 is not a 3; a flipped cat is a cat.
"""

from collections.abc import Callable
from math import log

import torch
from torch import Tensor
from torch.nn import functional

# What is tried, by the parameter of RandomAffine that does it. Images have the shape
# (n, n_channels, height, width).
SYMMETRIES: dict[str, Callable[[Tensor], Tensor]] = {
    "horizontal_flip": lambda images: images.flip(3),
    "vertical_flip": lambda images: images.flip(2),
    "quarter_turns": lambda images: images.rot90(1, (2, 3)),
}
# Images are averaged down to at most this side, and described by a grid of edges and a
# coarser one of colors.
SIDE, EDGE_GRID, COLOR_GRID = 16, 6, 4
N_FOLDS, RIDGE = 3, 0.1
# This share of the evidence must survive, by so many standard errors.
KEPT_SHARE, STANDARD_ERRORS = 0.7, 2.5
# Features whose spread is a smaller share of their size than this are constant.
ROUNDING = 1e-5
# Rows that are looked at: this many, or this many of each class, the larger.
N_ROWS, N_ROWS_OF_A_CLASS, MOST_ROWS = 1000, 10, 3000


def sample_size(n_classes: int) -> int:
    """Return how many images suffice to decide for `n_classes` classes."""
    return min(max(N_ROWS, N_ROWS_OF_A_CLASS * n_classes), MOST_ROWS)


def shrink(images: Tensor) -> Tensor:
    """Return images averaged down to 16 pixels a side at most.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width), floating
    """
    height, width = images.shape[2:]
    return functional.adaptive_avg_pool2d(images, (min(height, SIDE), min(width, SIDE)))


def kept_symmetries(images: Tensor, target: Tensor) -> dict[str, bool]:
    """Tell which symmetries keep the class of an image.

    Ridge regression on two thirds of the images scores the last third: as it is, and
    flipped or turned. The evidence for the right class in the one is compared with that
    in the other. Few or noisy images leave it undecided: the answer is then no.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width), floating
        Small ones: :func:`shrink` makes them.
    target : torch.Tensor of shape (n,) of int64, or (n, n_labels)
        Classes counted from 0, or an indicator matrix.

    Returns
    -------
    kept : dict of bool
        By the name of the parameter of ``RandomAffine``.
    """
    is_square = images.shape[2] == images.shape[3]
    tried = {
        name: move
        for name, move in SYMMETRIES.items()
        if is_square or name != "quarter_turns"
    }
    kept = dict.fromkeys(SYMMETRIES, False)
    labels = target if target.ndim == 2 else functional.one_hot(target)
    labels = labels[:, labels.any(dim=0) & ~labels.all(dim=0)].to(images.dtype)
    if len(images) < 2 * N_FOLDS or labels.shape[1] < 2:
        return kept
    variants = [images, *(move(images) for move in tried.values())]
    plain, *moved = _scores(variants, labels)
    for name, scores in zip(tried, moved, strict=True):
        kept[name] = _keep_evidence(plain, scores, labels) and not _swap_classes(
            plain, scores, labels
        )
    return kept


def _scores(variants: list[Tensor], labels: Tensor) -> list[Tensor]:
    """Return the scores of the labels for each variant of each image.

    They come from a model of the first variant of the other images.
    """
    features = _on_one_scale([describe(images) for images in variants])
    fold = torch.arange(len(labels)) % N_FOLDS
    scores = [torch.zeros_like(labels) for _ in variants]
    for k in range(N_FOLDS):
        left_out, mean = fold == k, features[0][fold != k].mean(dim=0)
        y = labels[~left_out] - labels[~left_out].mean(dim=0)
        weights = _ridge(features[0][~left_out] - mean, y)
        for found, each in zip(scores, features, strict=True):
            found[left_out] = (each[left_out] - mean) @ weights
    return scores


def _on_one_scale(features: list[Tensor]) -> list[Tensor]:
    """Divide features by their standard deviation in the first variant.

    Those whose spread is only rounding are left out, such as white margins.
    """
    spread = features[0].std(dim=0)
    varied = spread > ROUNDING * features[0].abs().amax(dim=0)
    return [each[:, varied] / spread[varied] for each in features]


def _ridge(X: Tensor, y: Tensor) -> Tensor:
    """Return the weights of ridge regression, without intercept."""
    gram = X.T @ X
    penalty = RIDGE * gram.diagonal().mean() + torch.finfo(X.dtype).eps
    return torch.linalg.solve(
        gram + penalty * torch.eye(len(gram), dtype=X.dtype), X.T @ y
    )


def describe(images: Tensor) -> Tensor:
    """Return features of images: edges in eight directions, and colors, on grids.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width), floating

    Returns
    -------
    features : torch.Tensor of shape (n, n_features)
    """
    grey = images.mean(dim=1, keepdim=True)
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    slopes = torch.cat([across, down, across + down, across - down], dim=1)
    edges = torch.cat([slopes.clamp(min=0), (-slopes).clamp(min=0)], dim=1)
    height, width = images.shape[2:]
    grids = [
        functional.adaptive_avg_pool2d(maps, (min(side, height), min(side, width)))
        for maps, side in ((edges, EDGE_GRID), (images, COLOR_GRID))
    ]
    return torch.cat([grids[0].sqrt().flatten(1), grids[1].flatten(1)], dim=1)


def _keep_evidence(plain: Tensor, moved: Tensor, labels: Tensor) -> bool:
    """Tell whether moved images have scores as right as those of plain ones."""
    centered = labels - labels.mean(dim=0)
    evidence, kept = (centered * plain).sum(dim=1), (centered * moved).sum(dim=1)
    return bool(_in_standard_errors(kept - KEPT_SHARE * evidence) > STANDARD_ERRORS)


def _swap_classes(plain: Tensor, moved: Tensor, labels: Tensor) -> bool:
    """Tell whether moved images of a class look like another class.

    Signs that point to the left and to the right do. So many pairs of classes are
    compared that three standard errors may be chance.
    """
    beyond_chance = max(3.0, 2 * log(labels.shape[1]) ** 0.5)
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
    return values.mean(dim=0) / (values.std(dim=0) / len(values) ** 0.5 + 1e-12)
