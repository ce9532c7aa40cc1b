"""MNIST, from its IDX files or from OpenML."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_digits.datasets._idx import load_idx

_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_MNIST_ROWS = {  # of the 70,000 that OpenML holds in the original order
    "train": slice(0, 60_000),
    "test": slice(60_000, None),
    "all": slice(None),
}


def _find_idx_files(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Map the names of MNIST's files to their paths in `folder`; {} if none is there.

    Raises
    ------
    FileNotFoundError
        If some are there and some are missing.
    """
    names = [name for pair in _MNIST_FILES.values() for name in pair]
    paths = [(name, Path(folder, name + end)) for name in names for end in (".gz", "")]
    found = {name: path for name, path in paths if path.is_file()}
    if missing := [name for name in names if found and name not in found]:
        raise FileNotFoundError(
            f"{os.fspath(folder)} holds only {len(found)} of the {len(names)} IDX "
            f"files of MNIST; missing: {', '.join(missing)} (or the same with .gz)."
        )
    return found


def _load_pair(images_path: Path, labels_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Load one of MNIST's two parts, checked for being what it should be."""
    images, labels = load_idx(images_path), load_idx(labels_path)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(
            f"{images_path} holds an array of {images.dtype} of shape {images.shape}; "
            "expected uint8 of shape (n, 28, 28)."
        )
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{labels_path} holds an array of {labels.dtype} of shape {labels.shape}; "
            f"expected uint8 of shape ({len(images)},), one for each image of "
            f"{images_path}."
        )
    return images.reshape(-1, 784), labels


def _load_mnist(
    data_home: str | os.PathLike[str] | None, subset: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels (n, 784) of uint8 and targets (n,), from disk or from OpenML."""
    for folder in (data_home, os.environ.get("SKLEARN_DIGITS_DATA")):
        if folder and (paths := _find_idx_files(folder)):
            parts = ["train", "test"] if subset == "all" else [subset]
            names = [_MNIST_FILES[part] for part in parts]
            pairs = [
                _load_pair(paths[images], paths[labels]) for images, labels in names
            ]
            data, target = map(np.concatenate, zip(*pairs, strict=True))
            return data, target
    try:
        openml = _fetch_from_openml(data_home)
    except OSError as error:
        where = data_home or "the folder that SKLEARN_DIGITS_DATA names"
        raise ConnectionError(
            f"The IDX files of MNIST are not in {where}, and OpenML cannot be reached: "
            f"{error}. Put train-images-idx3-ubyte and the three others (each with or "
            "without .gz) into a folder, and pass it as data_home."
        ) from error
    rows = _MNIST_ROWS[subset]
    # pandas keeps columns together, images are rows.
    return np.ascontiguousarray(openml.data[rows]), openml.target[rows]


def _fetch_from_openml(data_home: str | os.PathLike[str] | None) -> Bunch:
    """Return MNIST as OpenML has it, and keep a copy in `data_home`."""
    return fetch_openml(
        "mnist_784",
        version=1,
        data_home=data_home,
        as_frame=False,
        parser="pandas",
        # Bytes from the start: an eighth of the memory of the integers that pandas
        # guesses, and no category of the digits, which scikit-learn 1.9 fails on with
        # pandas 3.1 (https://github.com/scikit-learn/scikit-learn/pull/34902).
        read_csv_kwargs={"dtype": np.uint8},
    )


@validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "subset": [StrOptions({"train", "test", "all"})],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_mnist(
    data_home: str | os.PathLike[str] | None = None,
    *,
    subset: Literal["train", "test", "all"] = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load MNIST, 70,000 images of handwritten digits, in the original order.

    It is read from its four IDX files (``train-images-idx3-ubyte`` and so on, each with
    or without ``.gz``) where `data_home` or the folder that the environment variable
    ``SKLEARN_DIGITS_DATA`` names holds them, and else fetched from OpenML by
    :func:`sklearn.datasets.fetch_openml`, which keeps a copy for the next time.

    ===============   ================
    Classes                         10
    Training images             60,000
    Test images                 10,000
    Features          784, uint8 0-255
    ===============   ================

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder of the IDX files; if it holds none, the folder where scikit-learn
        keeps what it downloads, by default ``~/scikit_learn_data``.
    subset : {"train", "test", "all"}, default="train"
        The 60,000 images for training, the 10,000 for testing, or first the ones and
        then the others.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects: `data` as a DataFrame, `target` as a Series.

    Returns
    -------
    mnist : :class:`~sklearn.utils.Bunch`
        Dictionary-like, with these attributes.

        data : ndarray or DataFrame of shape (n, 784), uint8
            A row an image, pixel after pixel from the top left; 0 is the background.
        images : ndarray of shape (n, 28, 28), uint8
            The same pixels; a view of `data` unless `as_frame` is True.
        target : ndarray or Series of shape (n,), int64
            The digits.
        target_names : ndarray of shape (10,)
            The classes, 0 to 9.
        feature_names : list of 784 str
            ``"pixel_<row>_<column>"``.
        frame : DataFrame of shape (n, 785) or None
            `data` and `target` together, if `as_frame` is True.
        DESCR : str
            What MNIST is and whose.
    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    FileNotFoundError
        If a folder holds some of the four IDX files, but not all.
    ValueError
        If an IDX file is damaged or is not MNIST's.
    ConnectionError
        If no folder holds the IDX files, and OpenML cannot be reached.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
    document recognition", Proceedings of the IEEE 86(11), 2278-2324, 1998.

    Examples
    --------
    ``fetch_mnist()`` is all it takes. Here, a folder with a very small MNIST:

    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_digits.datasets import fetch_mnist, save_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part, n in ("train", 6), ("t10k", 1):
    ...         images = np.zeros((n, 28, 28), dtype=np.uint8)
    ...         labels = np.arange(n, dtype=np.uint8)
    ...         save_idx(os.path.join(folder, f"{part}-images-idx3-ubyte"), images)
    ...         save_idx(os.path.join(folder, f"{part}-labels-idx1-ubyte"), labels)
    ...     mnist = fetch_mnist(data_home=folder)
    >>> mnist.data.shape, mnist.images.shape
    ((6, 784), (6, 28, 28))
    >>> mnist.target
    array([0, 1, 2, 3, 4, 5])
    """
    data, target = _load_mnist(data_home, subset)
    images, target, frame = data.reshape(-1, 28, 28), target.astype(np.int64), None
    names = [f"pixel_{row}_{column}" for row in range(28) for column in range(28)]
    if as_frame:
        import pandas as pd

        data = pd.DataFrame(data, columns=names)
        target = pd.Series(target, name="target")
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        images=images,
        target=target,
        target_names=np.arange(10),
        feature_names=names,
        frame=frame,
        DESCR=files(__package__).joinpath("mnist.rst").read_text("utf-8"),
    )
