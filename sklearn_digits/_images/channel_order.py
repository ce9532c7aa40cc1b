"""Tell from neighboring pixels whether the channels of flattened images come last.

Neighboring pixels are alike. If rows hold channel-first images and are read as if the
channels came last, pixels that seem to be neighbors lie far apart.
"""

from typing import Any

import numpy as np

from sklearn_digits._images.shape import ImageShape

N_ROWS = 100
# If training images are rougher by this factor in one reading than in the other, their
# pixels tell the two readings apart.
CLEAR_FACTOR = 1.2
# The roughness of training images is 0 on a logarithmic scale, and that of the same
# images with channels first is 1. From here on, channels come first. Single images of
# CIFAR-10 are told rightly in 99 of 100 cases.
TURNING_POINT = 0.7


# Differences of pixels near the largest float are infinite, and tell nothing.
@np.errstate(over="ignore", invalid="ignore")
def roughness(X: Any, image_shape: ImageShape) -> float:
    """Return how much rougher rows look with channels last than with channels first.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    image_shape : tuple of 3 int
        ``(height, width, n_channels)``.

    Returns
    -------
    ratio : float
        Mean difference of neighbors, in one reading over that in the other. Below 1
        where channels come last, unless images are noise; 1 where nothing tells.
    """
    height, width, n_channels = image_shape
    rows = np.asarray(X[:: max(1, len(X) // N_ROWS)][:N_ROWS], dtype=np.float64)
    last = rows.reshape(-1, height, width, n_channels)
    first = rows.reshape(-1, n_channels, height, width).transpose(0, 2, 3, 1)
    ratio = _differences(last) / max(_differences(first), np.finfo(float).tiny)
    return float(ratio) if 0 < ratio < np.inf else 1.0


def expected_roughness(X: Any, image_shape: ImageShape) -> tuple[float, float]:
    """Return the roughness of training rows, and of the same with channels first."""
    height, width, n_channels = image_shape
    rows = np.asarray(X[:: max(1, len(X) // N_ROWS)][:N_ROWS])
    images = rows.reshape(-1, height, width, n_channels)
    swapped = images.transpose(0, 3, 1, 2).reshape(rows.shape)
    return roughness(rows, image_shape), roughness(swapped, image_shape)


def are_channels_first(
    X: Any, image_shape: ImageShape, expected: tuple[float, float]
) -> bool:
    """Tell whether the channels of rows come first, and those of training rows last.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    image_shape : tuple of 3 int
    expected : tuple of 2 float
        From :func:`expected_roughness`.
    """
    right, wrong = expected
    if wrong < CLEAR_FACTOR * right:
        return False
    return roughness(X, image_shape) > right * (wrong / right) ** TURNING_POINT


def _differences(images: np.ndarray) -> float:
    """Return the mean difference of pixels above and beside one another."""
    return sum(
        float(np.abs(np.diff(images, axis=axis)).mean())
        for axis in (1, 2)
        if images.shape[axis] > 1
    )
