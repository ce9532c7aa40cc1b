"""Occlusion: how much a score drops where a window of the image is covered."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import TypeAlias

import numpy as np

from sklearn_digits._images.progress import show_progress

Window: TypeAlias = tuple[slice, slice]  # rows and columns


def window_sides(
    height: int, width: int, window: int | str, stride: int | str
) -> tuple[int, int]:
    """Return the side of the windows and the largest step between them.

    Parameters
    ----------
    height, width : int
        Sides of the images.
    window, stride : int or "auto"
        "auto" is a quarter of the shorter side, and a quarter of the window.

    Raises
    ------
    ValueError
        If `window` is larger than the images, or `stride` larger than `window`.
    """
    if isinstance(window, str):
        window = max(1, round(min(height, width) / 4))
    if window > max(height, width):
        raise ValueError(
            f"window={window} is larger than the images, of {height}x{width} pixels; "
            f"expected 1 to {max(height, width)}, or 'auto'."
        )
    if isinstance(stride, str):
        stride = ceil(window / 4)
    if stride > window:
        raise ValueError(
            f"stride={stride} is larger than window={window}: no window would cover "
            f"the pixels in between. Expected 1 to {window}, or 'auto'."
        )
    return window, stride


def lay_windows(height: int, width: int, window: int, stride: int) -> list[Window]:
    """Return windows inside an image that cover each of its pixels.

    They lie at even distances, `stride` pixels at most. Where the image is smaller than
    the window, they are cut off.
    """
    rows, columns = (
        [slice(start, start + window) for start in _even_steps(side - window, stride)]
        for side in (height, width)
    )
    return [(down, right) for down in rows for right in columns]


def _even_steps(last: int, stride: int) -> list[int]:
    """Return whole numbers from 0 to `last`, `stride` apart at most."""
    last = max(last, 0)
    steps = np.linspace(0, last, ceil(last / stride) + 1)
    return np.rint(steps).astype(int).tolist()


def occlude(
    images: np.ndarray,
    colors: np.ndarray,
    windows: Sequence[Window],
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    batch_size: int,
    verbose: bool,
) -> np.ndarray:
    """Return how much the score of each image drops when its windows are covered.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
    colors : ndarray of shape (n, n_channels)
        What the windows of each image are filled with.
    windows : sequence of tuple of 2 slice
        Each pixel lies in one at least.
    score : callable
        Takes images and their positions in `images`; returns a score for each.
    batch_size : int
        Images that are scored at once.
    verbose : bool
        Whether to show a progress bar.

    Returns
    -------
    maps : ndarray of shape (n, height, width), dtype float64
        The mean over the windows in which a pixel lies.
    """
    whole = score(images, np.arange(len(images)))
    drops = np.empty((len(images), len(windows)))
    starts = range(0, drops.size, batch_size)
    for start in show_progress(starts, "batches of windows", verbose):
        pairs = np.arange(start, min(start + batch_size, drops.size))
        origins, places = np.divmod(pairs, len(windows))
        covered = images[origins]
        for image, origin, place in zip(covered, origins, places, strict=True):
            image[windows[place]] = colors[origin]
        drops[origins, places] = whole[origins] - score(covered, origins)
    return _mean_over_windows(drops, windows, images.shape[1:3])


def _mean_over_windows(
    drops: np.ndarray, windows: Sequence[Window], sides: tuple[int, ...]
) -> np.ndarray:
    """Return, for each pixel, the mean of the drops of the windows it lies in.

    Parameters
    ----------
    drops : ndarray of shape (n, n_windows)
    windows : sequence of tuple of 2 slice
    sides : tuple of 2 int
        Height and width of the images.
    """
    sums, n_windows = np.zeros((len(drops), *sides)), np.zeros(sides)
    for (rows, columns), drop in zip(windows, drops.T, strict=True):
        sums[:, rows, columns] += drop[:, np.newaxis, np.newaxis]
        n_windows[rows, columns] += 1
    return sums / n_windows
