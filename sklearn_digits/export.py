"""Fitted estimators as ONNX files, which run without Python."""

from math import prod

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._images.shape import check_image_shape
from sklearn_digits._persistence.atomic_file import written_atomically

INPUT_DTYPES = ("uint8", "float32", "float64")


def to_onnx(estimator, path, *, input_dtype="float32", image_shape=None):
    """Write a fitted estimator, or a pipeline with one, to an ONNX file.

    The file takes what the estimator takes, raw pixels: their scaling is in it. Any
    number of rows may come at once. Its input is called ``X``. A classifier has the
    outputs ``label`` and ``probabilities``, named and typed as by skl2onnx: int64 or
    str of shape (n,), and floats of shape (n, n_classes). With several labels a row,
    ``label`` has a column for each. A transformer has the output ``variable``.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or transformer of this package, or a ``Pipeline`` (or
        another of scikit-learn's compositions) of such and of what skl2onnx knows.
    path : str or path-like
        Where to write. The file appears whole or not at all.
    input_dtype : {"uint8", "float32", "float64"}, default="float32"
        Of the pixels. Floats come out as float64 if they go in as float64, else as
        float32.
    image_shape : tuple of 2 or 3 int, default=None
        Of the images that go in: ``(height, width)`` or ``(height, width,
        n_channels)``. None means rows, of ``estimator.n_features_in_`` pixels.

    Returns
    -------
    model : onnx.ModelProto
        What was written.

    Raises
    ------
    NotFittedError
        If `estimator` is not fitted.
    TypeError
        If `estimator` is no estimator, or skl2onnx does not know a part of it.
    ValueError
        If there is no such `input_dtype`, or `image_shape` does not fit.
    NotImplementedError
        If a network computes what has no entry in the table of operations, if classes
        are neither integers nor str, or if ``n_views`` is not 1.
    ImportError
        If onnx or skl2onnx is missing: ``pip install "sklearn-digits[onnx]"``.
    OSError
        If the file cannot be written.

    Notes
    -----
    Predictions are those of the estimator to about 1e-6, in float32; only layers and
    scikit-learn steps for which ONNX Runtime has float64 compute in it. Input is not
    checked: NaN goes through, and no warning tells of pixels on another scale.

    A network of one's own is written as ours are, from the operations that torch
    carries out when it runs: convolutions, poolings, linear layers, normalisations,
    the usual activations, sums and products. Each row must be treated alike.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from onnxruntime import InferenceSession
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_digits import MLPClassifier
    >>> from sklearn_digits.export import to_onnx
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.astype(np.uint8)
    >>> clf = MLPClassifier((20,), tol=1, n_iter_no_change=2).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.onnx")
    ...     _ = to_onnx(clf, path, input_dtype="uint8")
    ...     session = InferenceSession(path)
    >>> label, probabilities = session.run(None, {"X": X})
    >>> bool((label == clf.predict(X)).all())
    True
    """
    check_is_fitted(estimator)
    try:
        from sklearn_digits._onnx.converters import convert
    except ImportError as error:
        raise ImportError(
            f"to_onnx needs onnx and skl2onnx, which cannot be imported ({error}): "
            'pip install "sklearn-digits[onnx]".'
        ) from error
    dtype = _check_dtype(input_dtype)
    shape = _row_shape(estimator.n_features_in_, image_shape)
    model = convert(estimator, dtype, shape)
    with written_atomically(path) as file:
        file.write(model.SerializeToString())
    return model


def _check_dtype(dtype):
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = None
    if name not in INPUT_DTYPES:
        raise ValueError(
            f"input_dtype={dtype!r}; expected one of {', '.join(INPUT_DTYPES)}."
        )
    return name


def _row_shape(n_features, image_shape):
    if image_shape is None:
        return (n_features,)
    if prod(check_image_shape(image_shape)) != n_features:
        raise ValueError(
            f"image_shape={tuple(image_shape)} has {prod(image_shape)} pixels; the "
            f"estimator was fitted with {n_features} features."
        )
    return tuple(image_shape)
