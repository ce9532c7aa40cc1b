"""Cross-correlation of many images with a few kernels, by NumPy alone.

Images lie side by side: a row of memory is that row of all of them, so that copies are
long and matrix products need nothing gathered.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_digits._images.shape import BORDER_MODES

Sides: TypeAlias = tuple[int, ...]  # two of them


class Geometry(NamedTuple):
    """The sides, as (height, width), of everything between an image and its maps.

    `border_mode` is SciPy's name of what stands in the margins.
    """

    image: Sides
    margins: tuple[Sides, ...]  # (above, below), (left, right) of the image
    border_mode: str
    stride: int
    responses: Sides
    window: Sides
    step: Sides
    maps: Sides


def _border_sources(geometry: Geometry) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Return what fills the margins: for columns and rows, which lines repeat which.

    Padding the lines' numbers instead of the lines makes margins wider than the image
    right as well.
    """
    if geometry.border_mode == "constant":
        return []
    sources = []
    margins, sides = geometry.margins[::-1], geometry.image[::-1]
    for axis, (before, after), size in zip((2, 0), margins, sides, strict=True):
        numbers = np.arange(before, before + size)
        source = np.pad(numbers, (before, after), BORDER_MODES[geometry.border_mode])
        margin = np.flatnonzero(source != np.arange(len(source)))
        sources.append((axis, margin, source[margin]))
    return sources


class BatchedCorrelation:
    """Correlate images that lie side by side, so that rows of memory are long.

    A row of the canvas is that row of all images, margins between them. Copies of it
    shifted by the columns of the kernels, one below the other, hold the patches of a
    row of responses in consecutive lines: one small matrix product a row, of operands
    that nothing had to gather. The memory is used again for every call.

    Parameters
    ----------
    n_images : int
        How many images a call takes at most.
    kernels : ndarray of shape (n_kernels, kernel_height, kernel_width)
    geometry : Geometry
    dtype : dtype
    """

    def __init__(
        self, n_images: int, kernels: np.ndarray, geometry: Geometry, dtype: np.dtype
    ) -> None:
        self.geometry = geometry
        (height, width), stride = geometry.image, geometry.stride
        (above, below), (left, right) = geometry.margins
        sides = (above + height + below, left + width + right)
        # In each line, an image takes a whole number of strides.
        cell = -(-sides[1] // stride)
        self._canvas = np.zeros((sides[0], n_images, cell * stride), dtype)
        self._inside = (slice(above, above + height), slice(left, left + width))
        self._borders = _border_sources(geometry)
        # A column that is zero in all kernels need not be multiplied.
        self._columns = np.flatnonzero(kernels.any(axis=(0, 1))).tolist() or [0]
        line = n_images * cell
        self._shifted = np.zeros((sides[0], len(self._columns), line), dtype)
        lines = sliding_window_view(self._shifted, kernels.shape[1], axis=0)[::stride]
        n_rows, _ = geometry.responses
        self._patches = lines.transpose(0, 3, 1, 2).reshape(n_rows, -1, line)
        self._weights = kernels[:, :, self._columns].reshape(len(kernels), -1)
        self._weights = self._weights.astype(dtype)
        self._products = np.empty((n_rows, len(kernels), line), dtype)
        self._responses = self._products.reshape(n_rows, -1, n_images, cell)

    def correlate(self, images: np.ndarray) -> np.ndarray:
        """Cross-correlate every image with every kernel.

        Parameters
        ----------
        images : ndarray of shape (n, height, width)

        Returns
        -------
        responses : ndarray of shape (out_height, n_kernels, n, width)
            Overwritten by the next call. Columns from the width of the responses on
            are those between two images, and mean nothing.
        """
        canvas, (rows, columns) = self._canvas, self._inside
        canvas[rows, : len(images), columns] = images.transpose(1, 0, 2)
        # Rows after columns, so that they fill the corners.
        for axis, margin, source in self._borders:
            canvas[(slice(None),) * axis + (margin,)] = canvas.take(source, axis)
        lines = canvas.reshape(len(canvas), -1)
        for i, column in enumerate(self._columns):
            shifted = lines[:, column :: self.geometry.stride]
            self._shifted[:, i, : shifted.shape[1]] = shifted
        np.matmul(self._weights, self._patches, out=self._products)
        return self._responses[:, :, : len(images)]
