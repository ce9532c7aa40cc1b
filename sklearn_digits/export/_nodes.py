"""ONNX nodes, written by skl2onnx's algebra at the one opset that all of them share."""

import numpy as np
from onnx import helper
from skl2onnx.algebra import onnx_ops

# The lowest opset that torch's exporter writes. ONNX Runtime reads it from version
# 1.14 on.
OPSET = {"": 18, "ai.onnx.ml": 3}


def node(op, *inputs, **attributes):
    """Return a node of an ONNX graph.

    Parameters
    ----------
    op : str
        ONNX's name of the operation.
    *inputs : object
        Nodes, variables of skl2onnx, or arrays, which become constants.
    **attributes : object
        Attributes of the operation, as ONNX names them.

    Returns
    -------
    node : skl2onnx.algebra.OnnxOperator
    """
    return getattr(onnx_ops, f"Onnx{op}")(*inputs, op_version=OPSET[""], **attributes)


def cast(x, dtype):
    """Return a node that converts `x` to a NumPy dtype."""
    return node("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def reshape(x, shape):
    """Return a node that gives each row of `x` a new shape."""
    return node("Reshape", x, np.array([-1, *shape]))


def write(results, scope, operator, container):
    """Write nodes, and all that they depend on, as the outputs of an operator.

    Parameters
    ----------
    results : list of skl2onnx.algebra.OnnxOperator
        A node for each output.
    scope, operator, container : object
        The arguments of a converter of skl2onnx.
    """
    for result, output in zip(results, operator.outputs, strict=True):
        node("Identity", result, output_names=[output]).add_to(scope, container)
