"""What skl2onnx has to know of our estimators: their outputs, and the nodes of each."""

import copy
from math import prod

import numpy as np
import torch
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._images.shape import BORDER_MODES
from sklearn_digits._onnx.graph import Graph
from sklearn_digits._onnx.trace import trace_rows

# onnxruntime reads it from version 1.12 on.
OPSET = {"": 17, "ai.onnx.ml": 3}

_DTYPES = {FloatTensorType: np.float32, DoubleTensorType: np.float64}


def convert(estimator, dtype, shape):
    """Return a fitted estimator as an ONNX model.

    Parameters
    ----------
    estimator : estimator
        One of ours, or one of scikit-learn's with ours inside.
    dtype : {"uint8", "float32", "float64"}
        Of the pixels.
    shape : tuple of int
        Of an image, or of a row of pixels.

    Returns
    -------
    model : onnx.ModelProto

    Raises
    ------
    TypeError
        If skl2onnx does not know a part of the estimator.
    """
    _register_types(estimator)
    rows = [None, estimator.n_features_in_]
    rows_type = DoubleTensorType(rows) if dtype == "float64" else FloatTensorType(rows)
    arguments = {
        "name": type(estimator).__name__,
        "initial_types": [("rows", rows_type)],
        "target_opset": OPSET,
    }
    try:
        model = _convert_without_zipmap(estimator, arguments)
    except (MissingConverter, MissingShapeCalculator) as error:
        raise TypeError(
            f"skl2onnx cannot convert a part of {type(estimator).__name__}: {error}"
        ) from error
    _put_pixels_in_front(model, dtype, shape)
    return model


def _convert_without_zipmap(estimator, arguments):
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
    row_shape = helper.make_tensor(
        "row_shape", TensorProto.INT64, [2], [-1, prod(shape)]
    )
    model.graph.initializer.append(row_shape)
    cast = helper.make_node("Cast", ["X"], ["pixels"], to=floats)
    reshape = helper.make_node("Reshape", ["pixels", "row_shape"], ["rows"])
    model.graph.node.insert(0, reshape)
    model.graph.node.insert(0, cast)
    pixels = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    rows.CopyFrom(helper.make_tensor_value_info("X", pixels, [None, *shape]))


def _register_types(estimator):
    """Tell skl2onnx of those classes of ours that `estimator` is made of."""
    parts = [estimator, *estimator.get_params().values()]
    for kind in {type(part) for part in parts}:
        alias = f"{kind.__module__}.{kind.__qualname__}"
        if hasattr(kind, "build_module"):
            # skl2onnx's own names: labels with their probabilities as dicts, and
            # decision_function in place of probabilities.
            options = {
                "zipmap": [True, False, "columns"],
                "raw_scores": [True, False],
            }
            update_registered_converter(
                kind, alias, classifier_types, convert_classifier, options=options
            )
        elif hasattr(kind, "feature_maps"):
            update_registered_converter(
                kind, alias, transformer_types, convert_transformer
            )


def classifier_types(operator):
    """Set types and shapes of the outputs of a classifier."""
    classifier = operator.raw_operator
    check_is_fitted(classifier)
    if getattr(classifier, "n_views", 1) != 1:
        raise NotImplementedError(
            f"n_views={classifier.n_views}: to_onnx writes one view of each image; "
            "call set_params(n_views=1) first."
        )
    n_rows = operator.inputs[0].get_first_dimension()
    shape = [n_rows, len(classifier.classes_)]
    text = exported_labels(classifier.classes_).dtype == object
    label_type = StringTensorType if text else Int64TensorType
    operator.outputs[0].type = label_type(shape[: 1 + classifier._multilabel])
    operator.outputs[1].type = _output_type(operator)(shape)


def convert_classifier(scope, operator, container):
    """Write the nodes of a classifier: its module, labels, probabilities."""
    classifier = operator.raw_operator
    module = copy.deepcopy(classifier.module_).cpu().eval()
    double = _output_type(operator) is DoubleTensorType
    floats = torch.float64 if double else torch.float32
    graph, logits = trace_rows(
        lambda X: module(classifier._prepare(X.to(floats))),
        classifier.n_features_in_,
        _input_dtype(operator),
    )
    raw = container.get_options(classifier, {"raw_scores": False})["raw_scores"]
    label = _add_label(graph, logits, classifier)
    scores = _add_scores(graph, logits, classifier, raw)
    scores = graph.cast(scores, _DTYPES[_output_type(operator)])
    _write(graph, [label, scores], scope, operator, container)


def _add_label(graph, logits, classifier):
    if classifier._multilabel:
        zero = graph.constant(0, like=logits)
        return graph.cast(graph.add("Greater", logits, zero, dtype=bool), np.int64)
    index = graph.add("ArgMax", logits, axis=1, keepdims=0, dtype=np.int64)
    labels = graph.constant(exported_labels(classifier.classes_))
    return graph.add("Gather", labels, index, axis=0)


def _add_scores(graph, logits, classifier, raw):
    if classifier._multilabel:
        return logits if raw else graph.add("Sigmoid", logits)
    if not raw:
        return graph.add("Softmax", logits, axis=1)
    if len(classifier.classes_) == 2:
        # decision_function has the second column, skl2onnx wants both.
        difference = graph.constant([[1, -1], [-1, 1]], like=logits)
        return graph.add("MatMul", logits, difference)
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
    transformer = operator.raw_operator
    graph = Graph(_input_dtype(operator))
    geometry = transformer._geometry(transformer.image_shape_, transformer.kernels_)
    maps = _convolve(graph, graph.cast("x", np.float32), transformer, geometry.margins)
    if transformer.rectify == "split":
        n_responses = transformer.image_shape_[2] * len(transformer.kernels_)
        maps = _split(graph, maps, n_responses, geometry.responses)
    elif transformer.rectify is not None:
        maps = graph.add({"abs": "Abs", "relu": "Relu"}[transformer.rectify], maps)
    if transformer.pooling is not None:
        pool = {"mean": "AveragePool", "max": "MaxPool"}[transformer.pooling]
        sides = {"kernel_shape": geometry.window, "strides": geometry.step}
        maps = graph.add(pool, maps, **sides)
    if transformer.power != 1:
        power = graph.constant(transformer.power, like=maps)
        magnitude = graph.add("Pow", graph.add("Abs", maps), power)
        maps = graph.add("Mul", graph.add("Sign", maps), magnitude)
    if transformer.clip is not None:
        bounds = [graph.constant(bound, like=maps) for bound in transformer.clip]
        maps = graph.add("Clip", maps, *bounds)
    features = graph.reshape(maps, [len(transformer.get_feature_names_out())])
    features = graph.cast(features, _DTYPES[_output_type(operator)])
    _write(graph, [features], scope, operator, container)


def _convolve(graph, rows, transformer, margins):
    """Return the responses, of shape (n, n_channels * n_kernels, height, width)."""
    height, width, n_channels = transformer.image_shape_
    images = graph.reshape(rows, transformer.image_shape_)
    images = graph.add("Transpose", images, perm=[0, 3, 1, 2])
    pads = np.transpose(margins).ravel().tolist()
    if transformer.border_mode != "constant":
        mode = BORDER_MODES[transformer.border_mode]
        for axis, size, margin in zip((2, 3), (height, width), margins, strict=True):
            source = graph.constant(np.pad(np.arange(size), margin, mode))
            images = graph.add("Gather", images, source, axis=axis)
        pads = [0] * 4
    kernels = np.tile(transformer.kernels_[:, np.newaxis], (n_channels, 1, 1, 1))
    return graph.add(
        "Conv",
        images,
        graph.constant(kernels, like=images),
        strides=[transformer.stride] * 2,
        pads=pads,
        group=n_channels,
    )


def _split(graph, maps, n_maps, sides):
    """Return positive and negative parts as maps, in turn."""
    parts = [graph.add("Relu", part) for part in (maps, graph.add("Neg", maps))]
    # An axis for the two parts, behind that of the maps.
    apart = [graph.reshape(part, [n_maps, 1, *sides]) for part in parts]
    return graph.reshape(graph.add("Concat", *apart, axis=2), [2 * n_maps, *sides])


def _input_dtype(operator):
    # All that is no float is float32 to our estimators.
    return _DTYPES.get(type(operator.inputs[0].type), np.int64)


def _output_type(operator):
    """Return the type of floats that come out: float64 only if they went in."""
    double = isinstance(operator.inputs[0].type, DoubleTensorType)
    return DoubleTensorType if double else FloatTensorType


def _write(graph, results, scope, operator, container):
    (variable,) = operator.inputs
    outputs = [output.full_name for output in operator.outputs]
    names = {"x": variable.full_name, **dict(zip(results, outputs, strict=True))}
    graph.write(scope, container, names)
