"""Warnings name the line of the user's code."""

import contextlib
import functools
import os
import re
import sys
import threading
import warnings

import joblib
import numpy as np
import pytest
import sklearn
import skorch
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sklearn_digits
from sklearn_digits import ConvNetClassifier, MLPClassifier
from sklearn_digits._warnings import warn_user
from sklearn_digits.datasets import load_image_folder

X, Y = np.zeros((12, 4)), np.arange(12) % 2
SOURCE = """
def warn_deep(X, depth=2):
    if depth:
        return warn_deep(X, depth - 1)
    warn_user("as asked", RuntimeWarning)
    return X
"""


def file_in(package):
    return os.path.join(os.path.dirname(package.__file__), "room", "imitated.py")


LIBRARY_FILES = [
    *map(file_in, [sklearn_digits, sklearn, skorch, joblib, torch]),
    contextlib.__file__,
    functools.__file__,
]


def warning_function(file):
    """Return a function that warns, three frames deep, as if it lay in a file."""
    names = {"warn_user": warn_user, "__name__": "imitated"}
    exec(compile(SOURCE, file, "exec"), names)
    return names["warn_deep"]


warn_deep = warning_function(LIBRARY_FILES[0])
model = make_pipeline(FunctionTransformer(warn_deep), DummyClassifier())


def line_below(n_lines):
    """Return the line `n_lines` below the caller's, as a warning names it."""
    return __file__, sys._getframe(1).f_lineno + n_lines


def places(caught):
    return {(warning.filename, warning.lineno) for warning in caught}


@pytest.mark.parametrize("file", LIBRARY_FILES)
def test_frames_of_libraries_are_passed_over(file):
    function = warning_function(file)
    line = line_below(2)
    with pytest.warns(RuntimeWarning, match="^as asked$") as caught:
        function(X)
    assert places(caught) == {line}


def test_a_package_of_a_similar_name_is_the_users(tmp_path):
    path = str(tmp_path / "sklearn_digits_of_others.py")
    with pytest.warns(RuntimeWarning) as caught:
        warning_function(path)(X)
    assert places(caught) == {(path, 5)}


@pytest.mark.parametrize(
    "call",
    [
        model.fit,
        GridSearchCV(model, {"dummyclassifier__strategy": ["prior"]}, cv=2).fit,
        VotingClassifier([("only", model)]).fit,
        functools.partial(cross_val_score, model, cv=2),
    ],
)
def test_the_call_of_a_composite_is_named(call):
    line = line_below(2)
    with pytest.warns(RuntimeWarning) as caught:
        call(X, Y)
    assert places(caught) == {line}


class Noted(FunctionTransformer):
    """A transformer of a user's, which notes the line on which it calls its parent."""

    def transform(self, X):
        Noted.line = line_below(1)
        return super().transform(X)


def test_the_line_of_a_users_subclass_is_named():
    with pytest.warns(RuntimeWarning) as caught:
        make_pipeline(Noted(warn_deep), DummyClassifier()).fit(X, Y)
    assert places(caught) == {Noted.line}


def test_a_pipeline_that_loads_a_folder_names_the_line(tmp_path):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "cat").mkdir()
    image.new("L", (8, 8)).save(tmp_path / "cat" / "0.png")
    (tmp_path / "cat" / "1.png").write_text("no image")
    loader = FunctionTransformer(load_image_folder, kw_args={"on_error": "warn"})
    pipeline = make_pipeline(loader)
    line = line_below(2)
    with pytest.warns(UserWarning, match=r"skipped.*1\.png") as caught:
        pipeline.transform(str(tmp_path))
    assert places(caught) == {line}


def test_a_thread_of_a_library_names_its_outermost_line():
    thread = threading.Thread(target=warn_deep, args=[X])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread.start()
        thread.join()
    assert {file for file, _ in places(caught)} == {threading.__file__}


def test_a_filter_by_the_users_module_applies():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=f"^{re.escape(__name__)}$")
        warn_deep(X)
        with pytest.raises(RuntimeWarning):
            exec("warn_deep(X)", {"warn_deep": warn_deep, "X": X, "__name__": "other"})


def test_each_line_of_the_user_warns_once_by_default():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn_deep(X)
        assert len(caught) == 1
        warn_deep(X)
    assert len(places(caught)) == len(caught) == 2


# Warnings of the classifiers


IMAGES, LABELS = (part[:60] for part in load_digits(return_X_y=True))
MODEL = ConvNetClassifier((2,), max_iter=1, random_state=0)


def in_pipeline(classifier):
    return make_pipeline(FunctionTransformer(), classifier)


def in_search(classifier):
    return GridSearchCV(classifier, {"random_state": [0]}, cv=2, refit=True)


WARNING_CALLS = {
    "batch": (
        MODEL.set_params(batch_size=1000),
        lambda model: model.fit(IMAGES, LABELS),
        "larger than sample size",
    ),
    "convergence": (
        MLPClassifier((2,), max_iter=1),
        lambda model: model.fit(IMAGES, LABELS),
        "hasn't converged",
    ),
    "lbfgs": (
        MLPClassifier((2,), max_iter=1, solver="lbfgs"),
        lambda model: model.fit(IMAGES, LABELS),
        "lbfgs failed to converge",
    ),
    "held-out rows": (
        ConvNetClassifier((2,), max_iter=1, early_stopping=True),
        lambda model: model.fit(IMAGES[:30], np.r_[9, LABELS[1:30]]),
        "held-out rows are a random sample",
    ),
    "scale": (
        ConvNetClassifier((2,), max_iter=1),
        lambda model: model.fit(IMAGES, LABELS).predict(IMAGES / 255),
        "largest pixel",
    ),
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("wrap", [clone, in_pipeline, in_search])
@pytest.mark.parametrize("name", WARNING_CALLS)
def test_a_classifiers_warning_names_this_file(name, wrap):
    classifier, call, message = WARNING_CALLS[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(wrap(clone(classifier)))
    files = {each.filename for each in caught if message in str(each.message)}
    assert files == {__file__}


@pytest.mark.filterwarnings("default")
def test_partial_fit_warns_at_the_line_of_its_call():
    model = clone(MODEL).set_params(batch_size=1000)
    with pytest.warns(UserWarning, match="clipped") as caught:
        model.partial_fit(IMAGES, LABELS, classes=np.arange(10))
    assert caught[0].filename == __file__
