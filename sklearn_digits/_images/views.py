"""Test-time augmentation: predictions averaged over shifted copies of an image."""

from collections.abc import Callable, Sequence
from math import log
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
    module: Callable[[Tensor], Tensor], images: Tensor, shifts: Sequence[Shift]
) -> Tensor:
    """Return the logarithm of the mean probabilities of shifted `images`.

    Parameters
    ----------
    module : callable
        Makes logits of images.
    images : torch.Tensor of shape (n, n_channels, height, width)
    shifts : sequence of (int, int)
        Pixels down and to the right; the pixels at the border are repeated.

    Returns
    -------
    log_probabilities : torch.Tensor of shape (n, n_classes)
    """
    height, width = images.shape[2:]
    reach = max(max(abs(down), abs(right)) for down, right in shifts)
    padded = functional.pad(images, 4 * (reach,), mode="replicate")
    views = [
        module(padded[..., reach - down :, reach - right :][..., :height, :width])
        for down, right in shifts
    ]
    return torch.stack(views).log_softmax(dim=2).logsumexp(dim=0) - log(len(shifts))
