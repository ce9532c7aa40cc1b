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
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sklearn_digits
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
