"""A survey of the training images, from which "auto" decides how to train on them."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from sklearn_digits._images.linear_probe import (
    N_FOLDS,
    avoided_errors,
    explained_share,
    held_out_scores,
)
from sklearn_digits._images.symmetry import (
    SYMMETRIES,
    keep_classes,
    symmetries_of_shape,
)


@dataclass(frozen=True)
class Survey:
    """What a linear model of edges and colors tells of a set of images.

    Attributes
    ----------
    explained : float
        Share of the labels' variance that the model explains in images it has not seen,
        in [0, 1]: above 0.6 for clear digits; low where labels are wrong, images are
        few for their classes, or classes are hard to tell apart.
    symmetries : dict of bool
        Whether flips and turns keep the class, by the parameter of ``RandomAffine``.
    avoided : float, default=1
        Share of the errors of a constant answer that the model avoids in images it has
        not seen, in [0, 1]: above 0.88 for clear digits, about 0.8 for garments.
    n_images : int, default=0
        How many images were surveyed. Files of older versions do not say.
    """

    explained: float
    symmetries: dict[str, bool]
    avoided: float = 1.0
    n_images: int = 0


def survey(images: Tensor, target: Tensor) -> Survey:
    """Survey images.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width), floating
        Small ones: ``shrink`` makes them.
    target : torch.Tensor of shape (n,) of int64, or (n, n_labels)
        Classes counted from 0, or an indicator matrix.

    Returns
    -------
    survey : Survey
        Nothing is explained, and no symmetry is kept, where there are too few images or
        classes.
    """
    tried = symmetries_of_shape(*images.shape[2:])
    kept = dict.fromkeys(SYMMETRIES, False)
    labels = target if target.ndim == 2 else functional.one_hot(target)
    labels = labels[:, labels.any(dim=0) & ~labels.all(dim=0)].to(images.dtype)
    if len(images) < 2 * N_FOLDS or labels.shape[1] < 1 + (target.ndim == 1):
        return Survey(0.0, kept, 0.0, len(images))
    variants = [images, *(move(images) for move in tried.values())]
    plain, *moved = held_out_scores(variants, labels)
    for name, scores in zip(tried, moved, strict=True):
        kept[name] = keep_classes(plain, scores, labels)
    return Survey(
        explained_share(plain, labels),
        kept,
        avoided_errors(plain, labels),
        len(images),
    )
