"""The same random_state, data and threads give the same bits, wherever they run."""

import pickle
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_validate

from sklearn_digits import ConvNetClassifier, MLPClassifier

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer", "ignore:lbfgs failed"
)
CLASSIFIERS = {
    "numpy": MLPClassifier((8,), max_iter=3, random_state=0),
    "dropout": MLPClassifier((8,), max_iter=3, random_state=0, dropout=0.3),
    "lbfgs": MLPClassifier((8,), max_iter=3, random_state=0, solver="lbfgs"),
    "convnet": ConvNetClassifier(
        channels=(4,),
        max_iter=3,
        random_state=0,
        dropout=0.3,
        early_stopping=True,
        validation_fraction=0.2,
    ),
    "whitening": ConvNetClassifier(
        channels=(4,), max_iter=3, random_state=0, whitening=True
    ),
}
each_classifier = pytest.mark.parametrize("name", CLASSIFIERS)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:150].astype(np.uint8), y[:150]


def weights(model):
    state = model.module_.state_dict()
    return {name: weight.numpy().tobytes() for name, weight in state.items()}


@each_classifier
def test_weights_are_equal_in_their_bits(name, digits):
    one, two = (weights(clone(CLASSIFIERS[name]).fit(*digits)) for _ in range(2))
    assert one == two
    other = clone(CLASSIFIERS[name]).set_params(random_state=1).fit(*digits)
    assert weights(other) != one


@each_classifier
def test_a_pickle_before_the_fit_changes_nothing(name, digits):
    expected = clone(CLASSIFIERS[name]).fit(*digits)
    copy = pickle.loads(pickle.dumps(CLASSIFIERS[name]))
    assert weights(copy.fit(*digits)) == weights(expected)


@each_classifier
def test_weights_are_equal_in_any_number_of_processes(name, digits):
    models, best = [], []
    for n_jobs in (1, 2):
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            result = cross_validate(
                CLASSIFIERS[name], *digits, cv=2, n_jobs=n_jobs, return_estimator=True
            )
            search = GridSearchCV(
                CLASSIFIERS[name], {"tol": [0.1, 0.01]}, cv=2, n_jobs=n_jobs
            )
            best.append(search.fit(*digits))
        models.append([weights(model) for model in result["estimator"]])
    assert models[0] == models[1]
    assert weights(best[0].best_estimator_) == weights(best[1].best_estimator_)
    for key, scores in best[0].cv_results_.items():
        if "score" in key and "time" not in key:
            assert np.array_equal(scores, best[1].cv_results_[key])


@each_classifier
def test_four_threads_that_fit_clones_give_the_serial_weights(name, digits):
    def train(seed):
        model = clone(CLASSIFIERS[name]).set_params(random_state=seed)
        return weights(model.fit(*digits))

    serial = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, [*range(4), *range(4)])) == serial * 2


@each_classifier
def test_eight_threads_that_predict_with_one_model_give_the_serial_result(name, digits):
    X, y = digits
    model = clone(CLASSIFIERS[name]).fit(X, y)
    parts = [X[start : start + 30] for start in range(0, 120, 5)]
    serial = [model.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            together = list(pool.map(model.predict_proba, parts))
            assert all(map(np.array_equal, serial, together))


@contextmanager
def other_generators():
    """Global generators at another place, as in any other program."""
    numpys, torchs = np.random.get_state(), torch.get_rng_state()
    np.random.seed(7)
    torch.manual_seed(7)
    try:
        yield
    finally:
        np.random.set_state(numpys)
        torch.set_rng_state(torchs)


@contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


CALLERS = {
    "generators": other_generators,
    "deterministic": deterministic,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "default device": lambda: torch.device("meta"),
    "errors": lambda: np.errstate(all="raise"),
}


@pytest.mark.parametrize("caller", CALLERS)
@each_classifier
def test_what_the_caller_has_set_changes_no_bit(name, caller, digits):
    X, y = digits
    expected = clone(CLASSIFIERS[name]).fit(X, y)
    with CALLERS[caller]():
        model = clone(CLASSIFIERS[name]).fit(X, y)
        predicted = model.predict_proba(X)
        again = pickle.loads(pickle.dumps(model))
    assert weights(model) == weights(expected)
    assert np.array_equal(predicted, expected.predict_proba(X))
    again.set_params(warm_start=True).fit(X, y)
    assert weights(again) == weights(expected.set_params(warm_start=True).fit(X, y))


# Ctrl-C


def interrupting_after(n_epochs):
    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == n_epochs:
                signal.raise_signal(signal.SIGINT)

    return Interrupt()


@pytest.mark.parametrize("name", ["numpy", "dropout", "convnet"])
def test_after_ctrl_c_the_finished_epochs_are_those_of_a_shorter_fit(name, digits):
    X, y = digits
    classifier = clone(CLASSIFIERS[name])
    if name == "convnet":  # whose learning rate would come down in fewer epochs
        classifier.set_params(learning_rate="constant")
    shorter = clone(classifier).set_params(max_iter=2).fit(X, y)
    model = clone(classifier).set_callbacks(interrupting_after(2))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert (model.n_iter_, len(model.loss_curve_)) == (2, 2)
    assert weights(model) == weights(shorter)
    assert np.array_equal(model.predict(X), shorter.predict(X))


@each_classifier
def test_after_ctrl_c_a_warm_start_goes_on(name, digits):
    X, y = digits
    model = clone(CLASSIFIERS[name]).set_params(warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(interrupting_after(2)).fit(X, y)
    done, best = list(model.loss_curve_), weights(model)
    model.set_callbacks().fit(X, y)
    assert model.loss_curve_[:2] == done
    assert len(model.loss_curve_) == 2 + model.n_iter_
    if name == "convnet":  # and its weights are the best ones of both
        assert len(model.validation_scores_) == len(model.loss_curve_)
    else:
        assert weights(model) != best
    if name != "lbfgs":
        n_rows = 120 if model.early_stopping else 150
        assert model.t_ == n_rows * len(model.loss_curve_)
