"""The color that stands for a pixel which is not there."""

import numpy as np
from numpy.typing import ArrayLike

WHOLE_NUMBERS = "biu"  # the kinds of dtypes that hold no fractions


def fill_colors(images: np.ndarray, fill: str | ArrayLike) -> np.ndarray:
    """Return the color of absent pixels, for each image.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
    fill : "background", "mean", float or sequence of float
        The median of each channel over the pixels at the border of the image, its mean
        over the image, or one number for all channels or for each.

    Returns
    -------
    colors : ndarray of shape (n, n_channels), of the dtype of `images`

    Raises
    ------
    ValueError
        If `fill` has another number of channels, or does not fit the dtype.
    """
    n, height, width, n_channels = images.shape
    if isinstance(fill, str) and fill == "mean":
        colors = images.mean(axis=(1, 2), dtype=np.float64)
    elif isinstance(fill, str):
        border = np.ones((height, width), dtype=bool)
        border[1:-1, 1:-1] = False
        colors = np.median(images[:, border].astype(np.float64), axis=1)
    else:
        colors = _check_fill(fill, n_channels, images.dtype)
        colors = np.broadcast_to(colors, (n, n_channels))
    if images.dtype.kind in WHOLE_NUMBERS:
        colors = np.rint(colors)
    return colors.astype(images.dtype)


def _check_fill(fill: ArrayLike, n_channels: int, dtype: np.dtype) -> np.ndarray:
    """Return a user's `fill` as an array of one number, or of one for each channel."""
    values = np.asarray(fill, dtype=np.float64)
    if values.shape not in ((), (1,), (n_channels,)):
        raise ValueError(
            f"fill={fill!r} has the shape {values.shape}; expected one number, or one "
            f"for each of {n_channels} channels."
        )
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        if not ((values >= low) & (values <= high)).all():
            raise ValueError(
                f"fill={fill!r} does not fit X, whose dtype is {dtype}; expected "
                f"{low} to {high}."
            )
    elif not np.isfinite(values).all():
        raise ValueError(f"fill={fill!r} must be finite.")
    return values
