"""Statistics of the pixels of many images, computed without a copy of them."""

from typing import Any

import numpy as np
import torch


def largest_pixel(X: Any) -> float:
    """Return the largest absolute value in `X`, an array or a sparse one."""
    return max(float(X.max()), -float(X.min()))


def no_less_than_pixels(X: np.ndarray) -> float:
    """Return a number that no absolute value in `X`, an array of floats, exceeds.

    It takes half the time of :func:`largest_pixel`: the norm, and what rounding may
    have taken from it. Squares below the smallest number are lost.
    """
    return 1.01 * np.linalg.norm(X) + np.sqrt(np.finfo(X.dtype).tiny)


# Numbers too large to square end in an error of the loss, which says so.
@np.errstate(over="ignore", invalid="ignore")
def pixel_statistics(X: np.ndarray, weight: torch.Tensor | None) -> tuple[float, float]:
    """Return mean and standard deviation of all pixels, rows counted by weight.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Read a piece at a time, never copied as a whole.
    weight : torch.Tensor of shape (n,) or None

    Returns
    -------
    mean, std : float
        `std` is 1 where all pixels are equal.
    """
    weights = np.ones(len(X)) if weight is None else weight.numpy()
    total, squares = 0.0, 0.0
    center = float(X[:1].mean())  # near the mean, so that squares do not cancel
    for start in range(0, len(X), 1024):
        rows = X[start : start + 1024].astype(np.float64) - center
        part = weights[start : start + 1024]
        total += part @ rows.sum(axis=1)
        squares += part @ np.einsum("ij,ij->i", rows, rows)
    count = weights.sum() * X.shape[1]
    mean = total / count
    std = np.sqrt(max(squares / count - mean**2, 0.0))
    return center + float(mean), float(std) or 1.0
