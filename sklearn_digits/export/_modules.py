"""Torch modules as ONNX nodes, from rows of pixels to logits.

Torch's exporter writes the nodes of a module. Until skl2onnx has finished the graph
around them, a single node stands for them: skl2onnx cannot sort the nodes of torch,
some of which leave an input out or hold a graph of their own.
"""

import copy
import logging
import math
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnxscript  # noqa: F401  # torch's exporter imports it, but only when it runs
import torch
from onnx import helper
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import nn

from sklearn_digits._training.runtime import default_modes
from sklearn_digits.export._nodes import OPSET

# The name of the nodes that stand for modules; no operation of ONNX has it.
PLACEHOLDER = "sklearn_digits.Module"

# torch.onnx.export fails when several threads call it at once. The filters of
# warnings and the levels of loggers belong to the process: they change under this
# lock too.
_exporter_lock = threading.Lock()


class RowsToLogits(nn.Module):
    """The forward pass of a fitted classifier, in evaluation mode on the CPU.

    It computes in float32, since ONNX Runtime has no float64 kernels for
    convolutions, average pooling and several activations.

    Parameters
    ----------
    classifier : TorchClassifier
        A fitted classifier. Its module is copied.
    """

    def __init__(self, classifier):
        super().__init__()
        self.module = copy.deepcopy(classifier.module_).cpu().float()
        self.eval()
        # The same estimator with the copied module, and without the checks of a clone.
        self._classifier = object.__new__(type(classifier))
        vars(self._classifier).update(vars(classifier), module_=self.module)

    def forward(self, rows):
        """Return logits (n, n_classes) of rows (n, n_features) of any dtype."""
        forward = self._classifier._forward(math.inf)
        return forward(self._classifier._prepare(rows).float())


def write_module(classifier, dtype, scope, operator, container):
    """Write the node that stands for the module of a classifier.

    Parameters
    ----------
    classifier : TorchClassifier
        A fitted classifier.
    dtype : dtype
        The dtype of its input.
    scope, operator, container : object
        The arguments of a converter of skl2onnx.

    Returns
    -------
    logits : str
        The name of the output, which is float32.

    Raises
    ------
    NotImplementedError
        If torch cannot export the module.
    """
    name = scope.get_unique_operator_name("module")
    logits = scope.get_unique_variable_name("logits")
    rows = np.random.default_rng(0).uniform(0, 2, (3, classifier.n_features_in_))
    program = _export(classifier, torch.from_numpy(rows.astype(dtype)))
    _prefix_names(program.model.graph, f"{name}/")
    container.add_node(
        PLACEHOLDER,
        [operator.inputs[0].full_name],
        [logits],
        op_version=OPSET[""],
        name=name,
        body=program.model_proto.graph,
    )
    return logits


def put_modules_in_place(model):
    """Replace the nodes that stand for modules by the nodes of the modules.

    Parameters
    ----------
    model : onnx.ModelProto
        It is changed.
    """
    nodes = []
    for node in model.graph.node:
        if node.op_type != PLACEHOLDER:
            nodes.append(node)
            continue
        body = node.attribute[0].g
        rows, logits = body.input[0].name, body.output[0].name
        nodes.append(helper.make_node("Identity", node.input, [rows]))
        nodes.extend(body.node)
        nodes.append(helper.make_node("Identity", [logits], node.output))
        model.graph.initializer.extend(body.initializer)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@default_modes()
def _export(classifier, rows):
    """Return what torch's exporter makes of a classifier, as an ONNXProgram."""
    module = RowsToLogits(classifier)
    try:
        with _exporter_lock, _silence():
            program: Any = torch.onnx.export(
                module,
                (rows[:2],),
                dynamo=True,
                verbose=False,
                opset_version=OPSET[""],
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            )
            same = _computes_the_same(program, module, rows)
    except torch.onnx.OnnxExporterError as error:
        lines = str(error.__cause__ or error).split("\n")
        reason = " ".join([line.strip() for line in lines if line.strip()][:2])
        raise NotImplementedError(
            f"{_describe(classifier)} cannot be exported. torch.onnx.export says: "
            f"{reason}"
        ) from error
    if not same:
        raise NotImplementedError(
            f"{_describe(classifier)} cannot be exported: it branches on the number of "
            "its rows, or draws random numbers in evaluation mode. torch.onnx.export "
            "writes one branch, whatever the number of rows."
        )
    ClearMetadataAndDocStringPass()(program.model)  # they hold paths of source files
    return program


def _computes_the_same(program, module, rows):
    """Tell whether an export of `module` holds for every number of rows.

    torch.onnx.export sees one number of rows. It drops a branch that another number
    would take, or narrows the range of the numbers that it allows.
    """
    ranges = program.exported_program.range_constraints
    bounds = {str(symbol): bounds for symbol, bounds in ranges.items()}
    n_rows = program.model.graph.inputs[0].shape[0]
    if str(n_rows) not in bounds or bounds[str(n_rows)].upper < sys.maxsize:
        return False
    exported = program.exported_program.module()
    with torch.inference_mode():
        for batch in (rows[:1], rows):
            logits = module(batch)
            tolerance = 1e-4 * float(1 + logits.nan_to_num().abs().max())
            found = exported(batch)
            if not torch.allclose(found, logits, 0, tolerance, equal_nan=True):
                return False
    return True


def _describe(classifier):
    module = classifier.module_
    parts = ", ".join(type(part).__name__ for part in module.children())
    return (
        f"The module of {type(classifier).__name__}, {type(module).__name__}({parts}),"
    )


@contextmanager
def _silence():
    """Turn off warnings, and messages of torch's exporter, about its own matters."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _prefix_names(graph, prefix):
    """Prefix all names of a graph of onnx_ir, so that no other graph has them."""
    for part in (graph, *graph.subgraphs()):
        for value in (*part.inputs, *part.initializers.values()):
            value.name = prefix + value.name
    for node in graph.all_nodes():
        node.name = prefix + node.name
        for value in node.outputs:
            if value.name:  # an optional output that is left out has none
                value.name = prefix + value.name
