"""Convert input of any kind to rows of pixels and back, without a copy if possible.

A flattened row holds the pixels of its image in the same order, so that both forms
share their memory.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from sklearn.utils import check_array

from sklearn_digits._images.shape import (
    N_CHANNELS,
    ImageShape,
    check_same_images,
    resolve_image_shape,
)

# Used as they are; anything else becomes the first of them.
DTYPES = (np.float32, np.float64, np.uint8)


def from_torch(values: Any) -> Any:
    """Return a tensor of torch's as an array, anything else as it is.

    NumPy refuses tensors that are on a GPU, have a gradient or are bfloat16.
    """
    if not hasattr(values, "detach"):
        return values
    values = values.detach().cpu()
    if values.is_floating_point() and values.element_size() < 4:
        values = values.float()
    return values.numpy()


def flatten_images(X: Any) -> tuple[Any, ImageShape | None]:
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
        `X` itself if it is an array or a data frame of two dimensions or fewer.
    image_shape : tuple of 3 int or None
        ``(height, width, n_channels)``; None for rows of pixels.

    Raises
    ------
    ValueError
        If `X` has more than four dimensions or its channels do not come last, or if
        it holds objects in place of rows.
    """
    to_channels_last = "permute" if hasattr(X, "permute") else "transpose"
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
        hint = f" It looks channel-first: pass X.{to_channels_last}(0, 2, 3, 1)."
        raise ValueError(
            f"X of shape {X.shape} has {X.shape[3]} channels in its last dimension; "
            "expected (n, height, width, n_channels) with 1, 3 or 4 channels."
            f"{hint if X.shape[1] in N_CHANNELS else ''}"
        )
    image_shape: ImageShape = (*X.shape[1:], 1)[:3]
    return X.reshape(len(X), prod(image_shape)), image_shape


def as_images(
    X: Any, image_shape: Sequence[int] | None, fitted: Any = None
) -> np.ndarray:
    """Return `X` as an array of shape (n, height, width, n_channels).

    Parameters
    ----------
    X : array-like
        As for :func:`flatten_images`. Its dtype stays as it is.
    image_shape : sequence of 2 or 3 int or None
        The shape of the images that rows of pixels hold. None infers it.
    fitted : object, default=None
        Something fitted to such images: they have the shape of its `image_shape_`, if
        it has one.

    Raises
    ------
    ValueError
        If `X` holds no numbers, or no images of the shape that they should have.
    """
    rows, seen_shape = flatten_images(X)
    rows = check_array(rows, input_name="X")
    fitted_shape = getattr(fitted, "image_shape_", None)
    if image_shape is None:
        image_shape = fitted_shape
    shape = resolve_image_shape(rows.shape[1], image_shape, seen_shape)
    if fitted_shape is not None:
        check_same_images(shape, fitted_shape)
    return rows.reshape(-1, *shape)


def layout_of(X: Any) -> Callable[[np.ndarray], Any]:
    """Return a function that gives images the form of `X`.

    Parameters
    ----------
    X : array-like or data frame
        Rows of pixels, or images.

    Returns
    -------
    restore : callable
        Takes an ndarray of shape (n, height, width, n_channels). Returns a data frame
        with the columns of `X` if that is one, else an array with its dimensions.
    """
    if not hasattr(X, "columns"):
        shape = np.shape(X)[1:]
        return lambda images: images.reshape(-1, *shape)
    # Data frames of pandas, or of polars.
    names = {"columns": X.columns} if hasattr(X, "iloc") else {"schema": X.columns}
    return lambda images: type(X)(images.reshape(len(images), -1), **names)


def accepted_dtypes(X: Any) -> list[Any]:
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
