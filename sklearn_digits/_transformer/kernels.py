"""The bank of fixed kernels: what each name means, and how a user's own are read.

Every kernel is meant for cross-correlation, as :func:`scipy.ndimage.correlate` and
OpenCV's ``filter2D`` do it: laid over the image as printed, not flipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

Bank: TypeAlias = dict[str, np.ndarray]
# What a user may give: names, arrays by name, or arrays.
Kernels: TypeAlias = str | Sequence[str] | Mapping[str, ArrayLike] | ArrayLike

_EDGE = np.array([[1, 0, -1]] * 3, dtype=np.float64)
_DIAGONAL = np.array([[1, 1, 0], [1, 0, -1], [0, -1, -1]], dtype=np.float64)
_GROWTH = np.array([-1, 0, 1], dtype=np.float64)
_CROSS = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=np.float64)
_CENTER = np.pad([[1.0]], 1)

ORIENTATIONS = (0, 22.5, 45, 67.5, 90, 112.5, 135, 157.5)


def _derivative_pair(prefix: str, smoothing: list[int]) -> Bank:
    """Return the two derivatives that grow to the right and downwards."""
    vertical = np.outer(smoothing, _GROWTH)
    return {f"{prefix}_v": vertical, f"{prefix}_h": vertical.T}


def _gabor(degrees: float, phase: float) -> np.ndarray:
    """Return a 5x5 Gabor kernel, by the formula of OpenCV's ``getGaborKernel``.

    The wave has a length of 5 pixels under a round Gaussian of 1.25; it runs along
    the direction `degrees`, counted from the columns towards the rows. The mean is
    taken off, so that a flat image gives zero, and the absolute values sum to 1.
    """
    rows, columns = np.mgrid[-2:3, -2:3]
    angle = np.deg2rad(degrees)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    envelope = np.exp(-(rows**2 + columns**2) / (2 * 1.25**2))
    kernel = envelope * np.cos(2 * np.pi * along / 5 + phase)
    kernel -= envelope * (kernel.sum() / envelope.sum())
    return kernel / np.abs(kernel).sum()


KERNELS: Bank = {
    "vertical": _EDGE,
    "horizontal": _EDGE.T,
    "diagonal": _DIAGONAL,
    "antidiagonal": _DIAGONAL[:, ::-1],
    **_derivative_pair("sobel", [1, 2, 1]),
    **_derivative_pair("prewitt", [1, 1, 1]),
    **_derivative_pair("scharr", [3, 10, 3]),
    "roberts_pos": np.array([[0, 0, 0], [0, -1, 0], [0, 0, 1]], dtype=np.float64),
    "roberts_neg": np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=np.float64),
    "laplacian": _CROSS,
    "sharpen": _CENTER - _CROSS,
    "blur": np.full((3, 3), 1 / 9),
    "identity": _CENTER,
    **{f"gabor_edge_{a:g}": _gabor(a, np.pi / 2) for a in ORIENTATIONS},
    **{f"gabor_line_{a:g}": _gabor(a, 0) for a in ORIENTATIONS},
}

KERNEL_SETS = {
    "edges": ("vertical", "horizontal"),
    "edges4": ("vertical", "horizontal", "diagonal", "antidiagonal"),
    "edges8": tuple(f"gabor_edge_{a:g}" for a in ORIENTATIONS),
    "lines8": tuple(f"gabor_line_{a:g}" for a in ORIENTATIONS),
    "gabor": tuple(f"gabor_{k}_{a:g}" for k in ("edge", "line") for a in ORIENTATIONS),
    "sobel": ("sobel_v", "sobel_h"),
    "prewitt": ("prewitt_v", "prewitt_h"),
    "scharr": ("scharr_v", "scharr_h"),
    "roberts": ("roberts_pos", "roberts_neg"),
}


def kernel_bank(kernels: Kernels | None = None) -> Bank:
    """Return the kernels that a name, a list of names or one's own arrays mean.

    ================================ ==============================================
    names                            what they are
    ================================ ==============================================
    vertical, horizontal             rows (1, 0, -1) three times, and its transpose:
                                     positive where a bright left (upper) part meets
                                     a dark right (lower) one
    diagonal, antidiagonal           the same turned by 45 degrees: bright above the
                                     antidiagonal, and bright in the upper right
    sobel_v, sobel_h, prewitt_v,     derivative to the right (``_v``, finds vertical
    prewitt_h, scharr_v, scharr_h    edges) and downwards (``_h``), in the integers
                                     of SciPy and OpenCV: 4, 3 and 16 times what
                                     scikit-image returns
    roberts_pos, roberts_neg         differences along the two diagonals, as
                                     scikit-image's ``roberts_pos_diag`` and
                                     ``roberts_neg_diag``
    laplacian                        sum of the second derivatives, as SciPy's and
                                     OpenCV's
    sharpen, blur, identity          image minus laplacian; mean of 3x3; the image
    gabor_edge_0 ... _157.5          odd Gabor waves, 5x5, eight directions: bright
                                     behind, dark ahead
    gabor_line_0 ... _157.5          even Gabor waves without mean: bright lines
    ================================ ==============================================

    Sets of names: "edges" (vertical and horizontal), "edges4" (and the diagonals),
    "edges8" and "lines8" (the Gabor waves), "gabor" (both of them), "sobel",
    "prewitt", "scharr", "roberts".

    Parameters
    ----------
    kernels : str, list of str, dict or array-like, default=None
        Names of kernels or of sets; a dict from names to arrays; or arrays, as one
        array of shape (height, width) or (n_kernels, height, width). None means
        every kernel that has a name.

    Returns
    -------
    bank : dict of str to ndarray of shape (height, width)
        Of float64, in the order asked for. The arrays are the caller's own.

    Raises
    ------
    ValueError
        If a name is unknown or given twice, or a kernel is empty, not
        two-dimensional or not finite.
    TypeError
        If a kernel does not hold real numbers.

    References
    ----------
    The Gabor wave as a model of what simple cells in the eye's cortex respond to:
    J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency,
    and orientation optimized by two-dimensional visual cortical filters", 1985.

    Examples
    --------
    >>> from sklearn_digits import kernel_bank
    >>> kernel_bank("edges")["vertical"]
    array([[ 1.,  0., -1.],
           [ 1.,  0., -1.],
           [ 1.,  0., -1.]])
    >>> list(kernel_bank({"step": [[1, -1]]}))
    ['step']
    """
    if kernels is None:
        return _named_kernels(KERNELS)
    if isinstance(kernels, str):
        return _named_kernels([kernels])
    if isinstance(kernels, dict):
        return _own_kernels(kernels)
    given: Any = kernels
    if not isinstance(given, np.ndarray) and any(isinstance(k, str) for k in given):
        return _named_kernels(given)
    if not np.iterable(given):
        raise ValueError(
            f"kernels={kernels!r}; expected names, a dict of arrays, or arrays."
        )
    arrays = list(given)
    if arrays and all(np.ndim(row) == 1 for row in arrays):
        arrays = [given]
    return _own_kernels({f"kernel{i}": array for i, array in enumerate(arrays)})


def _named_kernels(names: Iterable[str]) -> Bank:
    bank = {}
    for name in names:
        if not isinstance(name, str) or name not in (*KERNELS, *KERNEL_SETS):
            choices = [*KERNEL_SETS, *KERNELS]
            near = get_close_matches(str(name), choices, n=4, cutoff=0.5) or choices
            raise ValueError(
                f"{name!r} in kernels is neither a kernel nor a set of kernels; "
                f"near names: {', '.join(near)}. kernel_bank() returns them all; "
                "arrays are given as one array or as a dict."
            )
        for member in KERNEL_SETS.get(name, (name,)):
            if member in bank:
                raise ValueError(f"kernels={names!r} holds {member!r} twice.")
            bank[member] = KERNELS[member].copy()
    return bank


def _own_kernels(arrays: Mapping[str, ArrayLike]) -> Bank:
    if not arrays:
        raise ValueError("kernels is empty; expected at least one kernel.")
    return {name: _check_kernel(name, array) for name, array in arrays.items()}


def _check_kernel(name: str, array: ArrayLike) -> np.ndarray:
    if not isinstance(name, str):
        raise TypeError(f"kernels has the name {name!r}; expected a str.")
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise ValueError(f"kernel {name!r} is not an array: {error}") from error
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"kernel {name!r} has dtype {array.dtype}; expected real numbers."
        )
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"kernel {name!r} has shape {array.shape}; expected (height, width), at "
            "least 1x1."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"kernel {name!r} holds NaN or infinity.")
    return array.astype(np.float64)


def frame_kernels(bank: Bank) -> np.ndarray:
    """Stack kernels of unequal size, their centers on one another, zeros around.

    The center of an even side is the pixel behind the middle, as in SciPy and OpenCV.

    Parameters
    ----------
    bank : dict of str to ndarray of shape (height, width)

    Returns
    -------
    kernels : ndarray of shape (n_kernels, height, width)
    """
    shapes = np.array([kernel.shape for kernel in bank.values()])
    frame = shapes.max(axis=0)
    before = frame // 2 - shapes // 2
    margins = np.stack([before, frame - shapes - before], axis=2)
    return np.stack([np.pad(k, m) for k, m in zip(bank.values(), margins, strict=True)])
