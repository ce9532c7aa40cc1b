"""What holds for every classifier: the contract around the module."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    ImageClassifier,
    MLPClassifier,
    TorchClassifier,
)

CLASSIFIERS = [
    MLPClassifier(max_iter=3, tol=0.5, n_iter_no_change=1, random_state=0),
    ConvNetClassifier(channels=(4, 8), max_iter=2, random_state=0),
]
each_classifier = pytest.mark.parametrize("classifier", CLASSIFIERS)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300].astype(np.uint8), y[:300]


def fit_quietly(classifier, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")
        return classifier.fit(*args, **kwargs)


def fitted(classifier, X, y, **params):
    return fit_quietly(clone(classifier).set_params(**params), X, y)


@each_classifier
def test_fitting_changes_no_global_state(classifier, digits):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    n_threads = torch.get_num_threads()
    fitted(classifier, *digits, random_state=None, dropout=0.3).predict(digits[0])
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert torch.get_num_threads() == n_threads


@each_classifier
def test_same_random_state_gives_equal_bits(classifier, digits):
    params = {"dropout": 0.3, "early_stopping": True}
    one, two = (fitted(classifier, *digits, **params) for _ in range(2))
    assert np.array_equal(one.predict_proba(digits[0]), two.predict_proba(digits[0]))


@each_classifier
def test_other_random_state_gives_another_fit(classifier, digits):
    one = fitted(classifier, *digits).predict_proba(digits[0])
    two = fitted(classifier, *digits, random_state=1).predict_proba(digits[0])
    assert not np.allclose(one, two)


@each_classifier
def test_four_threads_at_once_give_the_serial_result(classifier, digits):
    def train(_):
        model = clone(classifier).set_params(dropout=0.3).fit(*digits)
        return model.predict_proba(digits[0])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        serial, n_threads = train(0), torch.get_num_threads()
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(train, range(8)))
    assert all(np.array_equal(serial, result) for result in results)
    assert torch.get_num_threads() == n_threads


@each_classifier
def test_unit_weights_change_nothing(classifier, digits):
    X, y = digits
    plain = fitted(classifier, X, y)
    weighted = fit_quietly(clone(classifier), X, y, sample_weight=np.ones(len(y)))
    np.testing.assert_allclose(
        plain.predict_proba(X), weighted.predict_proba(X), atol=1e-3
    )


@each_classifier
def test_rows_of_weight_zero_are_as_if_absent(classifier, digits):
    X, y = digits
    weight = np.ones(len(y))
    weight[200:] = 0
    part = fit_quietly(clone(classifier), X[:200], y[:200], sample_weight=weight[:200])
    whole = fit_quietly(clone(classifier), X, y, sample_weight=weight)
    assert np.array_equal(part.predict_proba(X), whole.predict_proba(X))


@each_classifier
@pytest.mark.parametrize("copy", [deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_predicts_the_same(classifier, copy, digits):
    model = fitted(classifier, *digits)
    again = copy(model)
    assert np.array_equal(
        model.predict_proba(digits[0]), again.predict_proba(digits[0])
    )
    assert model.loss_curve_ == again.loss_curve_


@each_classifier
def test_a_pickle_holds_no_torch_object(classifier, digits):
    model = clone(classifier).partial_fit(*digits, classes=np.arange(10))
    assert b"torch" not in pickle.dumps(model)


@each_classifier
def test_parameters_set_after_the_fit_do_not_spoil_its_pickle(classifier, digits):
    model = fitted(classifier, *digits)
    size = "channels" if isinstance(model, ConvNetClassifier) else "hidden_layer_sizes"
    expected = model.predict(digits[0])
    again = pickle.loads(pickle.dumps(model.set_params(**{size: (3,)})))
    assert np.array_equal(again.predict(digits[0]), expected)
    assert again.get_params()[size] == (3,)


@each_classifier
def test_training_goes_on_after_a_pickle_as_if_there_were_none(classifier, digits):
    model = clone(classifier).set_params(dropout=0.3)
    for _ in range(3):
        model.partial_fit(*digits, classes=np.arange(10))
    again = pickle.loads(pickle.dumps(model))
    one, two = (m.partial_fit(*digits).predict_proba(digits[0]) for m in (model, again))
    assert np.array_equal(one, two)


@each_classifier
def test_warm_start_goes_on_where_the_last_fit_ended(classifier, digits):
    model = fitted(classifier, *digits, warm_start=True)
    first = list(model.loss_curve_)
    fit_quietly(model, *digits)
    assert model.loss_curve_[: len(first)] == first
    assert model.loss_ < first[0]
    assert model.t_ == len(digits[0]) * len(model.loss_curve_)


@each_classifier
def test_early_stopping_keeps_the_weights_that_scored_best(classifier, digits):
    model = fitted(classifier, *digits, early_stopping=True, max_iter=5, tol=0)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert model.best_loss_ is None


@each_classifier
@pytest.mark.parametrize("fresh", [True, False])
def test_a_failed_fit_leaves_the_estimator_as_it_was(classifier, fresh, digits):
    X, y = digits
    model = clone(classifier) if fresh else fitted(classifier, X, y, warm_start=True)
    before = None if fresh else model.predict_proba(X)
    broken, infinite = X.astype(np.float64), X.astype(np.float64)
    broken[7, 7], infinite[7, 7] = np.nan, np.inf
    for bad_X, bad_y, message in [
        (broken, y, "NaN"),
        (X, y[:-1], "inconsistent numbers of samples"),
        (X, y * 1.5, "Unknown label type"),
        (infinite, y, "infinity"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.fit(bad_X, bad_y)
    if fresh:
        with pytest.raises(NotFittedError):
            model.predict(X)
        assert not [name for name in vars(model) if name.endswith("_")]
    else:
        assert np.array_equal(model.predict_proba(X), before)


@each_classifier
def test_a_batch_size_may_be_an_integer_of_numpy(classifier, digits):
    X, y = digits
    expected = fitted(classifier, X, y, batch_size=32).predict_proba(X)
    found = fitted(classifier, X, y, batch_size=np.int64(32)).predict_proba(X)
    assert np.array_equal(found, expected)


@each_classifier
def test_a_loss_that_is_not_finite_is_an_error_and_spoils_nothing(classifier, digits):
    X, y = digits
    model = fitted(classifier, X, y, warm_start=True, batch_size=50)
    before, curve = model.predict_proba(X), list(model.loss_curve_)
    with pytest.raises(ValueError, match=r"non-finite.*learning_rate_init=1e"):
        model.set_params(learning_rate_init=1e35).fit(X, y)
    assert np.array_equal(model.predict_proba(X), before)
    assert model.loss_curve_ == curve


@each_classifier
@pytest.mark.parametrize("learning_rate_init", [1e3, 1e6, 1e20, 1e35, 1e300])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_too_long_end_in_an_error_or_in_finite_probabilities(
    classifier, learning_rate_init, solver, dtype, digits
):
    X, y = digits[0].astype(dtype), digits[1]
    params = {"solver": solver, "learning_rate_init": learning_rate_init}
    model = clone(classifier).set_params(**params)
    for train in (fit_quietly, lambda model, X, y: model.partial_fit(X, y, classes=y)):
        fitted = hasattr(model, "module_")
        try:
            train(model, X, y)
        except ValueError as error:
            assert "non-finite" in str(error)  # noqa: PT017
            assert hasattr(model, "module_") == fitted
        else:
            assert np.isfinite(model.predict_proba(X)).all()
            assert np.isfinite(model.predict_proba(X * 0)).all()


@each_classifier
def test_y_of_another_length_is_named(classifier, digits):
    X, y = digits
    for train in (classifier.fit, classifier.partial_fit):
        with pytest.raises(ValueError, match=r"numbers of samples.*300, 299"):
            train(X, y[:-1], **({} if train.__name__ == "fit" else {"classes": y}))


@each_classifier
def test_wrong_number_of_features_is_named(classifier, digits):
    model = fitted(classifier, *digits)
    with pytest.raises(ValueError, match=r"X has 63 features, but .* expecting 64"):
        model.predict(digits[0][:, :63])


@each_classifier
def test_ctrl_c_reaches_the_user_and_finished_epochs_stay(classifier, digits):
    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                raise KeyboardInterrupt

    model = clone(classifier).set_callbacks(Interrupt())
    with pytest.raises(KeyboardInterrupt):
        model.fit(*digits)
    assert model.n_iter_ == 1
    assert model.predict(digits[0]).shape == digits[1].shape


@each_classifier
def test_an_interrupt_before_the_first_epoch_leaves_nothing(classifier, digits):
    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            raise KeyboardInterrupt

    model = clone(classifier).set_callbacks(Interrupt())
    with pytest.raises(KeyboardInterrupt):
        model.fit(*digits)
    with pytest.raises(NotFittedError):
        model.predict(digits[0])


def test_an_interrupt_while_an_epoch_is_scored_leaves_it_out(digits):
    n_scored = 0

    class Layer(nn.Linear):
        def forward(self, x):
            nonlocal n_scored
            n_scored += not self.training and len(x) > 1
            if n_scored == 3:
                raise KeyboardInterrupt
            return super().forward(x)

    class Softmax(TorchClassifier):
        def build_module(self, n_features, n_classes):
            return Layer(n_features, n_classes)

    model = Softmax(early_stopping=True, random_state=0, max_iter=5)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*digits)
    curves = model.loss_curve_, model.validation_scores_, model.validation_loss_curve_
    assert [len(curve) for curve in curves] == 3 * [model.n_iter_] == 3 * [2]


@each_classifier
def test_callbacks_see_every_epoch_and_an_estimator_that_predicts(classifier, digits):
    class Watch:
        def __init__(self):
            self.scores = []

        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
            if context.task_name == "epoch":
                self.scores.append(fitted_estimator.score(X, y))

    watch = Watch()
    model = fit_quietly(clone(classifier).set_callbacks(watch), *digits)
    assert len(watch.scores) == model.n_iter_
    assert watch.scores[-1] == model.score(*digits)
    plain = fitted(classifier, *digits)
    assert np.array_equal(
        plain.predict_proba(digits[0]), model.predict_proba(digits[0])
    )


@each_classifier
def test_a_callback_can_stop_the_fit(classifier, digits):
    class Stop:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            return True

    assert clone(classifier).set_callbacks(Stop()).fit(*digits).n_iter_ == 1


@each_classifier
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64, bool])
def test_every_dtype_predicts_like_its_float_values(classifier, dtype, digits):
    X = (digits[0] > 7).astype(dtype) if dtype is bool else digits[0].astype(dtype)
    model = fitted(classifier, X, digits[1], compute_dtype="float32")
    same = fitted(classifier, X.astype(float), digits[1], compute_dtype="float32")
    np.testing.assert_allclose(
        model.predict_proba(X), same.predict_proba(X.astype(float)), atol=1e-5
    )


@each_classifier
def test_read_only_memory_maps_train_like_arrays(classifier, digits, tmp_path):
    X, y = digits
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    one, two = fitted(classifier, X, y), fitted(classifier, mapped, y)
    assert np.array_equal(one.predict_proba(X), two.predict_proba(mapped))


@each_classifier
def test_log_probabilities_and_scores_agree_with_probabilities(classifier, digits):
    X, y = digits
    for labels in (y, y > 4):
        model = fitted(classifier, X, labels)
        probabilities = model.predict_proba(X)
        np.testing.assert_allclose(
            np.exp(model.predict_log_proba(X)), probabilities, atol=1e-5
        )
        scores = model.decision_function(X)
        best = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
        assert np.array_equal(model.classes_[best], model.predict(X))


@each_classifier
def test_partial_fit_names_what_it_cannot_do(classifier, digits):
    X, y = digits
    with pytest.raises(ValueError, match="classes"):
        clone(classifier).partial_fit(X, y)
    with pytest.raises(ValueError, match="early_stopping"):
        clone(classifier).set_params(early_stopping=True).partial_fit(X, y, classes=y)
    with pytest.raises(AttributeError) as raised:
        clone(classifier).set_params(class_weight="balanced").partial_fit(
            X, y, classes=y
        )
    assert "balanced" in str(raised.value.__cause__)
    model = clone(classifier).partial_fit(X, y, classes=np.arange(10))
    with pytest.raises(ValueError, match=r"classes.* \[99\]"):
        model.partial_fit(X, np.full_like(y, 99))


def test_a_module_of_ones_own_with_a_wrong_output_is_named(digits):
    class Wrong(TorchClassifier):
        def build_module(self, n_features, n_classes):
            return nn.Linear(n_features, 3)

    with pytest.raises(ValueError, match=r"\(1, 3\) for one row; expected .*\(1, 10\)"):
        Wrong().fit(*digits)


@pytest.mark.parametrize("base", [TorchClassifier, ImageClassifier])
@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, r"returned None, of type NoneType; expected .*torch\.nn\.Module"),
        (nn.Linear, r"returned <class .*Linear'>, of type type; expected an instance"),
        (torch.relu, r"of type builtin_function_or_method"),
    ],
)
def test_what_build_module_returns_must_be_a_module(base, returned, told, digits):
    class Wrong(base):
        def build_module(self, n_features, n_classes):
            return returned

    model = Wrong()
    with pytest.raises(TypeError, match=rf"Wrong\.build_module .*{told}"):
        model.fit(*digits)
    assert not hasattr(model, "classes_")


def test_grid_searches_give_the_same_scores_in_any_number_of_processes(digits):
    X, y = digits
    searches = [
        (make_pipeline(MinMaxScaler(), CLASSIFIERS[0]), "mlpclassifier__alpha", [0, 1]),
        (
            make_pipeline(MinMaxScaler(), CLASSIFIERS[1]),
            "convnetclassifier__kernel_size",
            [3, 5],
        ),
        (
            make_pipeline(ConvolutionFeatureTransformer(), SVC()),
            "convolutionfeaturetransformer__kernels",
            ["edges", "sobel"],
        ),
    ]
    for pipeline, name, values in searches:
        scores = []
        for n_jobs in (1, 2):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                search = GridSearchCV(pipeline, {name: values}, cv=2, n_jobs=n_jobs)
                scores.append(search.fit(X, y).cv_results_["mean_test_score"])
        assert np.array_equal(*scores)
