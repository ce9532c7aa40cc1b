"""Estimators with parameters drawn at random, stored and loaded in every way."""

import copy
import io
import pickle
import warnings
from functools import cache

import joblib
import numpy as np
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from onnxruntime import InferenceSession
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
    RandomAffine,
)
from sklearn_digits.export import to_onnx

N_ROWS = 48
OURS = [
    "sklearn_digits._images.augmentation.RandomAffine",
    "sklearn_digits._images.random_augmentation.RandomAugmentation",
    "sklearn_digits._classifiers.convnet.ConvNetClassifier",
    "sklearn_digits._transformer.convolution.ConvolutionFeatureTransformer",
    "sklearn_digits._classifiers.mlp.MLPClassifier",
]


def settings(total, few):
    """Return seeds as test parameters, all but the first `few` of them slow."""
    slow = [pytest.mark.slow]
    return [pytest.param(i, marks=slow if i >= few else []) for i in range(total)]


def draw(rng, **choices):
    """Draw one value for each parameter."""
    return {name: values[rng.integers(len(values))] for name, values in choices.items()}


def random_mlp(rng):
    parameters = draw(
        rng,
        hidden_layer_sizes=[(), 4, (7,), [5, 3]],
        activation=["identity", "logistic", "tanh", "relu", "gelu", "silu"],
        solver=["adam", "sgd", "lbfgs"],
        alpha=[0.0, 1e-4],
        batch_size=["auto", 16],
        learning_rate=["constant", "invscaling", "adaptive"],
        shuffle=[True, False],
        class_weight=[None, "balanced"],
        compute_dtype=["auto", "float32", "float64", "bfloat16"],
        early_stopping=[False, True],
        warm_start=[False, True],
        dropout=[0.0, 0.3],
        skorch_callbacks=[None, []],
        random_state=[None, 0, np.random.RandomState(0)],
    )
    if parameters["solver"] == "lbfgs":
        parameters.update(dropout=0.0, early_stopping=False, skorch_callbacks=None)
        parameters.update(compute_dtype="auto")
    return MLPClassifier(max_iter=2, **parameters)


def random_convnet(rng):
    parameters = draw(
        rng,
        channels=[(2,), [3, 2], (2, 2, 2)],
        kernel_size=[1, 3, 5],
        augmentation=["auto", None, RandomAffine(rotation=30)],
        solver=["muon", "adamw", "adam", "sgd"],
        learning_rate=["onecycle", "cosine", "constant"],
        label_smoothing=[0.0, 0.1],
        batch_size=["auto", 16],
        ema_decay=["auto", None, 0.5],
        early_stopping=[False, True],
        class_weight=[None, "balanced", {0: 2.0, 1: 1.0}],
        compute_dtype=["auto", "float32", "float64", "bfloat16"],
        dropout=[0.0, 0.3],
        warm_start=[False, True],
        skorch_callbacks=[None, []],
        random_state=[None, 0],
    )
    return ConvNetClassifier(max_iter=2, learning_rate_init=0.001, **parameters)


def random_transformer(rng):
    parameters = draw(
        rng,
        kernels=["edges", "gabor", ["blur", "sobel"], {"step": np.array([[1, -1.0]])}],
        padding=["same", "valid"],
        border_mode=["constant", "nearest", "reflect", "mirror", "wrap"],
        stride=[1, 2, 3],
        rectify=[None, "abs", "relu", "split"],
        pooling=[None, "mean", "max"],
        pool_size=["auto", 1, 2, 3],
        pool_stride=[None, 1, 2],
        power=[1.0, 0.5, 2.0],
        clip=[None, (-1.0, 5.0)],
    )
    return ConvolutionFeatureTransformer(**parameters)


def random_labels(rng, y, multilabel):
    kinds = [y % 3, y % 2, y % 2 == 1, np.array(["one", "two", "three"])[y % 3]]
    kinds += [kinds[-1].astype(object), np.zeros_like(y)]
    if multilabel:
        kinds.append((y[:, np.newaxis] % [2, 3, 5] == 0).astype(int))
    return kinds[rng.integers(len(kinds))]


@cache
def fit_at_random(seed, shapes=((8, 8),)):
    """Return a fitted estimator with random parameters, and its rows of pixels."""
    rng = np.random.default_rng(seed)
    build = [random_mlp, random_convnet, random_transformer][seed % 3]
    estimator = build(rng)
    X, y = load_digits(return_X_y=True)
    X = X[:N_ROWS].astype(rng.choice(["uint8", "float32", "float64"]))
    if X.dtype != np.uint8:
        X /= 16
    shape = shapes[rng.integers(len(shapes))]
    X = X.reshape(-1, *shape)
    y = random_labels(rng, y[:N_ROWS], multilabel=build is random_mlp)
    class_weight = getattr(estimator, "class_weight", None)
    if isinstance(class_weight, dict) and not set(class_weight) <= set(y.tolist()):
        estimator.set_params(class_weight=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = estimator.fit(X, y)
        if rng.random() < 0.2 and build is not random_transformer:
            resume_partially(fitted, X, y)
    return fitted, X


def resume_partially(estimator, X, y):
    """Give the estimator state with which training can go on, where it can."""
    estimator.set_params(early_stopping=False)
    if hasattr(estimator, "partial_fit"):
        estimator.partial_fit(X, y)


def predict(estimator, X):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    return estimator.transform(X)


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("seed", settings(200, few=15))
def test_predictions_are_equal_to_the_last_bit(seed):
    estimator, X = fit_at_random(seed)
    expected = predict(estimator, X)
    ways = {
        "pickle": pickle.loads(pickle.dumps(estimator)),
        "joblib": by_joblib(estimator),
        "deepcopy": copy.deepcopy(estimator),
        "skops": skops.io.loads(skops.io.dumps(estimator), trusted=OURS),
    }
    for way, again in ways.items():
        assert_array_equal(predict(again, X), expected, err_msg=way)
        if hasattr(estimator, "classes_"):
            assert again.predict(X).dtype == estimator.predict(X).dtype, way
        assert vars(again).keys() == vars(estimator).keys(), way


@pytest.mark.parametrize("seed", settings(200, few=15))
def test_a_pickle_is_little_more_than_the_weights(seed):
    estimator, _ = fit_at_random(seed)
    n_bytes = len(pickle.dumps(estimator))
    # What partial_fit goes on from: weights before averaging, two moments.
    copies = 4 if hasattr(estimator, "_training_state") else 1
    arrays = [getattr(estimator, "kernels_", np.empty(0))]
    if hasattr(estimator, "module_"):
        arrays = [t.numpy() for t in estimator.module_.state_dict().values()]
    n_weights = sum(array.nbytes for array in arrays)
    assert n_bytes <= 1.5 * copies * n_weights + 16_000


@pytest.mark.parametrize("estimator", [MLPClassifier, ConvNetClassifier])
def test_a_pickle_of_a_large_network_is_its_weights(estimator):
    parameters = {
        MLPClassifier: {"hidden_layer_sizes": (500, 500)},
        ConvNetClassifier: {"channels": (64, 128, 128)},
    }
    X, y = load_digits(return_X_y=True)
    model = estimator(max_iter=1, **parameters[estimator])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X[:N_ROWS], y[:N_ROWS])
    weights = sum(t.numpy().nbytes for t in model.module_.state_dict().values())
    assert weights > 1e6
    assert len(pickle.dumps(model)) <= 1.01 * weights + 16_000


@pytest.mark.parametrize("seed", settings(40, few=9))
def test_onnx_predicts_the_same(seed, tmp_path):
    shapes = ((64,), (8, 8), (8, 8, 1), (4, 16), (4, 4, 4))
    estimator, X = fit_at_random(seed, shapes)
    path = tmp_path / "digits.onnx"
    image_shape = X.shape[1:] if X.ndim > 2 else None
    to_onnx(estimator, path, input_dtype=X.dtype, image_shape=image_shape)
    session = InferenceSession(path)
    for rows in (X[:1], X):
        outputs = session.run(None, {"X": rows})
        expected = predict(estimator, rows)
        got = outputs[-1]
        if hasattr(estimator, "predict"):
            assert_array_equal(outputs[0], estimator.predict(rows))
        elif estimator.power < 1:
            # A root makes rounding errors near zero large: compare what it is of.
            got, expected = (
                np.sign(x) * np.abs(x) ** (1 / estimator.power) for x in (got, expected)
            )
        size = max(1, np.abs(expected).max())
        assert_allclose(got, expected, rtol=0, atol=1e-5 * size)
