"""A piece of an ONNX graph, while it is being written."""

from typing import NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper

# What onnxruntime cannot do in float64.
FLOAT32_ONLY = {"AveragePool", "Conv", "Elu", "Erf"}


class Node(NamedTuple):
    """One operation: its name in ONNX, and the names of what goes in and comes out."""

    op: str
    inputs: tuple
    output: str
    attributes: dict


class Graph:
    """Nodes in the order in which they run, and their constants.

    Parameters
    ----------
    dtype : dtype
        Of the input, which is called ``"x"``.

    Attributes
    ----------
    nodes : list of Node
    constants : dict of str to ndarray
    dtypes : dict of str to dtype
        Of input, outputs and constants, by their names.
    """

    def __init__(self, dtype):
        self.nodes = []
        self.constants = {}
        self.dtypes = {"x": np.dtype(dtype)}

    def add(self, op, *inputs, dtype=None, **attributes):
        """Add a node.

        Parameters
        ----------
        op : str
            ONNX's name of the operation.
        *inputs : str
            Names of earlier outputs and of constants.
        dtype : dtype, default=None
            Of the output; None is that of the first input.
        **attributes : object
            As ONNX names them.

        Returns
        -------
        name : str
            Of the output.
        """
        dtype = np.dtype(dtype or self.dtypes[inputs[0]])
        if op in FLOAT32_ONLY and dtype == np.float64:
            narrow = [self.cast(name, np.float32) for name in inputs]
            return self.cast(self.add(op, *narrow, **attributes), dtype)
        name = self._declare("value", dtype)
        self.nodes.append(Node(op, inputs, name, attributes))
        return name

    def constant(self, array, like=None):
        """Add a constant; return its name.

        Parameters
        ----------
        array : array-like
        like : str, default=None
            Name of what has the dtype that is wanted; None means that of `array`.
        """
        array = np.asarray(array, like and self.dtypes[like])
        name = self._declare("constant", array.dtype)
        self.constants[name] = array
        return name

    def cast(self, x, dtype):
        """Return the name of `x` as another dtype, or `x` where that is its own."""
        if self.dtypes[x] == dtype:
            return x
        to = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", x, to=to, dtype=dtype)

    def reshape(self, x, shape):
        """Return the name of `x` with rows of another shape."""
        return self.add("Reshape", x, self.constant(np.array([-1, *shape])))

    def same_as(self, other):
        """Tell whether `other` computes the same, constants included."""
        return (
            self.nodes == other.nodes
            and self.constants.keys() == other.constants.keys()
            and all(
                np.array_equal(array, other.constants[name])
                for name, array in self.constants.items()
            )
        )

    def write(self, scope, container, names):
        """Write the nodes where skl2onnx collects them.

        Parameters
        ----------
        scope, container : object
            What skl2onnx gives a converter.
        names : dict of str to str
            From names in here, of input and outputs, to those in skl2onnx's graph.

        """
        names = dict(names)
        for name in self.dtypes:
            if name not in names:
                names[name] = scope.get_unique_variable_name(name)
        for name, array in self.constants.items():
            _write_constant(container, names[name], array)
        for node in self.nodes:
            container.add_node(
                node.op,
                [names[name] for name in node.inputs],
                [names[node.output]],
                name=scope.get_unique_operator_name(node.op),
                **node.attributes,
            )

    def _declare(self, kind, dtype):
        name = f"{kind}_{len(self.dtypes)}"
        self.dtypes[name] = dtype
        return name


def _write_constant(container, name, array):
    if array.dtype == object:  # strings
        content = [text.encode() for text in array.ravel()]
        container.add_initializer(name, TensorProto.STRING, array.shape, content)
    else:
        tensor = numpy_helper.from_array(np.ascontiguousarray(array))
        container.add_initializer(name, None, None, tensor)
