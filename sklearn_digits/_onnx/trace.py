"""A torch module as ONNX nodes: it runs once, and each of its operations is noted.

Below its layers, torch calls a few dozen basic operations ("ATen"), the same ones
however a module is written. So a network of the user's own is exported as ours are,
as long as it is made of operations that have an entry in `WRITERS`. What is noted is
what the calling thread runs: other threads are not disturbed.
"""

from math import sqrt

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_digits._onnx.graph import Graph

aten = torch.ops.aten


def trace_rows(function, n_features, dtype):
    """Write what `function` does with rows.

    Parameters
    ----------
    function : callable
        Takes and returns a tensor on the CPU.
    n_features : int
        Of the rows.
    dtype : dtype
        Of the rows: uint8, float32 or float64.

    Returns
    -------
    graph : Graph
    output : str
        Name of the result in it.

    Raises
    ------
    NotImplementedError
        If the function does what cannot be written.
    """
    # Sizes are numbers in a trace. Where one of them came from the number of rows, two
    # traces differ.
    (graph, output), (other, _) = (
        _trace(function, torch.from_numpy(np.zeros((n_rows, n_features), dtype)))
        for n_rows in (2, 3)
    )
    if not graph.same_as(other):
        raise NotImplementedError(
            "The module computes with the number of its rows; to_onnx writes modules "
            "that treat each row alike."
        )
    return graph, output


def _trace(function, x):
    recorder = _Recorder(x)
    with torch.no_grad(), recorder:
        output = function(x)
    return recorder.graph, recorder.name_of(output)


class _Recorder(TorchDispatchMode):
    """Note each operation on what depends on `x`; all else is constant."""

    def __init__(self, x):
        super().__init__()
        self.graph = Graph(x.numpy().dtype)
        # Tensors are kept, so that no other gets the same id.
        self._seen = {id(x): (x, "x")}

    def name_of(self, tensor):
        """Return the name of a tensor that depends on the input, else None."""
        return self._seen.get(id(tensor), (tensor, None))[1]

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        named = [self._with_names(arg) for arg in args]
        if func._schema.is_mutable:
            self._check_in_place(func, args[0])
        output = func(*args, **kwargs)
        flat = [y for arg in named for y in (arg if isinstance(arg, list) else [arg])]
        if any(isinstance(arg, str) for arg in flat):
            result = output[0] if isinstance(output, tuple) else output
            name = self._write(func, result, named, kwargs)
            self._seen[id(result)] = (result, name)
        return output

    def _with_names(self, argument):
        if isinstance(argument, (list, tuple)):
            return [self._with_names(item) for item in argument]
        return self.name_of(argument) or argument

    def _check_in_place(self, func, tensor):
        memory = tensor.untyped_storage().data_ptr()
        for other, _ in self._seen.values():
            if other is not tensor and other.untyped_storage().data_ptr() == memory:
                raise NotImplementedError(
                    f"The module changes a view in place, by torch's {func}; to_onnx "
                    "writes modules that do not."
                )

    def _write(self, func, output, args, kwargs):
        try:
            return WRITERS[func.overloadpacket](self.graph, output, *args, **kwargs)
        except (KeyError, TypeError) as error:
            raise NotImplementedError(
                f"The module computes torch's {func}, which to_onnx cannot write with "
                f"these arguments. It writes: {', '.join(sorted(map(str, WRITERS)))}."
            ) from error


# Writers take the graph, torch's own result, and torch's own arguments, where names
# stand for tensors that depend on the input. They return the name of the result.


def _operand(graph, value, like):
    """Return the name of a tensor, a number or a constant, in the dtype of `like`."""
    dtype = like.numpy().dtype
    if isinstance(value, str):
        return graph.cast(value, dtype)
    return graph.constant(np.asarray(value, dtype))


def _unary(op):
    return lambda graph, out, x: graph.add(op, x)


def _binary(op):
    def write(graph, out, x, y):
        return graph.add(op, _operand(graph, x, out), _operand(graph, y, out))

    return write


def _as_is(graph, out, x, **options):
    return graph.cast(x, out.numpy().dtype)


def _reshape(graph, out, x, *sizes):
    return graph.reshape(x, out.shape[1:])


def _as_strided(graph, out, x, size, stride):
    # Global pooling of torch ends with this; strides of single pixels mean nothing.
    if out.shape[2:] != (1, 1):
        raise TypeError("memory laid out by hand")
    return x


def _permute(graph, out, x, order):
    return graph.add("Transpose", x, perm=[axis % out.ndim for axis in order])


def _addmm(graph, out, bias, x, weight):
    inputs = [_operand(graph, value, out) for value in (x, weight, bias)]
    return graph.add("Gemm", *inputs)


def _convolution(
    graph,
    out,
    x,
    weight,
    bias,
    stride,
    padding,
    dilation,
    transposed,
    output_padding,
    groups,
):
    if transposed:
        raise TypeError("a transposed convolution")
    inputs = [x, _operand(graph, weight, out)]
    if bias is not None:
        inputs.append(_operand(graph, bias, out))
    return graph.add(
        "Conv",
        *inputs,
        strides=list(stride),
        pads=list(padding) * 2,
        dilations=list(dilation),
        group=groups,
    )


def _batch_norm(graph, out, x, weight, bias, mean, var, training, momentum, eps):
    if training:
        raise TypeError("statistics of the batch")
    weight = torch.ones_like(mean) if weight is None else weight
    bias = torch.zeros_like(mean) if bias is None else bias
    constants = [_operand(graph, value, out) for value in (weight, bias, mean, var)]
    return graph.add("BatchNormalization", x, *constants, epsilon=eps)


def _layer_norm(graph, out, x, shape, weight, bias, eps):
    weight = torch.ones(shape) if weight is None else weight
    bias = torch.zeros(shape) if bias is None else bias
    constants = [_operand(graph, value, out) for value in (weight, bias)]
    axis = -len(shape)
    return graph.add("LayerNormalization", x, *constants, axis=axis, epsilon=eps)


def _pool(op, **fixed):
    def write(graph, out, x, window, stride=(), padding=(0, 0)):
        return graph.add(
            op,
            x,
            kernel_shape=list(window),
            strides=list(stride or window),
            pads=list(padding) * 2,
            **fixed,
        )

    return write


def _reduce(op):
    def write(graph, out, x, axes, keepdim=False):
        return graph.add(op, x, axes=list(axes), keepdims=int(keepdim))

    return write


def _softmax(graph, out, x, axis, half_to_float):
    return graph.add("Softmax", x, axis=axis)


def _concat(graph, out, tensors, axis=0):
    inputs = [_operand(graph, value, out) for value in tensors]
    return graph.add("Concat", *inputs, axis=axis)


def _pad(graph, out, x, margins, value=0):
    # torch names margins from the last axis on, before and after by turns.
    rest = [0] * (out.ndim - len(margins) // 2)
    before, after = rest + margins[::2][::-1], rest + margins[1::2][::-1]
    pads = graph.constant(np.array(before + after))
    return graph.add("Pad", x, pads, _operand(graph, value, out))


def _gelu(graph, out, x):
    half, one, root = (_operand(graph, v, out) for v in (0.5, 1.0, sqrt(0.5)))
    share = graph.add("Add", graph.add("Erf", graph.add("Mul", x, root)), one)
    return graph.add("Mul", graph.add("Mul", x, half), share)


def _silu(graph, out, x):
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _leaky_relu(graph, out, x, slope=0.01):
    return graph.add("LeakyRelu", x, alpha=slope)


def _elu(graph, out, x, alpha=1.0):
    return graph.add("Elu", x, alpha=alpha)


def _clamp(graph, out, x, low=-1.0, high=1.0):
    return graph.add("Clip", x, _operand(graph, low, out), _operand(graph, high, out))


WRITERS = {
    aten._to_copy: _as_is,
    aten.clone: _as_is,
    aten.detach: _as_is,
    aten.view: _reshape,
    aten._unsafe_view: _reshape,
    aten.unsqueeze: _reshape,
    aten.squeeze: _reshape,
    aten.as_strided_: _as_strided,
    aten.permute: _permute,
    aten.add: _binary("Add"),
    aten.add_: _binary("Add"),
    aten.sub: _binary("Sub"),
    aten.sub_: _binary("Sub"),
    aten.mul: _binary("Mul"),
    aten.mul_: _binary("Mul"),
    aten.div: _binary("Div"),
    aten.div_: _binary("Div"),
    aten.mm: _binary("MatMul"),
    aten.addmm: _addmm,
    aten.convolution: _convolution,
    aten.native_batch_norm: _batch_norm,
    aten.native_layer_norm: _layer_norm,
    aten.max_pool2d_with_indices: _pool("MaxPool"),
    aten.avg_pool2d: _pool("AveragePool", count_include_pad=1),
    aten.amax: _reduce("ReduceMax"),
    aten.mean: _reduce("ReduceMean"),
    aten.cat: _concat,
    aten.constant_pad_nd: _pad,
    aten._softmax: _softmax,
    aten.relu: _unary("Relu"),
    aten.relu_: _unary("Relu"),
    aten.sigmoid: _unary("Sigmoid"),
    aten.tanh: _unary("Tanh"),
    aten.gelu: _gelu,
    aten.silu: _silu,
    aten.silu_: _silu,
    aten.leaky_relu: _leaky_relu,
    aten.elu: _elu,
    aten.hardtanh: _clamp,
    aten.hardtanh_: _clamp,
}
