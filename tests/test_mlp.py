import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier

from sklearn_digits import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def start_alike(**params):
    """Return one step of each library from the same weights, on the same batch."""
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 6)), rng.integers(0, params.pop("n_classes", 3), 40)
    common = {
        "hidden_layer_sizes": (5, 4),
        "max_iter": 1,
        "shuffle": False,
        "batch_size": 40,
        "alpha": 0.1,
        "warm_start": True,
        "random_state": 0,
        **params,
    }
    theirs = SklearnMLPClassifier(**common).fit(X, y)
    return MLPClassifier.from_sklearn(theirs), theirs, X, y


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adam"},
        {"solver": "adam", "epsilon": 0.1},
        {"solver": "sgd", "learning_rate_init": 0.1},
        {"solver": "sgd", "learning_rate_init": 0.1, "nesterovs_momentum": False},
        {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0},
        {"n_classes": 2, "activation": "tanh"},
    ],
)
def test_steps_from_the_same_weights_are_scikit_learns(params):
    ours, theirs, X, y = start_alike(**params)
    for model in (ours, theirs):
        model.set_params(max_iter=5).fit(X, y)
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.loss_curve_[1:], theirs.loss_curve_[1:], rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu", "gelu"])
def test_predictions_are_what_the_module_gives(activation, n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 6)), rng.integers(0, n_classes, 40)
    model = MLPClassifier((5, 4), activation, max_iter=3, random_state=0).fit(X, y)
    with torch.no_grad():
        logits = model.module_(torch.from_numpy(X))
    np.testing.assert_allclose(
        model.predict_proba(X), logits.softmax(dim=1).numpy(), rtol=1e-12
    )


def test_sample_weights_act_as_scikit_learns():
    ours, theirs, X, y = start_alike(solver="sgd", learning_rate_init=0.1)
    weight = np.linspace(0.5, 2, len(y))
    for model in (ours, theirs):
        model.fit(X, y, sample_weight=weight)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("nesterovs_momentum", [True, False])
def test_learning_rates_follow_scikit_learns(learning_rate, nesterovs_momentum):
    params = {"learning_rate": learning_rate, "tol": 0.5, "n_iter_no_change": 2}
    ours, theirs, X, y = start_alike(
        solver="sgd",
        learning_rate_init=0.1,
        power_t=0.3,
        batch_size=15,
        nesterovs_momentum=nesterovs_momentum,
        **params,
    )
    for model in (ours, theirs):
        model.set_params(max_iter=12).fit(X, y)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(
        ours.loss_curve_[1:], theirs.loss_curve_[1:], rtol=1e-6, atol=1e-9
    )


def test_learning_rates_follow_scikit_learns_in_partial_fit():
    params = {"learning_rate": "invscaling", "solver": "sgd", "shuffle": False}
    ours, theirs, X, y = start_alike(learning_rate_init=0.1, power_t=0.3, **params)
    theirs = ours.to_sklearn()
    for _ in range(5):
        for model in (ours, theirs):
            model.partial_fit(X, y)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9)


def test_constructor_has_scikit_learns_parameters_first():
    ours, theirs = MLPClassifier().get_params(), SklearnMLPClassifier().get_params()
    assert {name: ours[name] for name in theirs} == theirs
    assert MLPClassifier((7,), "tanh").activation == "tanh"
    with pytest.raises(TypeError):
        MLPClassifier((7,), "tanh", "sgd")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_fitted_attributes_have_scikit_learns_shapes(n_classes):
    ours, theirs, _, _ = start_alike(n_classes=n_classes)
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_iter_", "t_"):
        assert getattr(ours, name) == getattr(theirs, name)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert mine.shape == other.shape
        assert mine.dtype == other.dtype


def test_initial_weights_fill_scikit_learns_bounds(digits):
    model = MLPClassifier((300,), max_iter=1, learning_rate_init=1e-12).fit(*digits)
    bound = np.sqrt(6 / (64 + 300))
    largest = np.abs(model.coefs_[0]).max()
    assert 0.99 * bound < largest <= bound * (1 + 1e-6)


def test_multilabel_targets_give_a_probability_each(digits):
    X, y = digits
    Y = np.stack([y % 2 == 0, y > 4, y == 3], axis=1).astype(int)
    model = MLPClassifier(max_iter=40, random_state=0).fit(X, Y)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == Y.shape
    assert np.array_equal(model.predict(X), probabilities > 0.5)
    assert accuracy_score(Y, model.predict(X)) > 0.9
    assert model.out_activation_ == "logistic"


def test_small_float64_steps_are_float64_and_others_are_not(digits):
    X, y = digits
    few = {"max_iter": 1, "batch_size": 10}
    assert MLPClassifier(**few).fit(X, y).coefs_[0].dtype == np.float64
    assert MLPClassifier(**few).fit(X.astype("f"), y).coefs_[0].dtype == np.float32
    wide = MLPClassifier((2000,), max_iter=1).fit(X, y)
    assert wide.coefs_[0].dtype == np.float32
    assert MLPClassifier((2000,), max_iter=1).fit(X[:50], y[:50]).compute_dtype_ == (
        wide.compute_dtype_
    )


def test_dropout_thins_the_hidden_layers_while_training_only(digits):
    X, y = digits
    model = MLPClassifier((50, 50), dropout=0.5, max_iter=5, random_state=0).fit(X, y)
    assert np.array_equal(model.predict_proba(X), model.predict_proba(X))
    whole = MLPClassifier((50, 50), max_iter=5, random_state=0).fit(X, y)
    assert model.loss_ > whole.loss_


def test_balanced_classes_find_the_rare_one():
    X, y = make_classification(
        600, weights=[0.95], class_sep=0.5, flip_y=0, random_state=0
    )
    params = {"max_iter": 40, "random_state": 0}
    plain = MLPClassifier(**params).fit(X, y).predict(X)
    balanced = MLPClassifier(**params, class_weight="balanced").fit(X, y).predict(X)
    assert balanced[y == 1].mean() > plain[y == 1].mean()


@pytest.mark.parametrize("dropout", [0.1, [0.1], (0.1, 0.2, 0.0), np.array([0, 0.9])])
def test_dropout_is_one_share_or_one_a_layer(dropout, digits):
    n_hidden = np.size(dropout)
    model = MLPClassifier((8,) * n_hidden, dropout=dropout, max_iter=1).fit(*digits)
    shares = [layer.p for layer in model.module_.modules() if hasattr(layer, "p")]
    assert shares == np.ravel(dropout).tolist()


@pytest.mark.parametrize(
    ("dropout", "message"),
    [
        ([0.1], r"dropout=\[0.1\] has 1 values for 2 hidden layers"),
        ([0.1, 0.2, 0.3], "has 3 values for 2 hidden layers"),
        ([0.1, 1.0], r"dropout=\[0.1, 1.0\] must be in \[0, 1\)"),
        ([-0.1, 0.5], r"must be in \[0, 1\)"),
        ([0.1, "a"], r"must be in \[0, 1\)"),
        (1.0, r"'dropout' parameter .* in the range \[0.0, 1.0\)"),
    ],
)
def test_wrong_dropout_is_named(dropout, message, digits):
    with pytest.raises(ValueError, match=message):
        MLPClassifier((5, 4), dropout=dropout).fit(*digits)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_smooth_activations_learn_and_are_torchs(activation, digits):
    X, y = digits
    model = MLPClassifier((20,), activation, max_iter=30, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.9
    hidden = torch.from_numpy(X @ model.coefs_[0] + model.intercepts_[0])
    hidden = getattr(torch.nn.functional, activation)(hidden).numpy()
    np.testing.assert_allclose(
        model.decision_function(X), hidden @ model.coefs_[1] + model.intercepts_[1]
    )


@pytest.mark.parametrize("sizes", [0, (0,), (5, -1), (2.5,), "ab"])
def test_hidden_layers_of_no_width_are_named(sizes, digits):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        MLPClassifier(sizes).fit(*digits)


def test_no_hidden_layer_is_logistic_regression(digits):
    model = MLPClassifier((), max_iter=60, random_state=0).fit(*digits)
    assert [coef.shape for coef in model.coefs_] == [(64, 10)]
    assert model.score(*digits) > 0.9


def test_a_batch_larger_than_the_data_warns(digits):
    X, y = digits
    with pytest.warns(UserWarning, match=r"5000 for 1797 rows.*clipped"):
        MLPClassifier(batch_size=5000, max_iter=1).fit(X, y)


@pytest.mark.slow
def test_accuracy_on_digits_with_default_parameters(digits):
    scores = [
        cross_val_score(
            MLPClassifier(random_state=seed),
            *digits,
            cv=StratifiedKFold(5, shuffle=True, random_state=seed),
        )
        for seed in range(3)
    ]
    assert np.mean(scores) >= 0.975


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [
        {"solver": "sgd", "learning_rate_init": 0.05},
        {"solver": "adam"},
    ],
)
def test_accuracy_on_mnist_is_scikit_learns(params, mnist):
    train, test = mnist.train, mnist.test
    X, X_test = (part.data.astype(np.float32) / 255 for part in (train, test))
    params = {"hidden_layer_sizes": (128, 128), "batch_size": 1024, **params}
    scores = [
        [
            cls(**params, max_iter=5, random_state=seed)
            .fit(X, train.target)
            .score(X_test, test.target)
            for seed in range(3)
        ]
        for cls in (MLPClassifier, SklearnMLPClassifier)
    ]
    standard_error = np.sqrt(np.var(scores, axis=1, ddof=1).sum() / 3)
    difference = np.mean(scores[0]) - np.mean(scores[1])
    assert abs(difference) < 0.0015 + 2 * standard_error
    assert standard_error < 0.003
