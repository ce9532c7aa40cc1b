"""What skl2onnx has to know of our estimators: their outputs, and the nodes of each."""

from math import prod, sqrt

import numpy as np
from onnx import helper, numpy_helper
from skl2onnx import convert_sklearn, get_model_alias, update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from skl2onnx.common.utils import InvalidInputLengthException
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_digits._classifiers.mlp import MLP
from sklearn_digits._images.shape import BORDER_MODES
from sklearn_digits.export._modules import put_modules_in_place, write_module
from sklearn_digits.export._nodes import OPSET, cast, node, reshape, write

_DTYPES = {FloatTensorType: np.float32, DoubleTensorType: np.float64}


def convert(estimator, dtype, shape):
    """Return a fitted estimator as an ONNX model.

    Parameters
    ----------
    estimator : estimator
        One of ours, or one of scikit-learn's with ours inside.
    dtype : {"uint8", "float32", "float64"}
        The dtype of the pixels.
    shape : tuple of int
        The shape of an image, or of a row of pixels.

    Returns
    -------
    model : onnx.ModelProto

    Raises
    ------
    TypeError
        If skl2onnx does not know a part of the estimator.
    NotImplementedError
        If torch cannot export a module, or if ONNX does not have the labels.
    """
    _register_types(estimator)
    rows = [None, estimator.n_features_in_]
    rows_type = DoubleTensorType(rows) if dtype == "float64" else FloatTensorType(rows)
    try:
        model = _convert_without_zipmap(
            estimator,
            name=type(estimator).__name__,
            initial_types=[("rows", rows_type)],
            target_opset=OPSET,
        )
    except (MissingConverter, MissingShapeCalculator) as error:
        raise TypeError(
            f"skl2onnx cannot convert a part of {type(estimator).__name__}: {error}"
        ) from error
    except InvalidInputLengthException as error:
        raise TypeError(
            f"{type(estimator).__name__} hands the features of a network to another "
            "step. skl2onnx takes a network for a classifier, whose outputs are labels "
            "and probabilities. Convert a network alone, or as the last step."
        ) from error
    put_modules_in_place(model)
    _put_pixels_in_front(model, dtype, shape)
    return model


def _convert_without_zipmap(estimator, **arguments):
    """Call skl2onnx so that probabilities come out as an array, not as dicts."""
    if not is_classifier(estimator):
        return convert_sklearn(estimator, **arguments)
    try:
        return convert_sklearn(estimator, **arguments, options={"zipmap": False})
    except NameError as error:  # a classifier, LinearSVC say, that never makes dicts
        if "'zipmap'" not in str(error):
            raise
    # Where nothing is said, skl2onnx would ask a pipeline's last step for dicts.
    options: dict = {id(part): {} for part in estimator.get_params().values()}
    return convert_sklearn(estimator, **arguments, options=options)


def _put_pixels_in_front(model, dtype, shape):
    """Make rows of floats, which `model` takes, of images of another dtype."""
    (rows,) = model.graph.input
    floats = rows.type.tensor_type.elem_type
    row_shape = numpy_helper.from_array(np.array([-1, prod(shape)]), "row_shape")
    model.graph.initializer.append(row_shape)
    cast = helper.make_node("Cast", ["X"], ["pixels"], to=floats)
    reshape = helper.make_node("Reshape", ["pixels", "row_shape"], ["rows"])
    model.graph.node.insert(0, reshape)
    model.graph.node.insert(0, cast)
    pixels = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    rows.CopyFrom(helper.make_tensor_value_info("X", pixels, [None, *shape]))


def _register_types(estimator):
    """Tell skl2onnx of those classes of ours that `estimator` is made of.

    A class that it knows already keeps its converter, which may be the user's.
    """
    parts = [estimator, *estimator.get_params().values()]
    for kind in {type(part) for part in parts}:
        if _is_registered(kind):
            continue
        alias = f"{kind.__module__}.{kind.__qualname__}"
        if hasattr(kind, "build_module"):
            # skl2onnx's own names: labels with their probabilities as dicts, and
            # decision_function in place of probabilities.
            options = {"zipmap": [True, False, "columns"], "raw_scores": [True, False]}
            update_registered_converter(
                kind, alias, classifier_types, convert_classifier, options=options
            )
        elif hasattr(kind, "feature_maps"):
            update_registered_converter(
                kind, alias, transformer_types, convert_transformer
            )


def _is_registered(kind):
    """Tell whether skl2onnx has a converter for a class."""
    try:
        get_model_alias(kind)
    except RuntimeError:
        return False
    return True


def classifier_types(operator):
    """Set types and shapes of the outputs of a classifier."""
    classifier = operator.raw_operator
    check_is_fitted(classifier)
    n_rows = operator.inputs[0].get_first_dimension()
    shape = [n_rows, len(classifier.classes_)]
    text = exported_labels(classifier.classes_).dtype == object
    label_type = StringTensorType if text else Int64TensorType
    operator.outputs[0].type = label_type(shape[: 1 + classifier._multilabel])
    operator.outputs[1].type = _output_type(operator)(shape)


def convert_classifier(scope, operator, container):
    """Write the nodes of a classifier: its module, labels, probabilities."""
    classifier = operator.raw_operator
    dtype = _DTYPES[_output_type(operator)]
    if isinstance(classifier.module_, MLP):
        logits = _mlp_logits(classifier.module_, operator.inputs[0], dtype)
    else:
        # Our estimators take everything that is not a float as float32.
        rows_dtype = _DTYPES.get(type(operator.inputs[0].type), np.int64)
        name = write_module(classifier, rows_dtype, scope, operator, container)
        logits = cast(name, dtype)
    raw = container.get_options(classifier, {"raw_scores": False})["raw_scores"]
    label = _label(logits, classifier, dtype)
    scores = _scores(logits, classifier, raw, dtype)
    write([label, scores], scope, operator, container)


def _mlp_logits(module, rows, dtype):
    """Return the logits of an MLP of this package.

    These few nodes are not left to torch's exporter: it takes seconds, and the
    nodes can compute in float64.
    """
    x = cast(rows, dtype)
    for layer in module.layers:
        if isinstance(layer, nn.Linear):
            weights = [layer.weight, layer.bias]
            arrays = [w.detach().cpu().numpy().astype(dtype) for w in weights]
            x = node("Gemm", x, *arrays, transB=1)
        elif isinstance(layer, nn.SiLU):
            x = node("Mul", x, node("Sigmoid", x))
        elif isinstance(layer, nn.GELU):
            x = _gelu(x, dtype)
        elif type(layer) in _ACTIVATIONS:
            x = node(_ACTIVATIONS[type(layer)], x)
    return node("Pad", x, np.array([0, 1, 0, 0])) if module.binary else x


_ACTIVATIONS = {nn.Sigmoid: "Sigmoid", nn.Tanh: "Tanh", nn.ReLU: "Relu"}


def _gelu(x, dtype):
    half, one, root = (np.array(number, dtype) for number in (0.5, 1, sqrt(0.5)))
    # The error function is float32 in ONNX Runtime.
    erf = cast(node("Erf", cast(node("Mul", x, root), np.float32)), dtype)
    return node("Mul", node("Mul", x, half), node("Add", erf, one))


def _label(logits, classifier, dtype):
    if classifier._multilabel:
        return cast(node("Greater", logits, np.zeros(1, dtype)), np.int64)
    index = node("ArgMax", logits, axis=1, keepdims=0)
    return node("Gather", exported_labels(classifier.classes_), index, axis=0)


def _scores(logits, classifier, raw, dtype):
    if classifier._multilabel:
        return logits if raw else node("Sigmoid", logits)
    if not raw:
        return node("Softmax", logits, axis=1)
    if len(classifier.classes_) == 2:
        # decision_function has the second column, skl2onnx wants both.
        return node("MatMul", logits, np.array([[1, -1], [-1, 1]], dtype))
    return logits


def exported_labels(classes):
    """Return labels as ONNX has them: int64, or an object array of str."""
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(object)
    with np.errstate(invalid="ignore"):
        labels = classes.astype(np.int64)
    if (labels != classes).any():
        raise NotImplementedError(
            f"The classes are {classes}; ONNX has labels that are integers or str."
        )
    return labels


def transformer_types(operator):
    """Set type and shape of the output of a transformer."""
    transformer = operator.raw_operator
    check_is_fitted(transformer)
    n_rows = operator.inputs[0].get_first_dimension()
    n_features = len(transformer.get_feature_names_out())
    operator.outputs[0].type = _output_type(operator)([n_rows, n_features])


def convert_transformer(scope, operator, container):
    """Write the nodes of a transformer: the convolution, and what follows it."""
    transformer = operator.raw_operator._as_fitted()
    geometry = transformer._geometry(transformer.image_shape_, transformer.kernels_)
    maps = cast(operator.inputs[0], np.float32)
    maps = _convolve(maps, transformer, geometry.margins)
    if transformer.rectify == "split":
        n_responses = transformer.image_shape_[2] * len(transformer.kernels_)
        maps = _split(maps, n_responses, geometry.responses)
    elif transformer.rectify is not None:
        maps = node({"abs": "Abs", "relu": "Relu"}[transformer.rectify], maps)
    if transformer.pooling is not None:
        pool = {"mean": "AveragePool", "max": "MaxPool"}[transformer.pooling]
        sides = {"kernel_shape": geometry.window, "strides": geometry.step}
        maps = node(pool, maps, **sides)[0]  # MaxPool has a second output: positions
    if transformer.power != 1:
        power = np.array(transformer.power, np.float32)
        maps = node("Mul", node("Sign", maps), node("Pow", node("Abs", maps), power))
    if transformer.clip is not None:
        bounds = [np.array(bound, np.float32) for bound in transformer.clip]
        maps = node("Clip", maps, *bounds)
    features = reshape(maps, [len(transformer.get_feature_names_out())])
    features = cast(features, _DTYPES[_output_type(operator)])
    write([features], scope, operator, container)


def _convolve(rows, transformer, margins):
    """Return the responses, of shape (n, n_channels * n_kernels, height, width)."""
    height, width, n_channels = transformer.image_shape_
    images = reshape(rows, transformer.image_shape_)
    images = node("Transpose", images, perm=[0, 3, 1, 2])
    pads = np.transpose(margins).ravel().tolist()
    if transformer.border_mode != "constant":
        mode = BORDER_MODES[transformer.border_mode]
        for axis, size, margin in zip((2, 3), (height, width), margins, strict=True):
            source = np.pad(np.arange(size), margin, mode)
            images = node("Gather", images, source, axis=axis)
        pads = [0] * 4
    kernels = np.tile(transformer.kernels_[:, np.newaxis], (n_channels, 1, 1, 1))
    strides = [transformer.stride] * 2
    sides = {"strides": strides, "pads": pads, "group": n_channels}
    return node("Conv", images, kernels.astype(np.float32), **sides)


def _split(maps, n_maps, sides):
    """Return positive and negative parts as maps, in turn."""
    parts = [node("Relu", part) for part in (maps, node("Neg", maps))]
    # An axis for the two parts, behind that of the maps.
    apart = [reshape(part, [n_maps, 1, *sides]) for part in parts]
    return reshape(node("Concat", *apart, axis=2), [2 * n_maps, *sides])


def _output_type(operator):
    """Return the type of floats that come out: float64 only if they went in."""
    double = isinstance(operator.inputs[0].type, DoubleTensorType)
    return DoubleTensorType if double else FloatTensorType
