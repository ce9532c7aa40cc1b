"""Imports inside the package point one way."""

import ast
import graphlib
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import sklearn_digits
from sklearn_digits import ConvNetClassifier, MLPClassifier

ROOT = "__init__"
FOLDER = Path(sklearn_digits.__file__).parent
# By name: "export", "datasets._idx"; "datasets" is what its __init__.py holds.
SOURCES = {
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(
        f".{ROOT}"
    ): path.read_text(encoding="utf-8")
    for path in FOLDER.rglob("*.py")
}

# The public names and their modules, which the root imports at their first use.
PUBLIC_NAMES = FOLDER.joinpath("__init__.pyi").read_text(encoding="utf-8")

# The rooms of the house, and the other rooms that each may import; all may warn.
ALLOWED = {
    "_warnings": set(),
    "_estimator": set(),
    "_images": {"_estimator"},
    "_training": {"_images"},
    "_persistence": {"_images", "_training"},
    "_classifiers": {
        "_estimator",
        "_images",
        "_persistence",
        "_training",
    },
    "_transformer": {"_estimator", "_images"},
    "_explanation": {"_images", "_training"},
    "_displays": {"_explanation", "_images", "_transformer"},
    "datasets": {"_images", "_persistence"},
    "_commands": {
        "_classifiers",
        "_images",
        "_persistence",
        "_transformer",
        "datasets",
    },
    "__main__": {"_commands"},
    "export": {"_classifiers", "_images", "_persistence", "_training"},
}
ESTIMATOR_WORDS = {"estimator", "clf", "classifier", "transformer"}


def room_of(name):
    """Return the room, or the single module at the top, that a module is in."""
    return name.split(".")[0]


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
        ("from sklearn_digits._images.shape import x", {"_images.shape"}),
        ("from ._images.shape import x as f", {"_images.shape"}),
        ("from . import _images, export", {"_images", "export"}),
        ("from sklearn_digits._images import shape", {"_images.shape"}),
        ("import sklearn_digits.export as base", {"export"}),
        ("from sklearn_digits.datasets import load_idx", {"datasets"}),
        ("def f():\n    from sklearn_digits.export import x", {"export"}),
        ("if TYPE_CHECKING:\n    from .export import x", {"export"}),
        ("import sklearn_digits", {ROOT}),
        ("from sklearn_digits import Dropout", {ROOT}),
        ("from . import Dropout, export", {ROOT, "export"}),
        ("from sklearn_digits import *", {ROOT}),
        ("from sklearn_digits_of_others import _base", set()),
    ],
)
def test_every_form_of_import_is_seen(source, found):
    assert imported_modules(source) == found


def test_the_rules_are_about_rooms_that_exist():
    assert set(ALLOWED) == {room_of(name) for name in SOURCES} - {ROOT}


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {ROOT}))
def test_a_module_imports_only_rooms_that_lie_below_it(name):
    room = room_of(name)
    imported = {room_of(other) for other in imported_modules(SOURCES[name])}
    assert imported <= ALLOWED[room] | {room, "_warnings"}


def words_of(source):
    """Return the names in `source`: arguments, variables, attributes, keywords."""
    fields = {ast.arg: "arg", ast.Name: "id", ast.Attribute: "attr", ast.keyword: "arg"}
    return {
        getattr(node, fields[type(node)])
        for node in ast.walk(ast.parse(source))
        if type(node) in fields
    }


@pytest.mark.parametrize(
    "source",
    [
        "def f(estimator): pass",
        "def f(*, clf): pass",
        "self.estimator.loss_ = 1",
        "f(classifier=x)",
        "transformer = x",
    ],
)
def test_every_name_for_an_estimator_is_seen(source):
    assert words_of(source) & ESTIMATOR_WORDS


@pytest.mark.parametrize(
    "name", [name for name in SOURCES if room_of(name) == "_training"]
)
def test_training_never_sees_an_estimator(name):
    assert not words_of(SOURCES[name]) & ESTIMATOR_WORDS


@pytest.mark.parametrize(
    "name", [name for name in SOURCES if room_of(name) in ("_displays", "datasets")]
)
def test_displays_and_data_sets_import_no_estimator(name):
    assert not imported_modules(SOURCES[name]) & {
        "_estimator",
        "_transformer.convolution",
    }


def test_the_top_of_the_package_is_read_at_a_glance():
    assert len({room_of(name) for name in SOURCES}) <= 14


def test_nobody_imports_the_root_of_the_package():
    assert not [
        name for name, source in SOURCES.items() if ROOT in imported_modules(source)
    ]


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: imported_modules(source) for name, source in SOURCES.items()}
    graph[ROOT] |= imported_modules(PUBLIC_NAMES)
    order = list(graphlib.TopologicalSorter(graph).static_order())
    convnet = order.index("_classifiers.convnet")
    assert order.index("_images.shape") < convnet < order.index(ROOT)


def test_every_module_is_named_for_what_it_holds():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert not {name.strip("_") for name in SOURCES} & vague


def test_the_root_only_collects_public_names():
    for source in (SOURCES[ROOT], PUBLIC_NAMES):
        kinds = {type(node) for node in ast.parse(source).body}
        assert kinds <= {
            ast.Expr,
            ast.ImportFrom,
            ast.Import,
            ast.Assign,
            ast.AnnAssign,
        }
    assert all(hasattr(sklearn_digits, name) for name in sklearn_digits.__all__)


def test_type_checkers_see_the_names_that_are_there():
    *_, listed = ast.parse(PUBLIC_NAMES).body
    assert sorted(ast.literal_eval(listed.value)) == sklearn_digits.__all__


def test_importing_the_package_does_not_import_torch():
    code = "import sys, sklearn_digits; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def frames_at_a_step(fit):
    """Return the frames of the package that lead to an optimizer's step, at most."""
    most = []

    def look(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "step":
            frames = []
            while frame is not None:
                if frame.f_code.co_filename.startswith(str(FOLDER)):
                    frames.append(frame.f_code.co_name)
                frame = frame.f_back
            most[:] = max(most, frames[::-1], key=len)

    sys.setprofile(look)
    try:
        fit()
    finally:
        sys.setprofile(None)
    return most


@pytest.mark.parametrize("kind", [MLPClassifier, ConvNetClassifier])
def test_a_reader_gets_from_fit_to_the_weights_in_seven_frames(kind):
    X, y = np.arange(80.0).reshape(20, 4), np.arange(20) % 2
    model = kind(learning_rate="constant", max_iter=1, tol=1e9)
    with warnings.catch_warnings(action="ignore"):
        frames = frames_at_a_step(lambda: model.fit(X, y))
    assert frames[:3] == ["fit", "_fit", "train"]
    assert frames[-1] == "step"
    assert len(frames) <= 7


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_functions_are_short(name):
    for node in ast.walk(ast.parse(SOURCES[name])):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= 45, node.name


def test_the_base_names_no_solver_of_a_subclass():
    assert "lbfgs" not in SOURCES["_classifiers.torch_classifier"]
    assert "lbfgs" not in SOURCES["_classifiers.module_owner"]
