"""From a photo or drawing of a digit to an image as MNIST's are.

A network that learned from MNIST knows bright ink on black, a digit that fills a box of
20x20 pixels in an image of 28x28, and its center of mass in the middle. This makes such
an image of what a camera or a mouse gives.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from sklearn_digits._images.shape import check_image_shape

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in gray, by ITU-R BT.601
WORKING_SIDE = 400  # pixels; larger images are shrunk first, by averaging
SAMPLED_SIDE = 64  # of which the paper's brightness is learned
BOX_SHARE = 20 / 28  # of the image's side, which the digit fills
# MNIST's strokes are 2.9 pixels wide on average and 1.9 or more in 19 of 20 images.
THINNEST_STROKE = 2 / 28  # of the image's side
# Blots smaller than this share of the largest one are dust, not ink.
SMALLEST_BLOT = 0.03
# Ink stands out from the paper by this many times the paper's noise, and by this share
# of the brightness.
LEAST_CONTRAST, LEAST_SHARE = 6.0, 0.02
# Darker than ink may be one pixel in so many.
RAREST = 2000
# The median absolute value of what is distributed normally, variance 1.
MEDIAN_NORMAL = 0.6745


def to_digit_image(
    image: ArrayLike, image_shape: Sequence[int] = (28, 28)
) -> np.ndarray:
    """Turn a photo or drawing of one digit into an image as MNIST's are.

    Colors become gray, uneven light is taken out, dark ink becomes bright, noise and
    dust become black. Then the digit is cropped, strokes thinner than MNIST's are
    thickened, and it is scaled to fit the middle 20/28 of the image, its ratio kept
    and its center of mass in the middle [1]_.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        One digit on an even ground, bright on dark or dark on bright, with paper
        around it: gray, RGB, or RGBA as 1, 3 or 4 channels. bool, uint8, or any other
        real dtype; all that counts is contrast. Images of Pillow's in mode "P" hold
        numbers of colors, not colors: pass ``image.convert("RGB")``.
    image_shape : tuple of 2 int, default=(28, 28)
        ``(height, width)`` of the result; (28, 28) is MNIST's.

    Returns
    -------
    digit : ndarray of shape (height, width), uint8
        Gray values from 0, the background, to 255, the ink.

    Raises
    ------
    ValueError
        If `image` is not an image of 1, 3 or 4 channels, holds NaN or infinity, or
        shows nothing that stands out from its ground; or if `image_shape` is not a
        shape of gray images.

    See Also
    --------
    sklearn_digits.datasets.load_image_folder : Load images from their files.

    Notes
    -----
    The ground is a smooth surface, fitted to the pixels that are not ink, so that light
    may fall off to one side. Sharp shadows, lines on the paper and the edge of the desk
    look like ink; crop them away first. Transparent pixels are paper, white under dark
    ink and black under bright ink.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied
       to document recognition", Proceedings of the IEEE 86(11), 1998, section III-A.

    Examples
    --------
    A 1 drawn with dark ink in a corner of a large sheet:

    >>> import numpy as np
    >>> from sklearn_digits import to_digit_image
    >>> sheet = np.full((300, 400, 3), 230, dtype=np.uint8)
    >>> sheet[20:120, 40:50] = (20, 20, 90)
    >>> digit = to_digit_image(sheet)
    >>> digit.shape, digit.dtype
    ((28, 28), dtype('uint8'))
    >>> digit[8:12, 11:18]
    array([[  0,   0, 128, 255, 128,   0,   0],
           [  0,   0, 128, 255, 128,   0,   0],
           [  0,   0, 128, 255, 128,   0,   0],
           [  0,   0, 128, 255, 128,   0,   0]], dtype=uint8)
    """
    height, width, n_channels = check_image_shape(image_shape)
    if n_channels != 1:
        raise ValueError(
            f"image_shape={image_shape!r} has {n_channels} channels; a digit is gray: "
            "expected (height, width)."
        )
    ink = _find_ink(_shrink(_to_gray(image)))
    box = np.array([height, width]) * BOX_SHARE
    scale = (box / _crop(ink).shape).min()
    crop = _crop(_thicken(ink, THINNEST_STROKE * min(height, width) / scale))
    return _lay_in_the_middle(crop, (box / crop.shape).min(), (height, width))


def _to_gray(image: ArrayLike) -> np.ndarray:
    """Return an image as floats of shape (height, width)."""
    image = np.asarray(image)
    if image.dtype.kind not in "buif" or image.ndim not in (2, 3) or not image.size:
        raise ValueError(
            f"image is an array of {image.dtype} of shape {image.shape}; expected "
            "numbers, (height, width) or (height, width, n_channels)."
        )
    if image.ndim == 3 and image.shape[2] not in (1, 3, 4):
        raise ValueError(
            f"image of shape {image.shape} has {image.shape[2]} channels in its last "
            "dimension; expected 1, 3 or 4."
        )
    values = np.atleast_3d(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("image holds NaN or infinity; expected finite gray values.")
    n_channels = values.shape[2]
    gray = values[:, :, 0] if n_channels == 1 else values[:, :, :3] @ LUMA
    return _lay_on_paper(gray, values[:, :, 3], image) if n_channels == 4 else gray


def _white(image: np.ndarray) -> float:
    """Return what stands for white in an image of this dtype."""
    if image.dtype.kind not in "iu":
        return 1.0 if image.max() <= 1 else 255.0
    largest = float(np.iinfo(image.dtype).max)
    # Wide integers hold bytes, or 16 bits, more often than values of their own range.
    whites = (255.0, 65535.0, largest)
    return next(white for white in whites if image.max() <= white <= largest)


def _lay_on_paper(gray: np.ndarray, alpha: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return a transparent image on white paper, or on black if its ink is bright."""
    white = _white(image)
    opacity = np.clip(alpha / white, 0, 1)
    opaque = gray[opacity > 0.5]
    paper = white if opaque.size and opaque.min() < white / 2 else 0.0
    return gray * opacity + paper * (1 - opacity)


def _shrink(gray: np.ndarray) -> np.ndarray:
    """Return a large image smaller by a whole factor, as averages of squares."""
    factor = -(-max(gray.shape) // WORKING_SIDE)
    height, width = (max(side // factor, 1) for side in gray.shape)
    tall, wide = min(factor, gray.shape[0]), min(factor, gray.shape[1])
    blocks = gray[: height * tall, : width * wide].reshape(height, tall, width, wide)
    return blocks.mean(axis=(1, 3))


def _find_ink(gray: np.ndarray) -> np.ndarray:
    """Return how much ink each pixel holds, from 0 to 1, dust left out."""
    difference = gray - _ground(gray)
    # Whichever way the ink differs, it differs more than anything else.
    ink = difference * np.sign((difference**3).sum())
    # A few pixels may be darker than ink: its darkness is that of its middle.
    rare = max(1, ink.size // RAREST)
    peak = np.partition(ink, -rare, axis=None)[-rare]
    brightest = np.abs(gray).max()
    inked = ink > max(peak / 3, 1e-9 * brightest)
    full = noise = 0.0
    if inked.any() and not inked.all():
        full = float(np.median(ink[inked]))
        noise = float(np.median(np.abs(ink[~inked]))) / MEDIAN_NORMAL
    if full <= max(LEAST_CONTRAST * noise, LEAST_SHARE * brightest):
        raise ValueError(
            f"image of shape {gray.shape} shows nothing: no ink stands out from its "
            "ground. Expected one digit, bright on dark or dark on bright."
        )
    blots, _ = ndimage.label(ink > full / 2, np.ones((3, 3)))
    areas = np.bincount(blots.ravel())[1:]
    kept = np.flatnonzero(areas >= SMALLEST_BLOT * areas.max()) + 1
    # With the gray pixels around, that make the edge of a stroke smooth.
    near = ndimage.binary_dilation(np.isin(blots, kept), np.ones((3, 3)))
    return np.where(near, np.clip(ink / full, 0, 1), 0)


def _ground(gray: np.ndarray) -> np.ndarray:
    """Return the brightness of the paper, ink taken away: a quadratic surface."""
    # A sample of the pixels settles six coefficients.
    step = -(-max(gray.shape) // SAMPLED_SIDE)
    terms, sample = _quadratic_terms(gray.shape), gray[::step, ::step]
    sampled_terms = terms[::step, ::step]
    border = np.ones(sample.shape)
    tall, wide = (max(1, side // 20) for side in sample.shape)
    border[tall:-tall, wide:-wide] = 0
    # Least absolute deviations, by weighted least squares: half the border would have
    # to be ink before it counted.
    weight = border
    for _ in range(10):
        _, deviation = _fit(sampled_terms, sample, weight)
        weight = border / np.maximum(deviation, 1e-3 * deviation.max() + 1e-12)
    for _ in range(3):
        paper = deviation <= deviation.max() / 4
        coefficients, deviation = _fit(sampled_terms, sample, paper)
    return terms @ coefficients


def _quadratic_terms(shape: tuple[int, ...]) -> np.ndarray:
    """Return 1, x, y, x * x, x * y and y * y of each pixel, as the last axis."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    return np.stack([np.ones(shape), x, y, x * x, x * y, y * y], axis=-1)


def _fit(
    terms: np.ndarray, values: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients of the terms that fit values best, and the deviations."""
    rows, scale = weight > 0, np.sqrt(weight[weight > 0])
    coefficients, *_ = np.linalg.lstsq(
        terms[rows] * scale[:, np.newaxis], values[rows] * scale, rcond=None
    )
    return coefficients, np.abs(values - terms @ coefficients)


def _crop(ink: np.ndarray) -> np.ndarray:
    """Return the smallest part of an image that holds all strokes."""
    rows, columns = (np.flatnonzero((ink > 0.5).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _thicken(ink: np.ndarray, thickness: float) -> np.ndarray:
    """Return ink whose strokes are `thickness` pixels wide on average, or wider."""
    strokes = ink > 0.5
    # Distances to the edge of a stroke grow to half its width, in steps of a pixel.
    depth = ndimage.distance_transform_edt(np.pad(strokes, 1))[1:-1, 1:-1]
    growth = (thickness - (4 * depth[strokes].mean() - 2)) / 2
    if growth <= 0:
        return ink
    ink = np.pad(ink, int(growth) + 2)
    distance = ndimage.distance_transform_edt(ink <= 0.5)
    return np.maximum(ink, np.clip(growth + 1 - distance, 0, 1))


def _lay_in_the_middle(
    crop: np.ndarray, scale: float, shape: tuple[int, int]
) -> np.ndarray:
    """Return a cropped digit scaled, its center of mass in the middle, as uint8."""
    axes = zip(crop.shape, ndimage.center_of_mass(crop), shape, strict=True)
    rows, columns = (
        _resampling(n_in, scale, mass, n_out) for n_in, mass, n_out in axes
    )
    digit = rows @ crop @ columns.T
    return np.rint(digit * (255 / digit.max())).astype(np.uint8)


def _resampling(n_in: int, scale: float, mass: float, n_out: int) -> np.ndarray:
    """Return the weights (n_out, n_in) that scale and shift pixels along an axis.

    Each new pixel averages the old ones that it covers, where pixels get fewer, and
    interpolates between them, where they get more. The center of mass comes to lie in
    the pixel ``n_out // 2``, as in MNIST, unless the digit would leave the image.
    """
    # Places are centers of pixels: the image reaches from -0.5 to n_out - 0.5.
    start = n_out // 2 - (mass + 0.5) * scale
    start = np.clip(start, -0.5, max(n_out - 0.5 - n_in * scale, -0.5))
    places = ((np.arange(n_out) - start) / scale - 0.5)[:, np.newaxis]
    reach = max(1.0, 1 / scale)
    pixels = np.arange(n_in)
    first = np.maximum(places - reach / 2, pixels - 0.5)
    last = np.minimum(places + reach / 2, pixels + 0.5)
    return np.clip(last - first, 0, None) / reach
