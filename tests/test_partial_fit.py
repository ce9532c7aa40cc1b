"""What a later call goes on from: parameters, optimizer, weights; refused calls."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_digits import ConvNetClassifier, MLPClassifier, RandomAffine

MLP = MLPClassifier((8,), batch_size=20, random_state=0)
CONVNET = ConvNetClassifier((3, 4), batch_size=20, random_state=0)
each_classifier = pytest.mark.parametrize("classifier", [MLP, CONVNET], ids=["mlp", ""])


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:60] / 16, y[:60]


def begun(classifier, digits, n_calls=1):
    model = clone(classifier)
    for _ in range(n_calls):
        model.partial_fit(*digits, classes=np.arange(10))
    return model


def again(model):
    return pickle.loads(pickle.dumps(model))


CHANGES = [
    (MLP, {"alpha": 100.0}),
    (MLP, {"learning_rate_init": 0.1}),
    (MLP, {"batch_size": 7}),
    (MLP, {"shuffle": False}),
    (MLP, {"dropout": 0.5}),
    (MLP, {"activation": "tanh"}),
    (MLP, {"solver": "sgd"}),
    (CONVNET, {"augmentation": None}),
    (CONVNET, {"augmentation": RandomAffine(rotation=90)}),
    (CONVNET, {"label_smoothing": 0.3}),
    (CONVNET, {"weight_decay": 0.0}),
    (CONVNET, {"weight_decay": 10.0}),
    (CONVNET, {"ema_decay": None}),
    (CONVNET, {"ema_decay": 0.1}),
    (CONVNET, {"dropout": 0.5}),
    (CONVNET, {"learning_rate_init": 0.2}),
    (CONVNET, {"solver": "sgd"}),
    (CONVNET, {"class_weight": {0: 50.0}}),
]


@pytest.mark.parametrize(("classifier", "change"), CHANGES)
def test_parameters_set_since_are_heeded_with_and_without_a_pickle(
    classifier, change, digits
):
    unchanged = begun(classifier, digits).partial_fit(*digits).partial_fit(*digits)
    changed = begun(classifier, digits).set_params(**change)
    pickled, X = again(changed), digits[0]
    assert_array_equal(pickled.predict_proba(X), changed.predict_proba(X))
    for model in (changed, pickled):
        model.partial_fit(*digits)
    pickled = again(pickled)
    for model in (changed, pickled):
        model.partial_fit(*digits)
    found = changed.predict_proba(digits[0])
    assert_array_equal(pickled.predict_proba(digits[0]), found)
    assert not np.array_equal(unchanged.predict_proba(digits[0]), found)


@each_classifier
def test_changed_decay_keeps_the_moments_of_the_optimizer(classifier, digits):
    name = "alpha" if "alpha" in classifier.get_params() else "weight_decay"
    model = begun(classifier, digits).set_params(**{name: 0.0}).partial_fit(*digits)
    assert model._training_state["optimizer"]["n_steps"] == 6


@each_classifier
def test_another_solver_begins_with_a_state_of_its_own(classifier, digits):
    model = begun(classifier, digits).set_params(solver="sgd").partial_fit(*digits)
    assert model._training_state["optimizer"]["n_steps"] == 3


@pytest.mark.parametrize(
    ("classifier", "change"),
    [(MLP, {"hidden_layer_sizes": (20,)}), (CONVNET, {"channels": (5,)})],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("method", ["partial_fit", "warm fit"])
def test_a_network_keeps_its_shape(classifier, change, method, digits):
    model = begun(classifier, digits)
    shapes = [weight.shape for weight in model.module_.parameters()]
    model.set_params(**change)
    if method == "warm fit":
        model.set_params(warm_start=True, max_iter=1).fit(*digits)
    for each in (model.partial_fit(*digits), again(model).partial_fit(*digits)):
        assert [weight.shape for weight in each.module_.parameters()] == shapes


@each_classifier
def test_parameters_set_since_are_checked(classifier, digits):
    model = begun(classifier, digits).set_params(learning_rate_init=-1.0)
    with pytest.raises(InvalidParameterError, match="learning_rate_init"):
        model.partial_fit(*digits)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@each_classifier
def test_a_device_set_since_is_checked(classifier, method, digits):
    model = begun(classifier, digits).set_params(device="toaster", warm_start=True)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="device='toaster' cannot be used here"):
        getattr(model, method)(*digits)
    assert vars(model) == before
    assert again(model).device_ == "cpu"


def test_frozen_weights_stay_frozen_when_a_parameter_is_set(digits):
    model = begun(clone(CONVNET).set_params(ema_decay=None), digits)
    first = next(model.module_.parameters()).requires_grad_(False)
    before = first.clone()
    model.set_params(dropout=0.1).partial_fit(*digits)
    assert_array_equal(next(model.module_.parameters()).detach(), before)


def test_weights_set_between_two_calls_are_trained_on(digits):
    model, other = begun(MLP, digits), begun(MLP, digits)
    other.coefs_ = [coef * 2 for coef in other.coefs_]
    pickled = again(other).partial_fit(*digits)
    assert not np.array_equal(model.partial_fit(*digits).coefs_[0], other.coefs_[0])
    assert_array_equal(other.partial_fit(*digits).coefs_[0], pickled.coefs_[0])


# Refused and failed calls


def refuse_nan(model, X, y):
    model.partial_fit(np.full_like(X, np.nan), y)


def refuse_classes(model, X, y):
    model.partial_fit(X, y + 5)


def refuse_width(model, X, y):
    model.partial_fit(X[:, :-1], y)


def fail_in_training(model, X, y):
    rate = model.learning_rate_init
    try:
        model.set_params(learning_rate_init=1e300).partial_fit(X, y)
    finally:
        model.set_params(learning_rate_init=rate)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(
    "refused", [refuse_nan, refuse_classes, refuse_width, fail_in_training]
)
@each_classifier
def test_a_refused_call_changes_nothing(classifier, refused, digits):
    plain, model = begun(classifier, digits, 3), begun(classifier, digits, 3)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=r"NaN|classes not in|features|non-finite"):
        refused(model, *digits)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)
    assert_array_equal(
        model.partial_fit(*digits).predict_proba(digits[0]),
        plain.partial_fit(*digits).predict_proba(digits[0]),
    )
    assert model.loss_curve_ == plain.loss_curve_


def test_a_warm_fit_that_fails_leaves_the_module_as_it_was(digits):
    def fail(images, generator):
        raise ZeroDivisionError

    model = clone(CONVNET).set_params(dropout=0.5, max_iter=2, ema_decay=None)
    model.fit(*digits)
    state = copy.deepcopy(model.module_.state_dict())
    module, curve = model.module_, list(model.loss_curve_)
    model.set_params(warm_start=True, augmentation=fail)
    with pytest.raises(ZeroDivisionError):
        model.fit(*digits)
    assert model.module_ is module
    assert not any(layer.training for layer in module.modules())
    assert model.loss_curve_ == curve
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, state[name])


BROKEN = {
    "hidden_layer_sizes": "x",
    "channels": "x",
    "solver": "x",
    "augmentation": RandomAffine(rotation=200),
    "weight_decay": -1,
    "ema_decay": None,
    "learning_rate": "x",
    "batch_size": 0,
    "compute_dtype": "x",
    "image_shape": (3, 3),
    "dropout": 7,
    "activation": "x",
    "class_weight": "x",
    "label_smoothing": 9,
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@each_classifier
def test_nothing_set_after_a_fit_breaks_or_changes_what_is_loaded(
    classifier, method, digits
):
    model = begun(classifier, digits)
    if method == "fit":
        model.set_params(max_iter=1).fit(*digits)
    expected = model.predict_proba(digits[0])
    for name in BROKEN.keys() & model.get_params().keys():
        other = copy.copy(model).set_params(**{name: BROKEN[name]})
        assert_array_equal(again(other).predict_proba(digits[0]), expected)
        assert_array_equal(copy.deepcopy(other).predict_proba(digits[0]), expected)


def test_a_stored_classifier_holds_parameters_and_arrays_only(digits):
    def kinds(value):
        if isinstance(value, dict):
            return set().union(
                *map(kinds, value.values()), {type(key) for key in value}
            )
        if isinstance(value, (list, tuple)):
            return set().union(*map(kinds, value))
        if isinstance(value, RandomAffine):  # what it holds is looked at, too
            return kinds(value.__getstate__())
        return {type(value)}

    for classifier in (MLP, CONVNET):
        stored = kinds(begun(classifier, digits).__getstate__())
        numbers = {np.ndarray, int, float, bool, str, type(None)}
        assert stored <= numbers | {np.float64, np.float32, np.int64}
