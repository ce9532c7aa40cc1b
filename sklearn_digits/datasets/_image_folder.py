"""A folder of image files, one subfolder a class."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_digits._images.progress import show_progress
from sklearn_digits._warnings import warn_user
from sklearn_digits.datasets._image_file import ImageReader

LabeledFile: TypeAlias = tuple[Path, int]  # the number of its class, or -1


def _list_files(path: Path) -> tuple[list[str], list[LabeledFile]]:
    """Return the names of the classes, and pairs of path and class number.

    A class folder without files stands for itself, so that reading it fails.
    """
    if not path.is_dir():
        raise NotADirectoryError(
            f"{path} is not a folder; expected one of image files."
        )
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


def _read_labeled(reader: ImageReader, path: Path, number: int) -> np.ndarray:
    """Return the pixels of a file that has a class."""
    if number < 0:
        raise ValueError("it lies in no subfolder, and so has no class")
    if path.is_dir():
        raise ValueError("it is a folder without images; expected PNG and JPEG files")
    return reader.read(path)


def image_sizes(path: Path) -> set[tuple[int, int]]:
    """Return each height and width of an image in a folder with a subfolder a class.

    Only the headers of the files are read; other files are passed over.

    Raises
    ------
    NotADirectoryError
        If `path` is not a folder.
    ValueError
        If it has no subfolders.
    ImportError
        If Pillow is not installed.
    """
    reader, sizes = ImageReader(None, True, False), set()
    for file, number in _list_files(path)[1]:
        # Decoders raise what they like at a damaged file.
        with suppress(Exception):
            sizes |= {reader.shape_of(file)} if number >= 0 else set()
    return sizes


class _OtherSize(ValueError):
    """An image does not have the size of the first one."""


@validate_params(
    {
        "path": [str, os.PathLike],
        "image_shape": ["array-like", None],
        "as_gray": ["boolean"],
        "pad_to_aspect_ratio": ["boolean"],
        "on_error": [StrOptions({"raise", "warn"})],
        "return_X_y": ["boolean"],
        "verbose": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_image_folder(
    path: str | os.PathLike[str],
    image_shape: Sequence[int] | None = None,
    as_gray: bool = True,
    *,
    pad_to_aspect_ratio: bool = False,
    on_error: Literal["raise", "warn"] = "warn",
    return_X_y: bool = False,
    verbose: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load PNG and JPEG files from a folder that has one subfolder for each class.

    Classes and files are in the order of their names; names that start with a dot are
    passed over. Needs Pillow: ``pip install pillow``.

    Parameters
    ----------
    path : str or path-like
        The folder: ``path/<class>/<any name>.png``.
    image_shape : tuple of 2 int, default=None
        ``(height, width)`` to which each image is resized. None takes images as they
        are, and wants them of one size.
    as_gray : bool, default=True
        Whether to turn colors into gray values; else all images become RGB.
    pad_to_aspect_ratio : bool, default=False
        Whether resizing keeps the ratio of the sides, and fills up what is missing with
        the median color of the image's border. False stretches the image.
    on_error : {"raise", "warn"}, default="warn"
        What to do about a file that is not an image, is damaged, has another size or
        lies in no subfolder, and about a subfolder without files. "warn" skips it,
        lists it in `skipped`, and warns once at the end; "raise" raises an error that
        names it.
    return_X_y : bool, default=False
        Whether to return images and the names of their classes instead of a Bunch.
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
        labels : ndarray of shape (n,) of str
            The name of each image's class.
        filenames : ndarray of shape (n,) of str
            The file of each image.
        skipped : dict of str to str
            Files that were skipped, and the reason for each.
    (images, labels) : tuple
        If `return_X_y` is True.

    Raises
    ------
    NotADirectoryError
        If `path` is not a folder.
    ValueError
        If it has no subfolders; if a file cannot be used, and `on_error` is "raise"; if
        no image is left; if most images have another size than the first one; or if
        `image_shape` is not a shape of gray images.
    ImportError
        If Pillow is not installed.

    Warns
    -----
    UserWarning
        If something was skipped.

    See Also
    --------
    load_image : Load one file, to predict its class.
    sklearn_digits.to_digit_image : Make digits on paper look as MNIST's do.
    sklearn.datasets.load_files : The same for files of text.

    Notes
    -----
    A photo is turned upright as its EXIF data says, transparent pixels become white,
    and gray values of 16 bits are rounded to 8. Files that claim more pixels than
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
    ...     X, y = load_image_folder(path, return_X_y=True)
    >>> X.shape, y.tolist()
    ((2, 28, 28), ['seven', 'two'])
    """
    reader = ImageReader(image_shape, as_gray, pad_to_aspect_ratio)
    names, files = _list_files(Path(path))
    loaded = _load(reader, files, on_error == "raise", verbose)
    if not loaded.filenames:
        raise ValueError(f"{path} holds no image that can be used: {loaded.skipped}.")
    if loaded.skipped:
        _warn_of(loaded.skipped, path)
    images = loaded.images[: len(loaded.filenames)]
    target = np.array(loaded.numbers, dtype=np.int64)
    labels = np.array(names)[target]
    if return_X_y:
        return images, labels
    return Bunch(
        data=images.reshape(len(images), -1),
        images=images,
        target=target,
        target_names=np.array(names),
        labels=labels,
        filenames=np.array(loaded.filenames),
        skipped=loaded.skipped,
    )


def _load(
    reader: ImageReader, files: list[LabeledFile], strict: bool, verbose: bool
) -> Bunch:
    """Return images, their files and class numbers, and what was skipped and why."""
    loaded = Bunch(images=None, filenames=[], numbers=[], skipped={})
    n_other_sizes = 0
    for file, number in show_progress(files, "images", verbose):
        try:
            pixels = _read_labeled(reader, file, number)
            if loaded.images is None:
                loaded.images = np.empty((len(files), *pixels.shape), dtype=np.uint8)
            _check_size(pixels, loaded)
        # Decoders raise what they like at a damaged file.
        except Exception as error:
            n_other_sizes += isinstance(error, _OtherSize)
            if strict or n_other_sizes > len(files) / 2:
                raise ValueError(f"{file} cannot be used: {error}.") from error
            loaded.skipped[str(file)] = str(error)
            continue
        loaded.images[len(loaded.filenames)] = pixels
        loaded.filenames.append(str(file))
        loaded.numbers.append(number)
    return loaded


def _check_size(pixels: np.ndarray, loaded: Bunch) -> None:
    """Raise if an image does not have the size of the first one used."""
    height, width = loaded.images.shape[1:3]
    if pixels.shape[:2] != (height, width):
        raise _OtherSize(
            f"it has {pixels.shape[0]}x{pixels.shape[1]} pixels (height x width), but "
            f"{loaded.filenames[0]} has {height}x{width}; expected equal sizes, or "
            "pass image_shape to resize all"
        )


def _warn_of(skipped: dict[str, str], path: str | os.PathLike[str]) -> None:
    """Warn of all that was skipped, and say of the first what was wrong."""
    file, reason = next(iter(skipped.items()))
    warn_user(
        f"{len(skipped)} of the files in {path} are skipped, listed in `skipped`: "
        f"{file} ({reason})" + (", ..." if len(skipped) > 1 else ".")
    )
