"""Digits that examples run on: MNIST if it is stored, else scikit-learn's."""

import os
from numbers import Integral

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_digits.datasets._mnist import _find_idx_files, fetch_mnist

_LIMIT = [Interval(Integral, 1, None, closed="left"), None]


@validate_params(
    {"n_train": _LIMIT, "n_test": _LIMIT}, prefer_skip_nested_validation=True
)
def load_example_digits(
    *, n_train: int | None = None, n_test: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Load digits for an example: MNIST if it is stored, else the 8x8 digits.

    MNIST is read from its IDX files if the folder that the environment variable
    ``SKLEARN_DIGITS_DATA`` names holds them. Otherwise a quarter of
    :func:`sklearn.datasets.load_digits`, of each digit the same share, becomes the test
    set, and its gray values, 0 to 16, are stretched to MNIST's range. The network is
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
        X_train, X_test = train.images, test.images
        y_train, y_test = train.target, test.target
    else:
        X, y = load_digits(return_X_y=True)
        X = np.round(X.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.25, stratify=y, random_state=0
        )
    return X_train[:n_train], X_test[:n_test], y_train[:n_train], y_test[:n_test]
