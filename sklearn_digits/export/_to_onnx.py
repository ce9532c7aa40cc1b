"""to_onnx: a fitted estimator becomes a file."""

from math import prod

from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._images.shape import check_image_shape
from sklearn_digits._persistence.atomic_file import written_atomically

INPUT_DTYPES = ("uint8", "float32", "float64")
# Where scikit-learn's meta-estimators keep the estimators that they have fitted.
META_ESTIMATOR_PARTS = (
    "best_estimator_",
    "estimator",
    "estimators_",
    "calibrated_classifiers_",
)


def to_onnx(estimator, path, *, input_dtype="float32", image_shape=None):
    """Write a fitted estimator, or a pipeline with one, to an ONNX file.

    The file takes the same raw pixels as the estimator, and scales them itself. It
    takes any number of rows at once. Its input is called ``X``. A classifier has the
    outputs ``label`` and ``probabilities``, which skl2onnx names and types: int64 or
    str of shape (n,), and floats of shape (n, n_classes). With several labels a row,
    ``label`` has a column for each. A transformer has the output ``variable``.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or transformer of this package, or a ``Pipeline`` (or
        another composition of scikit-learn) of them and of steps that skl2onnx knows.
    path : str or path-like
        Where to write. The file appears whole or not at all. A process that dies while
        it writes leaves a file beside it whose name ends in ``.tmp``.
    input_dtype : {"uint8", "float32", "float64"}, default="float32"
        The dtype of the pixels. The output is float64 if the input is float64, else
        float32.
    image_shape : tuple of 2 or 3 int, default=None
        The shape of the images that go in: ``(height, width)`` or ``(height, width,
        n_channels)``. None means rows, of ``estimator.n_features_in_`` pixels.

    Returns
    -------
    model : onnx.ModelProto
        The model that was written.

    Raises
    ------
    NotFittedError
        If `estimator` is not fitted.
    TypeError
        If `estimator` is not an estimator, or skl2onnx does not know a part of it.
    ValueError
        If `input_dtype` is none of the three, or if `image_shape` has another number
        of pixels or other sides than the images in ``fit``.
    NotImplementedError
        If ``torch.onnx.export`` cannot export a network, or if the classes are neither
        integers nor str.
    ImportError
        If onnx, onnxscript or skl2onnx is missing:
        ``pip install onnx onnxscript skl2onnx``.
    OSError
        If the file cannot be written.

    Notes
    -----
    Probabilities agree with those of the estimator to about 1e-6. Networks compute in
    float32, except that of ``MLPClassifier``, which computes in float64 when the
    input is float64. The file does not check its input: NaN goes through, and nothing
    warns of pixels on another scale.

    A converter that you registered with skl2onnx for a class of this package, or for a
    subclass, is used in place of the package's own.

    ``torch.onnx.export`` writes the network, so a network that you wrote yourself
    exports if torch can export it. Torch refuses a ``forward`` that depends on the
    values of its input in Python, such as ``if x.sum() > 0``. The views of `n_views`
    are in the file, too. An export takes seconds, and exports in several threads wait
    for one another.

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
        from sklearn_digits.export._converters import convert
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx, onnxscript and skl2onnx, which cannot be imported "
            f"({error}): pip install onnx onnxscript skl2onnx."
        ) from error
    dtype = _check_dtype(input_dtype)
    shape = _row_shape(estimator, image_shape)
    model = convert(estimator, dtype, shape)
    with written_atomically(path) as file:
        file.write(model.SerializeToString())
    return model


def _check_dtype(dtype):
    name = getattr(dtype, "__name__", str(dtype))  # of NumPy's types, too
    if name not in INPUT_DTYPES:
        raise ValueError(
            f"input_dtype={dtype!r}; expected one of {', '.join(INPUT_DTYPES)}."
        )
    return name


def _row_shape(estimator, image_shape):
    n_features = estimator.n_features_in_
    if image_shape is None:
        return (n_features,)
    whole_shape = check_image_shape(image_shape)
    if prod(whole_shape) != n_features:
        raise ValueError(
            f"image_shape={tuple(image_shape)} has {prod(image_shape)} pixels; the "
            f"estimator was fitted with {n_features} features."
        )
    for fitted_shape in _fitted_image_shapes(estimator):
        if prod(fitted_shape) == n_features and fitted_shape != whole_shape:
            raise ValueError(
                f"image_shape={tuple(image_shape)} means images of shape "
                f"{whole_shape} (height, width, n_channels); the estimator was fitted "
                f"with images of shape {fitted_shape}."
            )
    return tuple(image_shape)


def _fitted_image_shapes(estimator):
    """Return the image shapes of those parts of `estimator` that take its input."""
    if hasattr(estimator, "image_shape_"):
        return [estimator.image_shape_]
    if isinstance(estimator, Pipeline):
        parts = [estimator.steps[0][1]]  # the others take its output
    elif isinstance(estimator, FeatureUnion):
        parts = [part for _, part in estimator.transformer_list]
    else:
        parts = []
        for name in META_ESTIMATOR_PARTS:
            found = getattr(estimator, name, [])
            parts += found if isinstance(found, list) else [found]
    return [shape for part in parts for shape in _fitted_image_shapes(part)]
