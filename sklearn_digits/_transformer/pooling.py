"""Rectify and pool maps, whose axes are (row, kernel, image, column)."""

from functools import reduce
from typing import Any

import numpy as np

from sklearn_digits._transformer.correlation import Geometry


def count_windows(size: int, window: int, step: int) -> int:
    """Return how many whole windows a line of some size holds."""
    return (size - window) // step + 1


def rectify(maps: np.ndarray, how: str) -> np.ndarray:
    """Return magnitudes, positive parts, or positive and negative parts in turn."""
    if how == "abs":
        return np.abs(maps, out=maps)
    if how == "relu":
        return np.maximum(maps, 0, out=maps)
    height, n_kernels, n_images, width = maps.shape
    parts = np.empty((height, n_kernels, 2, n_images, width), maps.dtype)
    positive = np.maximum(maps, 0, out=parts[:, :, 0])
    np.subtract(positive, maps, out=parts[:, :, 1])
    return parts.reshape(height, 2 * n_kernels, n_images, width)


def _averaging(
    size: int, window: int, step: int, n_windows: int, dtype: np.dtype
) -> np.ndarray:
    """Return the matrix that averages windows of a line."""
    matrix = np.zeros((n_windows, size), dtype)
    for i, row in enumerate(matrix):
        row[i * step : i * step + window] = 1 / window
    return matrix


def pool_mean(maps: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Average over windows: a small matrix product a kernel along each axis."""
    height, n_kernels, n_images, width = maps.shape
    lines = zip((height, width), *geometry[-3:], strict=True)
    of_rows, of_columns = (_averaging(*line, maps.dtype) for line in lines)
    maps = of_rows @ maps.reshape(height, n_kernels, -1).swapaxes(0, 1)
    maps = maps.reshape(n_kernels, -1, width) @ of_columns.T
    return maps.reshape(n_kernels, len(of_rows), n_images, -1).swapaxes(0, 1)


def pool_max(maps: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Take the largest response of each window, along one axis after the other."""
    for axis, window, step, n_windows in zip((0, 3), *geometry[-3:], strict=True):
        span = step * (n_windows - 1) + 1
        lead: tuple[Any, ...] = (slice(None),) * axis
        maps = reduce(
            np.maximum, (maps[(*lead, slice(i, i + span, step))] for i in range(window))
        )
    return maps
