"""What a row of ``X`` means as an image.

Images are ``(n, height, width)`` or ``(n, height, width, n_channels)`` with 1, 3 or
4 channels, the convention of PIL, matplotlib, scikit-image and OpenCV. A flattened
row holds the same pixels in the same order.
"""

from collections.abc import Sequence
from math import isqrt, prod
from numbers import Integral
from typing import Any, TypeAlias

from sklearn_digits._images.factorings import describe_factorings
from sklearn_digits._warnings import warn_user

ImageShape: TypeAlias = tuple[int, int, int]  # height, width, n_channels

N_CHANNELS = (1, 3, 4)
# What stands beyond the border of an image: SciPy's names, and what numpy.pad calls it.
BORDER_MODES: dict[str, Any] = {
    "constant": "constant",
    "nearest": "edge",
    "reflect": "symmetric",
    "mirror": "reflect",
    "wrap": "wrap",
}


def check_image_shape(image_shape: Sequence[int]) -> ImageShape:
    """Return a user's `image_shape` as ``(height, width, n_channels)``.

    Parameters
    ----------
    image_shape : sequence of 2 or 3 positive int
        ``(height, width)`` for gray images, or ``(height, width, n_channels)``.

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
        channel_first = len(shape) == 3 and shape[0] in N_CHANNELS
        hint = " It looks channel-first; channels come last here."
        raise ValueError(
            f"image_shape={image_shape!r} is not an image shape: expected (height, "
            "width) or (height, width, n_channels) with 1, 3 or 4 channels, all "
            f"positive integers.{hint if channel_first else ''}"
        )
    height, width, n_channels = (*map(int, shape), 1)[:3]
    return height, width, n_channels


def channels_last(image_shape: ImageShape) -> str:
    """Return the code that makes images of channel-first rows `X`, for a message."""
    height, width, n_channels = image_shape
    return (
        f"X.reshape(-1, {n_channels}, {height}, {width}).transpose(0, 2, 3, 1), or "
        ".permute(0, 2, 3, 1) for a tensor"
    )


def resolve_image_shape(
    n_features: int,
    image_shape: Sequence[int] | None = None,
    seen_shape: ImageShape | None = None,
) -> ImageShape:
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
        ``(height, width, n_channels)``. With nothing given, a row is a gray square,
        or else a gray image of height 1, which raises a warning.

    Raises
    ------
    ValueError
        If the shapes contradict each other or the number of features, or if a row
        may well be a square color image.
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
            f"Rows of {n_features} features may be {side}x{side} color images. Pass "
            f"image_shape=({side}, {side}, 3) if the channels come last, or "
            f"image_shape=(1, {n_features}) for signals. If the channels come first, "
            f"pass {channels_last((side, side, 3))}."
        )
    warn_user(
        f"Rows of {n_features} features are not square images, and are read as images "
        f"of height 1. {describe_factorings(n_features)} Pass image_shape=(height, "
        f"width), or image_shape=(1, {n_features}) for signals."
    )
    return (1, n_features, 1)


def check_same_images(seen_shape: ImageShape | None, image_shape: ImageShape) -> None:
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


def refuse_single_image(shape: tuple[int, ...], n_features: int, name: str) -> None:
    """Raise if rows of pixels are those of one image.

    Parameters
    ----------
    shape : tuple of int
        Of `X`, flattened to two dimensions.
    n_features : int
        The features that the estimator was fitted with.
    name : str
        The class of the estimator.
    """
    if len(shape) == 2 and shape[1] != n_features and prod(shape) == n_features:
        raise ValueError(
            f"X has {shape[1]} features, but {name} is expecting {n_features} features "
            "as input. X holds as many values as one image: for one image, pass "
            "X[None], or X.reshape(1, -1)."
        )
