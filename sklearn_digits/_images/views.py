"""Test-time augmentation: predictions averaged over copies of an image."""

from collections.abc import Callable
from math import ceil, log
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

Shift: TypeAlias = tuple[int, int]  # pixels down and to the right


def smallest_shifts(n_shifts: int) -> list[Shift]:
    """Return the `n_shifts` smallest shifts by whole pixels, none at all the first.

    Parameters
    ----------
    n_shifts : int

    Returns
    -------
    shifts : list of (int, int)
        Downwards and to the right, opposite ones next to each other.
    """
    reach = int(n_shifts**0.5) + 1  # a square of that many to each side has enough
    steps = range(-reach, reach + 1)
    shifts = [(down, right) for down in steps for right in steps]
    shifts.sort(key=lambda shift: (shift[0] ** 2 + shift[1] ** 2, abs(shift[0])))
    return shifts[:n_shifts]


def average_views(
    module: Callable[[Tensor], Tensor], images: Tensor, n_views: int, flipped: bool
) -> Tensor:
    """Return the logarithm of the mean probabilities of views of `images`.

    Parameters
    ----------
    module : callable
        Makes logits of images.
    images : torch.Tensor of shape (n, n_channels, height, width)
    n_views : int
        The images, and shifts of them by few whole pixels; the pixels at the border are
        repeated.
    flipped : bool
        Whether every second view is the one before it, flipped left to right.

    Returns
    -------
    log_probabilities : torch.Tensor of shape (n, n_classes)
    """
    height, width = images.shape[2:]
    shifts = smallest_shifts(ceil(n_views / 2) if flipped else n_views)
    reach = max(max(abs(down), abs(right)) for down, right in shifts)
    padded = functional.pad(images, 4 * (reach,), mode="replicate")
    views = []
    for down, right in shifts:
        view = padded[..., reach - down :, reach - right :][..., :height, :width]
        views += [view, view.flip(3)] if flipped else [view]
    logits = torch.stack([module(view) for view in views[:n_views]])
    return logits.log_softmax(dim=2).logsumexp(dim=0) - log(n_views)
