"""Digits to learn from: MNIST, and the IDX files that it came in.

An IDX file is a header and the values of one array, all of it big-endian: two zero
bytes, a byte for the dtype, a byte for the number of dimensions, each dimension as
four bytes, then the values in C order.
"""

import gzip
import os
import struct
import zlib
from math import prod
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

__all__ = ["fetch_mnist", "load_example_digits", "load_idx", "save_idx"]

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 2**16  # bytes asked for at once: small beside any file worth reading
_IDX_DTYPES: dict[int, np.dtype] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_IDX_NAMES = "uint8, int8, int16, int32, float32 or float64"

_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_MNIST_ROWS = {  # of the 70,000 that OpenML holds in the original order
    "train": slice(0, 60_000),
    "test": slice(60_000, None),
    "all": slice(None),
}
_MNIST_DESCR = """\
MNIST: handwritten digits
-------------------------

Grey images of 28x28 pixels, uint8, 0 (the background) to 255 (the ink), one digit each,
scaled to fit 20x20 pixels and centred by mass. 60,000 images for training, then 10,000
for testing, written by other people. The targets are the digits, 0 to 9.

By Yann LeCun, Corinna Cortes and Christopher J.C. Burges; CC BY-SA 3.0.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 2278-2324, 1998.
"""


def _read_up_to(file, n_bytes):
    """Read `n_bytes`, or less at the end of the file, without trusting `n_bytes`."""
    # Memory is asked for as bytes arrive: what a header claims allocates nothing.
    content = bytearray()
    while piece := file.read(min(_PIECE, n_bytes - len(content))):
        content += piece
    return content


def _read_idx(file):
    """Return the array in the IDX stream `file`, or raise ValueError."""
    magic = _read_up_to(file, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_DTYPES:
        raise ValueError(
            f"it starts with the bytes {magic.hex(' ') or '(none)'}; expected 00 00, "
            f"a dtype (08, 09, 0b, 0c, 0d or 0e: {_IDX_NAMES}) and a number of "
            "dimensions"
        )
    dtype, n_dims = _IDX_DTYPES[magic[2]], magic[3]
    header = _read_up_to(file, 4 * n_dims)
    if len(header) < 4 * n_dims:
        raise ValueError(
            f"it ends inside its header: expected {4 * n_dims} bytes for {n_dims} "
            f"dimensions, found {len(header)}"
        )
    shape = struct.unpack(f">{n_dims}I", header)
    n_bytes = prod(shape) * dtype.itemsize
    claim = f"its header claims shape {shape} of {dtype.name}, {n_bytes} bytes"
    values = _read_up_to(file, n_bytes)
    if len(values) < n_bytes:
        raise ValueError(f"{claim}, but it holds {len(values)}")
    if file.read(1):
        raise ValueError(f"{claim}, but more bytes follow")
    try:
        array = np.ndarray(shape, dtype, buffer=values)
    except ValueError as error:  # 65 dimensions, or 0 x 4294967295 x 4294967295 x ...
        raise ValueError(f"{claim}, which NumPy cannot represent: {error}") from error
    native = dtype.newbyteorder("=")
    return array if native == dtype else array.byteswap(inplace=True).view(native)


@validate_params({"path": [str, os.PathLike]}, prefer_skip_nested_validation=True)
def load_idx(path):
    """Load the array that an IDX file holds.

    Memory use stays below twice the size of the (unpacked) file, whatever its header
    claims.

    Parameters
    ----------
    path : str or path-like
        An IDX file, or a gzip of one. Its first bytes decide, not its name.

    Returns
    -------
    array : ndarray
        Writable, in native byte order, of the shape and dtype that the header names:
        uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no IDX file, is cut short or damaged, or holds more or fewer values
        than its header claims.

    See Also
    --------
    save_idx : Write such a file.
    fetch_mnist : Load the four IDX files of MNIST.

    References
    ----------
    Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits",
    http://yann.lecun.com/exdb/mnist, where the format is described.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_digits.datasets import load_idx, save_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "labels-idx1-ubyte.gz")
    ...     save_idx(path, np.array([5, 0, 4], dtype=np.uint8))
    ...     load_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    try:
        with open(path, "rb") as file:
            is_gzip = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            if not is_gzip:
                return _read_idx(file)
            with gzip.open(file) as unpacked:
                return _read_idx(unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{os.fspath(path)} is a damaged gzip file, expected a whole one: {error}."
        ) from error
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)} is no valid IDX file: {error}.") from error


@validate_params(
    {"path": [str, os.PathLike], "array": ["array-like"]},
    prefer_skip_nested_validation=True,
)
def save_idx(path, array):
    """Write an array as an IDX file.

    The same array always gives the same bytes.

    Parameters
    ----------
    path : str or path-like
        Where to write; an existing file is replaced. Packed with gzip if the name ends
        in ``.gz``.
    array : array-like of uint8, int8, int16, int32, float32 or float64
        Of any shape whose dimensions are below 2**32.

    Raises
    ------
    ValueError
        If IDX cannot hold the dtype or shape of `array`. Nothing is written then.

    See Also
    --------
    load_idx : Read it back.

    References
    ----------
    Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits",
    http://yann.lecun.com/exdb/mnist, where the format is described.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_digits.datasets import save_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "images-idx3-ubyte")
    ...     save_idx(path, np.zeros((2, 28, 28), dtype=np.uint8))
    ...     os.path.getsize(path)
    1584
    """
    array = np.asarray(array)
    codes = {dtype: code for code, dtype in _IDX_DTYPES.items()}
    dtype = array.dtype.newbyteorder(">")
    if dtype not in codes:
        raise ValueError(
            f"An IDX file cannot hold an array of {array.dtype}; expected "
            f"{_IDX_NAMES}: convert it with array.astype(...)."
        )
    if max(array.shape, default=0) >= 2**32:
        raise ValueError(
            f"An IDX file cannot hold an array of shape {array.shape}; expected "
            "dimensions below 2**32."
        )
    header = struct.pack(f">2x2B{array.ndim}I", codes[dtype], array.ndim, *array.shape)
    # As one row of bytes: files accept no other byte order than the native one.
    values = np.asarray(array, dtype=dtype, order="C").reshape(-1).view(np.uint8)
    with open(path, "wb") as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                packed.write(header)
                packed.write(values.data)
        else:
            file.write(header)
            file.write(values.data)


def _find_idx_files(folder):
    """Map the names of MNIST's files to their paths in `folder`; {} if none is there.

    Raises
    ------
    FileNotFoundError
        If some are there and some are missing.
    """
    names = [name for pair in _MNIST_FILES.values() for name in pair]
    found = {
        name: path
        for name in names
        for path in (Path(folder, f"{name}.gz"), Path(folder, name))
        if path.is_file()
    }
    if missing := [name for name in names if found and name not in found]:
        raise FileNotFoundError(
            f"{os.fspath(folder)} holds only {len(found)} of the {len(names)} IDX "
            f"files of MNIST; missing: {', '.join(missing)} (or the same with .gz)."
        )
    return found


def _load_pair(images_path, labels_path):
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


def _load_mnist(data_home, subset):
    """Return pixels (n, 784) of uint8 and targets (n,), from disk or from OpenML."""
    for folder in (data_home, os.environ.get("SKLEARN_DIGITS_DATA")):
        if folder and (paths := _find_idx_files(folder)):
            parts = ["train", "test"] if subset == "all" else [subset]
            pairs = [
                _load_pair(*(paths[name] for name in _MNIST_FILES[part]))
                for part in parts
            ]
            if len(pairs) == 1:
                return pairs[0]
            data, target = map(np.concatenate, zip(*pairs, strict=True))
            return data, target
    openml = fetch_openml(
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
    rows = _MNIST_ROWS[subset]
    # pandas keeps columns together, images are rows.
    return np.ascontiguousarray(openml.data[rows]), openml.target[rows]


@validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "subset": [StrOptions({"train", "test", "all"})],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_mnist(*, data_home=None, subset="train", return_X_y=False, as_frame=False):
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
        DESCR=_MNIST_DESCR,
    )


@validate_params(
    {
        "n_train": [Interval(Integral, 1, None, closed="left"), None],
        "n_test": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def load_example_digits(*, n_train=None, n_test=None):
    """Load digits for an example: MNIST where it is at hand, else the 8x8 digits.

    MNIST is read from its IDX files if the folder that the environment variable
    ``SKLEARN_DIGITS_DATA`` names holds them. Otherwise a quarter of
    :func:`sklearn.datasets.load_digits`, of each digit the same share, becomes the test
    set, and its grey values, 0 to 16, are stretched to MNIST's range. The network is
    never used.

    Parameters
    ----------
    n_train, n_test : int, default=None
        How many images at most, the first ones. None takes all: 60,000 and 10,000 of
        MNIST, or 1,347 and 450.

    Returns
    -------
    images_train, images_test : ndarray of shape (n, height, width), uint8
        From 0, the background, to 255, the ink.
    y_train, y_test : ndarray of shape (n,), int64
        The digits.

    Raises
    ------
    FileNotFoundError
        If the folder holds some of MNIST's four files, but not all.
    ValueError
        If an IDX file is damaged or is not MNIST's.

    See Also
    --------
    fetch_mnist : MNIST alone, from wherever it is to be had.

    Examples
    --------
    >>> from sklearn_digits.datasets import load_example_digits
    >>> X_train, X_test, y_train, y_test = load_example_digits(n_train=500, n_test=100)
    >>> X_train.dtype, len(X_train), len(y_test)
    (dtype('uint8'), 500, 100)
    """
    folder = os.environ.get("SKLEARN_DIGITS_DATA")
    if folder and _find_idx_files(folder):
        train, test = (fetch_mnist(subset=subset) for subset in ("train", "test"))
        images_train, images_test = train.images, test.images
        y_train, y_test = train.target, test.target
    else:
        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)
        images_train, images_test, y_train, y_test = train_test_split(
            images,
            digits.target,
            test_size=0.25,
            stratify=digits.target,
            random_state=0,
        )
    return (
        images_train[:n_train],
        images_test[:n_test],
        y_train[:n_train],
        y_test[:n_test],
    )
