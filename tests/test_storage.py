"""Stored estimators: skops, other versions of this package, files of other versions."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar
from skorch.callbacks import EpochScoring
from skorch.history import History
from write_stored import fitted_estimators, load_rows, predict

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
    RandomAffine,
    RandomAugmentation,
    _estimator,
)

STORED = Path(__file__).with_name("stored")
FORMATS = sorted(STORED.glob("format_*"))
FILES = [path for folder in FORMATS for path in sorted(folder.glob("*.*kl*"))]
OURS = [
    "sklearn_digits._images.augmentation.RandomAffine",
    "sklearn_digits._images.random_augmentation.RandomAugmentation",
    "sklearn_digits._classifiers.convnet.ConvNetClassifier",
    "sklearn_digits._transformer.convolution.ConvolutionFeatureTransformer",
    "sklearn_digits._classifiers.mlp.MLPClassifier",
]
ESTIMATORS = [
    MLPClassifier(),
    ConvNetClassifier(),
    ConvolutionFeatureTransformer(),
    RandomAffine(),
    RandomAugmentation(),
]


@pytest.fixture(scope="module")
def rows():
    return load_rows()


@pytest.fixture(scope="module")
def fitted(rows):
    return fitted_estimators(*rows[:2])


def through_skops(estimator):
    return skops.io.loads(skops.io.dumps(estimator), trusted=OURS)


def load(path):
    if path.suffix == ".skops":
        return skops.io.load(path, trusted=OURS)
    return pickle.loads(path.read_bytes())


def test_there_are_files_of_every_format_up_to_this_one():
    numbers = [int(folder.name.removeprefix("format_")) for folder in FORMATS]
    assert numbers == list(range(1, _estimator.STATE_FORMAT + 1))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_file_of_this_or_an_older_format_predicts_as_it_did(path, rows):
    with np.load(path.with_name("expected.npz")) as expected:
        assert_allclose(
            predict(load(path), rows[2]), expected[path.stem], rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("folder", FORMATS, ids=lambda folder: folder.name)
def test_a_classifier_of_any_format_can_be_trained_further(folder, rows):
    X, y, _ = rows
    model = load(folder / "mlp_partial.pkl")
    steps = model.t_
    assert model.partial_fit(X, y).t_ == steps + len(X)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_what_a_newer_version_stored_is_refused(estimator, monkeypatch):
    monkeypatch.setattr(_estimator, "STATE_FORMAT", 99)
    stored = pickle.dumps(estimator)
    monkeypatch.undo()
    expected = rf"{type(estimator).__name__} was stored in format 99\. .* 1 to 1\."
    with pytest.raises(ValueError, match=expected):
        pickle.loads(stored)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_parameters_that_came_later_have_their_defaults(estimator):
    state = estimator.__getstate__()
    name = next(iter(estimator.get_params()))
    del state[name]
    old = object.__new__(type(estimator))
    old.__setstate__(state)
    assert old.get_params() == estimator.get_params()
    assert clone(old).get_params() == estimator.get_params()
    assert name not in state


def test_a_parameter_that_came_later_is_there_when_the_module_is_built(rows, fitted):
    state = fitted["convnet"].__getstate__()
    del state["dropout"], state["_built_with"]["dropout"]
    old = object.__new__(ConvNetClassifier)
    old.__setstate__(state)
    assert old.dropout == 0
    assert_array_equal(predict(old, rows[2]), predict(fitted["convnet"], rows[2]))


@pytest.mark.parametrize(
    "name", ["mlp", "mlp_multilabel", "mlp_partial", "convnet", "convolution"]
)
def test_skops_needs_names_of_this_package_only(name, fitted, rows):
    again = through_skops(fitted[name])
    assert_array_equal(predict(again, rows[2]), predict(fitted[name], rows[2]))
    assert vars(again).keys() == vars(fitted[name]).keys()


def test_training_goes_on_after_skops_as_if_there_were_none(fitted, rows):
    X, y, X_test = rows
    again = through_skops(fitted["mlp_partial"]).partial_fit(X, y)
    expected = pickle.loads(pickle.dumps(fitted["mlp_partial"])).partial_fit(X, y)
    assert_array_equal(predict(again, X_test), predict(expected, X_test))


def test_the_history_of_skorch_survives_without_its_type(fitted):
    model = fitted["convnet"]
    for again in (through_skops(model), pickle.loads(pickle.dumps(model))):
        assert type(again.history_) is History
        assert_array_equal(
            again.history_[:, "train_loss"], model.history_[:, "train_loss"]
        )
    assert b"skorch.history" not in pickle.dumps(model)


def test_callbacks_of_a_fit_are_cleared_for_skops(rows, capsys):
    X, y, X_test = rows
    model = ConvNetClassifier((2,), max_iter=1, random_state=0)
    model.set_callbacks(ProgressBar()).fit(X, y)
    assert skops.io.get_untrusted_types(data=skops.io.dumps(model)) != OURS[1:2]
    again = through_skops(model.set_callbacks())
    assert_array_equal(predict(again, X_test), predict(model, X_test))


def test_callbacks_of_skorch_are_cleared_for_skops(rows):
    X, y, X_test = rows
    callbacks = [EpochScoring("accuracy", on_train=True)]
    model = ConvNetClassifier((2,), max_iter=1, skorch_callbacks=callbacks)
    model.fit(X, y).set_params(skorch_callbacks=None)
    again = through_skops(model)
    assert_array_equal(predict(again, X_test), predict(model, X_test))
    assert again.history_[-1, "accuracy"] == model.history_[-1, "accuracy"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="has the device")
def test_a_pickle_of_a_device_that_is_not_here_loads(fitted, rows):
    classifier = pickle.loads(pickle.dumps(fitted["convnet"]))
    expected = predict(classifier, rows[0])
    classifier._built_with = {**classifier._built_with, "device": "cuda"}
    loaded = pickle.loads(pickle.dumps(classifier))
    assert loaded.device_ == "cpu"
    assert_array_equal(predict(loaded, rows[0]), expected)


def test_a_state_without_a_format_is_refused():
    state = MLPClassifier().__getstate__()
    del state["_state_format"]
    with pytest.raises(ValueError, match="was stored in format None"):
        object.__new__(MLPClassifier).__setstate__(state)
