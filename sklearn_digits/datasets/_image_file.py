"""One image file, read as an array."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import validate_params

from sklearn_digits._images.shape import check_image_shape

FORMATS = ("PNG", "JPEG")
# EXIF's tag that says how a photo is turned, and its values that swap height and width.
ORIENTATION, QUARTER_TURNS = 0x0112, (5, 6, 7, 8)


def import_pillow() -> ModuleType:
    """Return Pillow's module Image, or raise an ImportError that says what to do."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Image files are read with Pillow, which is not installed: "
            "pip install pillow."
        ) from error
    return Image


class ImageReader:
    """Read image files as arrays of uint8, all of one kind.

    Parameters
    ----------
    image_shape : sequence of 2 int or None
        ``(height, width)`` to which images are resized. None leaves them as they are.
    as_gray : bool
        Whether images become gray; else they become RGB.
    pad_to_aspect_ratio : bool
        Whether resizing keeps the ratio of the sides and fills up what is missing.
    """

    def __init__(
        self,
        image_shape: Sequence[int] | None,
        as_gray: bool,
        pad_to_aspect_ratio: bool,
    ) -> None:
        self.Image = import_pillow()
        self.mode = "L" if as_gray else "RGB"
        self.size = _pillow_size(image_shape)
        self.pad = pad_to_aspect_ratio

    def read(self, path: Path) -> np.ndarray:
        """Return the pixels of a file, of shape (height, width) or (height, width, 3).

        Raises
        ------
        ValueError
            If `path` is not a regular file or claims too many pixels.
        Exception
            Decoders raise what they like at a damaged file.
        """
        from PIL import ImageOps

        with self._opened(path) as file:
            image = ImageOps.exif_transpose(file)
        if image.mode.startswith("I;16"):
            image = self._as_bytes(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            paper = self.Image.new("RGBA", image.size, "white")
            image = self.Image.alpha_composite(paper, image)
        return np.asarray(self._resized(image.convert(self.mode)))

    def shape_of(self, path: Path) -> tuple[int, int]:
        """Return the height and width of a file's image, upright, from its header.

        Raises
        ------
        Exception
            As :meth:`read` does.
        """
        with self._opened(path) as file:
            turned = file.getexif().get(ORIENTATION, 1) in QUARTER_TURNS
            width, height = file.size[::-1] if turned else file.size
        return height, width

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Any]:
        """Open a file as Pillow's image, of which only the header is read."""
        if not path.exists():
            raise FileNotFoundError("it does not exist")
        if not path.is_file():  # reading a named pipe waits for somebody who writes
            raise ValueError("it is not a regular file")
        with self.Image.open(path, formats=FORMATS) as file:
            _check_claim(file.size, self.Image.MAX_IMAGE_PIXELS)
            yield file

    def _resized(self, image: Any) -> Any:
        """Return an image of the size that was asked for."""
        bicubic = self.Image.Resampling.BICUBIC
        if self.size is None or image.size == self.size:
            return image
        if not self.pad:
            return image.resize(self.size, bicubic)
        from PIL import ImageOps

        fitted = ImageOps.contain(image, self.size, bicubic)
        color = _border_color(np.asarray(fitted))
        return ImageOps.pad(fitted, self.size, bicubic, color=color)

    def _as_bytes(self, image: Any) -> Any:
        """Return a gray image of 16 bits as one of 8, its transparent value white."""
        values = np.asarray(image)
        pixels = np.rint(values / 257.0).astype(np.uint8)
        transparent = image.info.get("transparency")
        if transparent is not None:
            pixels[values == transparent] = 255
        return self.Image.fromarray(pixels)


def _pillow_size(image_shape: Sequence[int] | None) -> tuple[int, int] | None:
    """Return a user's ``(height, width)`` as Pillow's ``(width, height)``."""
    if image_shape is None:
        return None
    height, width, n_channels = check_image_shape(image_shape)
    if len(tuple(image_shape)) != 2:
        raise ValueError(
            f"image_shape={image_shape!r}; expected (height, width): as_gray decides "
            f"about the {n_channels} channels."
        )
    return width, height


def _check_claim(size: tuple[int, int], most: int | None) -> None:
    """Raise if a file claims more pixels than Pillow's limit: it is not decoded.

    Pillow warns of it. A filter that makes an error of a warning holds for all threads.
    """
    if most is not None and size[0] * size[1] > most:
        raise ValueError(
            f"it claims {size[0]}x{size[1]} pixels, more than the {most} of "
            "PIL.Image.MAX_IMAGE_PIXELS: it could be a decompression bomb"
        )


def _border_color(pixels: np.ndarray) -> int | tuple[int, ...]:
    """Return the median of the border pixels, channel by channel."""
    border = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    median = np.median(np.concatenate(border), axis=0).astype(int)
    return tuple(median.tolist()) if median.ndim else int(median)


@validate_params(
    {
        "path": [str, os.PathLike],
        "image_shape": ["array-like", None],
        "as_gray": ["boolean", None],
        "pad_to_aspect_ratio": ["boolean", None],
        "like": "no_validation",
    },
    prefer_skip_nested_validation=True,
)
def load_image(
    path: str | os.PathLike[str],
    image_shape: Sequence[int] | None = None,
    as_gray: bool | None = None,
    *,
    pad_to_aspect_ratio: bool | None = None,
    like: Any = None,
) -> np.ndarray:
    """Load a PNG or JPEG file as an `X` of one image, ready for ``predict``.

    Needs Pillow: ``pip install pillow``.

    Parameters
    ----------
    path : str or path-like
        The file.
    image_shape : tuple of 2 int, default=None
        ``(height, width)`` to which the image is resized. None takes the shape of the
        images that `like` was fitted with, or leaves the image as it is.
    as_gray : bool, default=None
        Whether to turn colors into gray values; else the image becomes RGB. None means
        what `like` was fitted with, or True.
    pad_to_aspect_ratio : bool, default=None
        Whether resizing keeps the ratio of the sides, and fills up what is missing with
        the median color of the image's border. False stretches the image. None means
        what `like` has in an attribute ``pad_to_aspect_ratio_``, which the command
        ``sklearn-digits train --pad`` sets, or False.
    like : estimator, default=None
        A fitted classifier or transformer of this package, or a Pipeline with one: the
        image is made as those were that it was fitted with.

    Returns
    -------
    X : ndarray of shape (1, height, width) or (1, height, width, 3), uint8
        The image.

    Raises
    ------
    ValueError
        If the file is damaged or is not an image; if `like` has no attribute
        ``image_shape_``; or if `image_shape` is not a shape of gray images.
    FileNotFoundError
        If the file does not exist.
    ImportError
        If Pillow is not installed.

    See Also
    --------
    load_image_folder : Load many files, one folder a class.
    sklearn_digits.to_digit_image : Make a digit on paper look as MNIST's do.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> from sklearn_digits.datasets import load_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "new.png")
    ...     Image.fromarray(np.full((40, 30), 7, dtype=np.uint8)).save(path)
    ...     X = load_image(path, image_shape=(28, 28))
    >>> X.shape
    (1, 28, 28)
    """
    if like is not None:
        height, width, n_channels = fitted_image_shape(like)
        image_shape = (height, width) if image_shape is None else image_shape
        as_gray = n_channels == 1 if as_gray is None else as_gray
        if pad_to_aspect_ratio is None:
            pad_to_aspect_ratio = getattr(like, "pad_to_aspect_ratio_", False)
    reader = ImageReader(
        image_shape, True if as_gray is None else as_gray, bool(pad_to_aspect_ratio)
    )
    try:
        return reader.read(Path(path))[np.newaxis]
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist.") from None
    except Exception as error:
        raise ValueError(f"{path} cannot be used: {error}.") from error


def fitted_image_shape(estimator: Any) -> tuple[int, int, int]:
    """Return the shape of the images that an estimator, or a step of it, has seen.

    Raises
    ------
    ValueError
        If it has seen none.
    """
    is_pipeline = isinstance(estimator, Pipeline)
    for step in estimator.named_steps.values() if is_pipeline else [estimator]:
        if hasattr(step, "image_shape_"):
            return step.image_shape_
    raise ValueError(
        f"like={estimator!r} has no attribute image_shape_. Expected a fitted "
        "classifier or transformer of images, or a Pipeline with one; or pass "
        "image_shape=(height, width) instead."
    )
