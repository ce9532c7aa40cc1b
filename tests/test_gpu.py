"""On a GPU: ``pytest -m gpu``, skipped where there is none."""

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from sklearn_digits import ConvNetClassifier, MLPClassifier

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
CLASSIFIERS = [
    MLPClassifier((30,), max_iter=5, random_state=0),
    ConvNetClassifier((8, 16), max_iter=5, random_state=0),
]
each_classifier = pytest.mark.parametrize("classifier", CLASSIFIERS)
# On tensor cores the products of float32 matrices may be rounded to fewer digits.
CLOSE = {"rtol": 1e-2, "atol": 1e-3}

PREDICT_WITHOUT_GPU = """
import pickle, sys
import numpy as np
import torch
from sklearn.datasets import load_digits

assert not torch.cuda.is_available()
with open(sys.argv[1], "rb") as file:
    model = pickle.load(file)
assert model.device_ == "cpu"
np.save(sys.argv[2], model.predict_proba(load_digits().data))
"""


def fit(classifier, **params):
    model = clone(classifier).set_params(**params)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")
        return model.fit(*load_digits(return_X_y=True))


@each_classifier
def test_the_gpu_is_found_and_learned_on(classifier):
    X, y = load_digits(return_X_y=True)
    model = fit(classifier)
    assert model.device_.startswith("cuda")
    assert next(model.module_.parameters()).is_cuda
    assert model.score(X, y) > 0.8


@each_classifier
def test_a_fit_on_the_gpu_repeats(classifier):
    X, _ = load_digits(return_X_y=True)
    one, two = (fit(classifier).predict_proba(X) for _ in range(2))
    np.testing.assert_allclose(one, two, **CLOSE)


@each_classifier
def test_training_goes_on_on_the_gpu_after_a_pickle(classifier):
    X, y = load_digits(return_X_y=True)
    model = clone(classifier).partial_fit(X, y, classes=np.arange(10))
    again = pickle.loads(pickle.dumps(model))
    assert again.device_.startswith("cuda")
    one, two = (m.partial_fit(X, y).predict_proba(X) for m in (model, again))
    np.testing.assert_allclose(one, two, **CLOSE)


@each_classifier
def test_training_moves_to_a_device_that_is_set_since(classifier):
    X, y = load_digits(return_X_y=True)
    model = fit(classifier, device="cpu").partial_fit(X, y)
    for device in ("cuda", "cpu"):
        stored = pickle.dumps(model.set_params(device=device))
        assert pickle.loads(stored).device_ == model.device_
        model.partial_fit(X, y)
        assert torch.device(model.device_).type == device
        assert next(model.module_.parameters()).device.type == device
        assert model.score(X, y) > 0.8


@each_classifier
@pytest.mark.parametrize("compute_dtype", ["float32", "bfloat16", "float64"])
def test_every_precision_learns(classifier, compute_dtype):
    model = fit(classifier, compute_dtype=compute_dtype)
    assert model.compute_dtype_ == compute_dtype
    assert model.score(*load_digits(return_X_y=True)) > 0.8


@each_classifier
def test_images_on_the_gpu_are_taken(classifier):
    X, _ = load_digits(return_X_y=True)
    model = fit(classifier)
    found = model.predict_proba(torch.tensor(X, device="cuda"))
    np.testing.assert_allclose(found, model.predict_proba(X), **CLOSE)


@each_classifier
def test_a_model_of_the_gpu_predicts_the_same_on_a_machine_without(
    classifier, tmp_path
):
    X, _ = load_digits(return_X_y=True)
    model = fit(classifier)
    stored, result = tmp_path / "model.pickle", tmp_path / "result.npy"
    stored.write_bytes(pickle.dumps(model))
    subprocess.run(
        [sys.executable, "-c", PREDICT_WITHOUT_GPU, stored, result],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        check=True,
    )
    np.testing.assert_allclose(np.load(result), model.predict_proba(X), **CLOSE)
