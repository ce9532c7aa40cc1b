"""What a row of ``X`` means as an image.

Images are ``(n, height, width)`` or ``(n, height, width, n_channels)`` with 1, 3 or
4 channels, the convention of PIL, matplotlib, scikit-image and OpenCV. A flattened
row holds the same pixels in the same order, so that both forms share their memory.
"""

from math import isqrt, prod
from numbers import Integral
from typing import Any

import numpy as np

N_CHANNELS = (1, 3, 4)
# What stands beyond the border of an image: SciPy's names, and what numpy.pad calls it.
BORDER_MODES: dict[str, Any] = {
    "constant": "constant",
    "nearest": "edge",
    "reflect": "symmetric",
    "mirror": "reflect",
    "wrap": "wrap",
}
# Used as they are; anything else becomes the first of them.
DTYPES = (np.float32, np.float64, np.uint8)


def check_image_shape(image_shape):
    """Return a user's `image_shape` as ``(height, width, n_channels)``.

    Parameters
    ----------
    image_shape : sequence of 2 or 3 positive int
        ``(height, width)`` for grey images, or ``(height, width, n_channels)``.

    Returns
    -------
    image_shape : tuple of 3 int

    Raises
    ------
    ValueError
        If `image_shape` is anything else.
    """
    shape = tuple(image_shape)
    if (
        len(shape) not in (2, 3)
        or not all(isinstance(side, Integral) and int(side) > 0 for side in shape)
        or (len(shape) == 3 and shape[2] not in N_CHANNELS)
    ):
        hint = ""
        if len(shape) == 3 and shape[0] in N_CHANNELS:
            hint = " It looks channel-first; channels come last here."
        raise ValueError(
            f"image_shape={image_shape!r} is no image shape: expected (height, width) "
            "or (height, width, n_channels) with 1, 3 or 4 channels, all positive "
            f"integers.{hint}"
        )
    return (*(int(side) for side in shape), 1)[:3]


def from_torch(values):
    """Return a tensor of torch's as an array, anything else as it is.

    NumPy refuses tensors that are on a GPU, have a gradient or are bfloat16.
    """
    if not hasattr(values, "detach"):
        return values
    values = values.detach().cpu()
    if values.is_floating_point() and values.element_size() < 4:
        values = values.float()
    return values.numpy()


def largest_pixel(X):
    """Return the largest absolute value in `X`, an array or a sparse one."""
    return max(float(X.max()), -float(X.min()))


def no_less_than_pixels(X):
    """Return a number that no absolute value in `X`, an array of floats, exceeds.

    It takes half the time of :func:`largest_pixel`: the norm, and what rounding may
    have taken from it. Squares below the smallest number are lost.
    """
    return 1.01 * np.linalg.norm(X) + np.sqrt(np.finfo(X.dtype).tiny)


def flatten_images(X):
    """Return `X` as rows of pixels, and the shape of its images where it has one.

    Flattening comes before scikit-learn's own validation, which would count the
    second axis of image-shaped input as its features.

    Parameters
    ----------
    X : array-like of shape (n, n_pixels), (n, height, width) or \
            (n, height, width, n_channels)
        Tensors of torch's too.

    Returns
    -------
    X : array-like of shape (n, n_pixels)
        `X` itself where it is an array or a data frame of two dimensions or fewer.
    image_shape : tuple of 3 int or None
        ``(height, width, n_channels)``; None for rows of pixels.

    Raises
    ------
    ValueError
        If `X` has more than four dimensions or its channels do not come last, or if
        it holds objects in place of rows.
    """
    X = from_torch(X)
    if not hasattr(X, "shape") or len(X.shape) != 2:
        kind, X = type(X).__name__, np.asarray(X)
    if len(X.shape) < 2 and X.dtype == object:
        raise ValueError(
            f"X, of type {kind}, holds objects in place of rows; expected an array of "
            "shape (n, n_pixels), (n, height, width) or (n, height, width, "
            "n_channels). np.stack makes one of a column of images."
        )
    if len(X.shape) <= 2:
        return X, None
    if X.ndim > 4:
        raise ValueError(
            f"X has {X.ndim} dimensions, shape {X.shape}; expected (n, n_pixels), "
            "(n, height, width) or (n, height, width, n_channels)."
        )
    if X.ndim == 4 and X.shape[3] not in N_CHANNELS:
        hint = ""
        if X.shape[1] in N_CHANNELS:
            hint = " It looks channel-first: pass X.transpose(0, 2, 3, 1)."
        raise ValueError(
            f"X of shape {X.shape} has {X.shape[3]} channels in its last dimension; "
            f"expected (n, height, width, n_channels) with 1, 3 or 4 channels.{hint}"
        )
    image_shape = (*X.shape[1:], 1)[:3]
    return X.reshape(len(X), prod(image_shape)), image_shape


def accepted_dtypes(X):
    """Return the dtypes that rows may keep, for scikit-learn's validation.

    It knows the dtypes of arrays and of pandas' columns, and would convert any other
    frame to the first in the list.

    Parameters
    ----------
    X : array-like of shape (n, n_pixels)

    Returns
    -------
    dtypes : list of dtype
    """
    columns = getattr(X, "dtypes", None)
    if not hasattr(X, "dtype") and not hasattr(columns, "__array__"):
        dtype = np.asarray(X[:1]).dtype
        if dtype in DTYPES:
            return [dtype]
    return list(DTYPES)


def resolve_image_shape(n_features, image_shape=None, seen_shape=None):
    """Decide the shape of the images that rows of `n_features` pixels hold.

    Parameters
    ----------
    n_features : int
        Pixels times channels of a row.
    image_shape : sequence of 2 or 3 int, default=None
        What the user asked for.
    seen_shape : tuple of 3 int, default=None
        The shape that image-shaped input came in, from :func:`flatten_images`.

    Returns
    -------
    image_shape : tuple of 3 int
        ``(height, width, n_channels)``. With nothing given, a row is a grey square,
        or else a grey image of height 1.

    Raises
    ------
    ValueError
        If the shapes contradict each other or the number of features, or if a row
        may well be a square colour image.
    """
    if image_shape is not None:
        expected = check_image_shape(image_shape)
        if seen_shape is not None and seen_shape != expected:
            raise ValueError(
                f"X holds images of shape {seen_shape} (height, width, n_channels); "
                f"image_shape={tuple(image_shape)} expects {expected}."
            )
        if prod(expected) != n_features:
            raise ValueError(
                f"image_shape={tuple(image_shape)} needs {prod(expected)} features; "
                f"X has {n_features} features."
            )
        return expected
    if seen_shape is not None:
        return seen_shape
    side = isqrt(n_features)
    if side * side == n_features:
        return (side, side, 1)
    side = isqrt(n_features // 3)
    if side >= 8 and 3 * side * side == n_features:
        raise ValueError(
            f"Rows of {n_features} features may be {side}x{side} colour images. Pass "
            f"image_shape=({side}, {side}, 3) if the channels come last, or reorder "
            f"channel-first rows with X.reshape(-1, 3, {side}, {side})"
            f".transpose(0, 2, 3, 1); pass image_shape=(1, {n_features}) for signals."
        )
    return (1, n_features, 1)


def check_same_images(seen_shape, image_shape):
    """Raise if image-shaped input differs in shape from the images seen in ``fit``.

    Parameters
    ----------
    seen_shape : tuple of 3 int or None
        From :func:`flatten_images`; None, for rows of pixels, always passes.
    image_shape : tuple of 3 int
        The fitted ``(height, width, n_channels)``.
    """
    if seen_shape is not None and seen_shape != image_shape:
        raise ValueError(
            f"X holds images of shape {seen_shape} (height, width, n_channels); the "
            f"estimator was fitted with images of shape {image_shape}."
        )
