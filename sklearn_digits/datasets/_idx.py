"""IDX files, which MNIST came in.

An IDX file is a header and the values of one array, all of it big-endian: two zero
bytes, a byte for the dtype, a byte for the number of dimensions, each dimension as
four bytes, then the values in C order.
"""

import gzip
import os
import struct
import zlib
from math import prod
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import validate_params

from sklearn_digits._persistence.atomic_file import written_atomically

Readable: TypeAlias = BinaryIO | gzip.GzipFile

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


def _read_up_to(file: Readable, n_bytes: int) -> bytearray:
    """Read `n_bytes`, or less at the end of the file, without trusting `n_bytes`."""
    # Memory is asked for as bytes arrive: what a header claims allocates nothing.
    content = bytearray()
    while piece := file.read(min(_PIECE, n_bytes - len(content))):
        content += piece
    return content


def _read_idx(file: Readable) -> np.ndarray:
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
def load_idx(path: str | os.PathLike[str]) -> np.ndarray:
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
        If the file does not exist.
    ValueError
        If the file is not an IDX file, is cut short or damaged, or holds more or fewer
        values than its header claims.

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
            return _read_idx(gzip.open(file) if is_gzip else file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{os.fspath(path)} is a damaged gzip file, expected a whole one: {error}."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{os.fspath(path)} is not a valid IDX file: {error}."
        ) from error


@validate_params(
    {"path": [str, os.PathLike], "array": ["array-like"]},
    prefer_skip_nested_validation=True,
)
def save_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write an array as an IDX file.

    The same array always gives the same bytes.

    Parameters
    ----------
    path : str or path-like
        Where to write. Packed with gzip if the name ends in ``.gz``. An existing file
        is replaced once the new one is whole. A process that dies while it writes
        leaves a file beside it whose name ends in ``.tmp``.
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
    with written_atomically(path) as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                packed.writelines([header, values.data])
        else:
            file.writelines([header, values.data])
