"""A folder of image files, one subfolder a class."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_digits._images.shape import check_image_shape
from sklearn_digits._warnings import warn_user

LabeledFile: TypeAlias = tuple[Path, int]  # the number of its class, or -1

FORMATS = ("PNG", "JPEG")


def _import_pillow() -> ModuleType:
    """Return Pillow's module Image, or raise an ImportError that says what to do."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "load_image_folder reads files with Pillow, which is not installed: "
            "pip install sklearn-digits[images]."
        ) from error
    return Image


def _list_files(path: Path) -> tuple[list[str], list[LabeledFile]]:
    """Return the names of the classes, and pairs of path and class number.

    A class folder without files stands for itself, so that reading it fails.
    """
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is no folder; expected one of image files.")
    entries = sorted(entry for entry in path.iterdir() if entry.name[0] != ".")
    classes = [entry for entry in entries if entry.is_dir()]
    if not classes:
        raise ValueError(
            f"{path} has no subfolders; expected one for each class, named as the "
            "class, with its image files in it."
        )
    files = [(entry, -1) for entry in entries if not entry.is_dir()]
    for number, folder in enumerate(classes):
        members = sorted(e for e in folder.iterdir() if e.name[0] != ".")
        files += [(member, number) for member in members or [folder]]
    return [folder.name for folder in classes], files


def _read_image(
    Image: ModuleType, path: Path, number: int, mode: str, size: tuple[int, int] | None
) -> np.ndarray:
    """Return the pixels of a file as uint8, in `mode` and, unless None, of `size`."""
    if number < 0:
        raise ValueError("it lies in no subfolder, and so has no class")
    if path.is_dir():
        raise ValueError("it is a folder without images; expected PNG and JPEG files")
    if not path.is_file():  # reading a named pipe waits for somebody who writes
        raise ValueError("it is not a regular file")
    from PIL import ImageOps

    with Image.open(path, formats=FORMATS) as file:
        _check_claim(file.size, Image.MAX_IMAGE_PIXELS)
        image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I;16"):
        image = _as_bytes(Image, image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    image = image.convert(mode)
    if size is not None and image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image)


def _check_claim(size: tuple[int, int], most: int | None) -> None:
    """Raise if a file claims more pixels than Pillow's limit: it is not decoded.

    Pillow warns of it. A filter that makes an error of a warning holds for all threads.
    """
    if most is not None and size[0] * size[1] > most:
        raise ValueError(
            f"it claims {size[0]}x{size[1]} pixels, more than the {most} of "
            "PIL.Image.MAX_IMAGE_PIXELS: it could be a decompression bomb"
        )


def _as_bytes(Image: ModuleType, image: Any) -> Any:
    """Return a grey image of 16 bits as one of 8, its transparent value white."""
    values = np.asarray(image)
    pixels = np.rint(values / 257.0).astype(np.uint8)
    transparent = image.info.get("transparency")
    if transparent is not None:
        pixels[values == transparent] = 255
    return Image.fromarray(pixels)


def _progress(files: list[LabeledFile], verbose: bool) -> Iterable[LabeledFile]:
    """Return `files` to iterate over, with a progress bar if it is asked for."""
    if not verbose:
        return files
    from rich.console import Console
    from rich.progress import track

    return track(files, "images", console=Console(stderr=True))


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


def _check_size(
    pixels: np.ndarray, images: np.ndarray, used: list[tuple[str, int]]
) -> None:
    """Raise if an image has not the size of the first one used."""
    if pixels.shape != images.shape[1:]:
        raise ValueError(
            f"it has {pixels.shape[0]}x{pixels.shape[1]} pixels (height x width), but "
            f"{used[0][0]} has {images.shape[1]}x{images.shape[2]}; expected equal "
            "sizes, or pass image_shape to resize all"
        )


@validate_params(
    {
        "path": [str, os.PathLike],
        "image_shape": ["array-like", None],
        "as_gray": ["boolean"],
        "on_error": [StrOptions({"raise", "warn"})],
        "verbose": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_image_folder(
    path: str | os.PathLike[str],
    image_shape: Sequence[int] | None = None,
    as_gray: bool = True,
    *,
    on_error: Literal["raise", "warn"] = "raise",
    verbose: bool = False,
) -> Bunch:
    """Load PNG and JPEG files from a folder that has one subfolder for each class.

    Classes and files are in the order of their names; names that start with a dot are
    passed over. Needs Pillow, which ``pip install sklearn-digits[images]`` brings.

    Parameters
    ----------
    path : str or path-like
        The folder: ``path/<class>/<any name>.png``.
    image_shape : tuple of 2 int, default=None
        ``(height, width)`` to which each image is resized, whatever its ratio. None
        takes images as they are, and wants them of one size.
    as_gray : bool, default=True
        Whether to turn colours into grey values; else all images become RGB.
    on_error : {"raise", "warn"}, default="raise"
        What to do about a file that is no image, is damaged or of another size, that
        lies in no subfolder, and about a subfolder without files: raise an error that
        names it, or skip it, warn once at the end, and list it in `skipped`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    folder : :class:`~sklearn.utils.Bunch`
        Dictionary-like, with these attributes.

        data : ndarray of shape (n, n_pixels), uint8
            A row an image, pixel after pixel from the top left.
        images : ndarray of shape (n, height, width) or (n, height, width, 3), uint8
            The same pixels; a view of `data`.
        target : ndarray of shape (n,), int64
            The class of each image, as a position in `target_names`.
        target_names : ndarray of shape (n_classes,) of str
            The names of the subfolders.
        filenames : ndarray of shape (n,) of str
            The file of each image.
        skipped : dict of str to str
            What was skipped and why; empty with ``on_error="raise"``.

    Raises
    ------
    NotADirectoryError
        If `path` is no folder.
    ValueError
        If it has no subfolders; if a file cannot be used, unless that is only warned
        of; if no image is left; or if `image_shape` is no shape of grey images.
    ImportError
        If Pillow is not installed.

    Warns
    -----
    UserWarning
        If something was skipped.

    See Also
    --------
    sklearn_digits.to_digit_image : Make digits on paper look as MNIST's do.
    sklearn.datasets.load_files : The same for files of text.

    Notes
    -----
    A photo is turned upright as its EXIF data says, transparent pixels become white,
    and grey values of 16 bits are rounded to 8. Files that claim more pixels than
    ``PIL.Image.MAX_IMAGE_PIXELS``, decompression bombs, are refused unread.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> from sklearn_digits.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as path:
    ...     for name in ("seven", "two"):
    ...         os.mkdir(os.path.join(path, name))
    ...         image = Image.fromarray(np.full((28, 28), 7, dtype=np.uint8))
    ...         image.save(os.path.join(path, name, "first.png"))
    ...     folder = load_image_folder(path)
    >>> folder.images.shape, folder.target_names[folder.target].tolist()
    ((2, 28, 28), ['seven', 'two'])
    """
    Image = _import_pillow()
    mode, size = "L" if as_gray else "RGB", _pillow_size(image_shape)
    names, files = _list_files(Path(path))
    images = None
    used: list[tuple[str, int]] = []
    skipped: dict[str, str] = {}
    for file, number in _progress(files, verbose):
        try:
            pixels = _read_image(Image, file, number, mode, size)
            if images is None:
                images = np.empty((len(files), *pixels.shape), dtype=np.uint8)
            _check_size(pixels, images, used)
        # Decoders raise what they like at a damaged file.
        except Exception as error:
            if on_error == "raise":
                raise ValueError(f"{file} cannot be used: {error}.") from error
            skipped[str(file)] = str(error)
            continue
        images[len(used)] = pixels
        used.append((str(file), number))
    if images is None:
        raise ValueError(f"{path} holds no image that can be used: {skipped}.")
    if skipped:
        _warn_of(skipped, path)
    images = images[: len(used)]
    return Bunch(
        data=images.reshape(len(images), -1),
        images=images,
        target=np.array([number for _, number in used], dtype=np.int64),
        target_names=np.array(names),
        filenames=np.array([file for file, _ in used]),
        skipped=skipped,
    )


def _warn_of(skipped: dict[str, str], path: str | os.PathLike[str]) -> None:
    """Warn of all that was skipped, and say of the first what was wrong."""
    file, reason = next(iter(skipped.items()))
    warn_user(
        f"{len(skipped)} of the files in {path} are skipped, listed in `skipped`: "
        f"{file} ({reason})" + (", ..." if len(skipped) > 1 else ".")
    )
