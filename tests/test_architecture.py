"""Imports inside the package point one way."""

import ast
import graphlib
from pathlib import Path

import pytest

import sklearn_digits

ROOT = "__init__"
FOLDER = Path(sklearn_digits.__file__).parent
# By name: "_base", "datasets._idx"; "datasets" is what its __init__.py holds.
SOURCES = {
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(
        f".{ROOT}"
    ): path.read_text(encoding="utf-8")
    for path in FOLDER.rglob("*.py")
}

LEAVES = {
    "_images",
    "_augmentation",
    "_targets",
    "_layers",
    "_schedule",
    "_runtime",
    "_kernels",
    "_storage",
    "_rows",
    "_backpropagation",
    "_optimizers",
    "_checkpoint",
    "_documentation",
    "_files",
    "_fingerprint",
}
ALLOWED = {
    **{leaf: set() for leaf in LEAVES},
    "_augmentation": {"_storage"},
    "_checkpoint": {"_files"},
    "_training": LEAVES,
    "_notified": LEAVES | {"_training"},
    "_validation": LEAVES,
    "_monitor": LEAVES,
    "_assembly": LEAVES | {"_training", "_notified"},
    "_state": LEAVES | {"_assembly"},
    "_lbfgs": LEAVES | {"_monitor"},
    "_base": LEAVES | {"_assembly", "_validation", "_monitor", "_lbfgs", "_state"},
    "_exchange": LEAVES | {"_assembly", "_monitor"},
    "_mlp": LEAVES | {"_base", "_exchange"},
    "_image_classifier": LEAVES | {"_base"},
    "_convnet": LEAVES | {"_image_classifier"},
    "_correlation": {"_images"},
    "_convolution": {
        "_correlation",
        "_documentation",
        "_images",
        "_kernels",
        "_storage",
    },
    "_displays.grid": {"_images"},
    "_displays.digits": {"_displays.grid"},
    "_displays.mistakes": {"_displays.grid", "_displays.digits"},
    "_displays.training_curve": set(),
    "_displays.kernels": {"_displays.grid", "_kernels"},
    "_displays.feature_maps": {"_displays.grid", "_displays.kernels"},
    "_displays.pixel_grid": {"_kernels"},
    "_displays": {name for name in SOURCES if name.startswith("_displays.")},
    "_digit_image": {"_images"},
    "datasets._example_digits": {"datasets._mnist"},
    "datasets._idx": {"_files"},
    "datasets._image_folder": {"_images"},
    "datasets._mnist": {"datasets._idx"},
    "datasets": {name for name in SOURCES if name.startswith("datasets.")},
    "_onnx_graph": set(),
    "_onnx_trace": {"_onnx_graph"},
    "_onnx_converters": {"_images", "_onnx_graph", "_onnx_trace"},
    "export": {"_files", "_images", "_onnx_converters"},
}
# Of every other module, that is of one that adds an estimator.
ALLOWED_IN_A_MODEL = LEAVES | {"_base", "_image_classifier"}


def imported_modules(source, package="sklearn_digits", modules=SOURCES):
    """Return the modules of the package that `source` imports; the root is ROOT."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package if node.level else None
            origin = ".".join(filter(None, [start, node.module]))
            names = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        for first, *rest in (name.split(".") for name in names):
            if first == package:
                known = [".".join(rest[:depth]) for depth in (2, 1)]
                found.add(next((name for name in known if name in modules), ROOT))
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy, sklearn.base\nfrom torch import nn", set()),
        ("from sklearn_digits._images import flatten_images", {"_images"}),
        ("from ._images import flatten_images as f", {"_images"}),
        ("from . import _images, _base", {"_images", "_base"}),
        ("from sklearn_digits import _state", {"_state"}),
        ("import sklearn_digits._base as base", {"_base"}),
        ("from sklearn_digits.datasets import _idx", {"datasets._idx"}),
        ("from sklearn_digits.datasets._idx import load_idx", {"datasets._idx"}),
        ("from sklearn_digits.datasets import load_idx", {"datasets"}),
        ("def f():\n    from sklearn_digits._mlp import MLP", {"_mlp"}),
        ("if TYPE_CHECKING:\n    from ._mlp import MLP", {"_mlp"}),
        ("import sklearn_digits", {ROOT}),
        ("from sklearn_digits import Dropout", {ROOT}),
        ("from . import Dropout, _base", {ROOT, "_base"}),
        ("from sklearn_digits import *", {ROOT}),
        ("from sklearn_digits_of_others import _base", set()),
    ],
)
def test_every_form_of_import_is_seen(source, found):
    assert imported_modules(source) == found


def test_the_rules_are_about_modules_that_exist():
    assert set(ALLOWED) <= set(SOURCES)


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {ROOT}))
def test_a_module_imports_only_what_lies_below_it(name):
    allowed = ALLOWED.get(name, ALLOWED_IN_A_MODEL)
    assert imported_modules(SOURCES[name]) <= allowed


def test_nobody_imports_the_root_of_the_package():
    assert not [
        name for name, source in SOURCES.items() if ROOT in imported_modules(source)
    ]


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: imported_modules(source) for name, source in SOURCES.items()}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert order.index("_images") < order.index("_base") < order.index(ROOT)


def test_every_module_is_named_for_what_it_holds():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert not {name.strip("_") for name in SOURCES} & vague


def test_the_root_only_collects_public_names():
    kinds = {type(node) for node in ast.parse(SOURCES[ROOT]).body}
    assert kinds <= {ast.Expr, ast.ImportFrom, ast.Import, ast.Assign}
    assert all(hasattr(sklearn_digits, name) for name in sklearn_digits.__all__)
