"""Imports inside the package point one way."""

import ast
import graphlib
from pathlib import Path

import pytest

import sklearn_digits

ROOT = "__init__"
SOURCES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in Path(sklearn_digits.__file__).parent.glob("*.py")
}

LEAVES = {
    "_images",
    "_augmentation",
    "_targets",
    "_layers",
    "_schedule",
    "_runtime",
    "_kernels",
    "_correlation",
    "_rows",
    "_backpropagation",
    "_optimizers",
}
ALLOWED = {
    **{leaf: set() for leaf in LEAVES},
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
    "_convolution": {"_images", "_kernels", "_correlation"},
    "_displays": {"_images"},
    "datasets": {"_images"},
    "export": LEAVES,
}
# Of every other module, that is of one that adds an estimator.
ALLOWED_IN_A_MODEL = LEAVES | {"_base"}


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
                found.add(rest[0] if rest and rest[0] in modules else ROOT)
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
    assert set(ALLOWED) - {"export"} <= set(SOURCES)


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
