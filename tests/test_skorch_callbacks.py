"""skorch's callbacks: each has its effect, and none is used itself."""

import pickle
import signal
import warnings

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    LRScheduler,
)
from torch.optim.lr_scheduler import LambdaLR, StepLR

from sklearn_digits import ConvNetClassifier, MLPClassifier
from sklearn_digits._training.skorch_callbacks import clone_callback

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
CLASSIFIERS = [
    MLPClassifier((20,), max_iter=4, batch_size=50, random_state=0),
    ConvNetClassifier((8, 8), max_iter=4, batch_size=50, random_state=0),
]
each_classifier = pytest.mark.parametrize("classifier", CLASSIFIERS)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300], X[300:400] / 16, y[300:400]


def fitted(classifier, digits, *callbacks, validated=False, **params):
    X, y, X_val, y_val = digits
    model = clone(classifier).set_params(skorch_callbacks=list(callbacks), **params)
    validation = {"X_val": X_val, "y_val": y_val} if validated else {}
    return model.fit(X, y, **validation)


@each_classifier
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"dropout": 0.3}])
def test_being_watched_changes_no_bit(classifier, digits, params):
    X, y = digits[:2]
    plain = clone(classifier).set_params(**params).fit(X, y)
    watched = fitted(classifier, digits, Callback(), **params)
    assert np.array_equal(plain.predict_proba(X), watched.predict_proba(X))
    np.testing.assert_allclose(watched.loss_curve_, plain.loss_curve_, rtol=1e-6)
    assert plain.validation_scores_ == watched.validation_scores_
    assert not hasattr(plain, "history_")


@each_classifier
def test_every_event_comes_as_often_as_in_skorch(classifier, digits):
    class Count(Callback):
        seen = []  # shared with the clone

        def on_train_begin(self, net, X, y, **kwargs):
            self.seen.append(("train begin", len(X), len(y)))

        def on_train_end(self, net, **kwargs):
            self.seen.append("train end")

        def on_epoch_begin(self, net, dataset_train, dataset_valid, **kwargs):
            self.seen.append(("epoch", len(dataset_train), len(dataset_valid)))

        def on_batch_end(self, net, batch, training, loss, y_pred, **kwargs):
            X, target = batch
            assert y_pred.shape == (len(X), 10)
            assert target.max() < 10
            self.seen.append(("batch", training, len(X)))

        def on_grad_computed(self, net, named_parameters, **kwargs):
            assert all(part.grad is not None for _, part in named_parameters)
            self.seen.append("gradient")

    model = fitted(classifier, digits, Count(), validated=True, max_iter=2)
    step = ["gradient", ("batch", True, 50)]
    validation = [("batch", False, 50)] * 2
    epoch = [("epoch", 300, 100), *step * 6, *validation]
    assert Count.seen == [("train begin", 300, 300), *epoch * 2, "train end"]
    assert len(model.history_) == 2
    rows = model.history_[-1, "batches", :, "train_loss"]
    assert model.loss_ == pytest.approx(np.mean(rows))


@each_classifier
@pytest.mark.parametrize("every", ["epoch", "batch"])
def test_a_scheduler_sets_the_learning_rate(classifier, digits, every):
    rates = []

    class Look(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    scheduler = LRScheduler(StepLR, step_size=1, gamma=0.5, step_every=every)
    params = {"learning_rate": "constant", "learning_rate_init": 0.01, "max_iter": 3}
    fitted(classifier, digits, scheduler, Look(), **params)
    n_steps = np.arange(18) // (6 if every == "epoch" else 1)
    np.testing.assert_allclose(rates, 0.01 * 0.5**n_steps)


@each_classifier
def test_clipped_gradients_hardly_move_the_weights(classifier, digits):
    params = {"solver": "sgd", "momentum": 0, "max_iter": 1}
    params["alpha" if "alpha" in classifier.get_params() else "weight_decay"] = 0.0
    params["learning_rate"] = "constant"
    free = fitted(classifier, digits, GradientNormClipping(), **params)
    clipped = fitted(classifier, digits, GradientNormClipping(1e-3), **params)
    start = fitted(classifier, digits, GradientNormClipping(1e-12), **params)

    def distance(model):
        pairs = zip(model.module_.parameters(), start.module_.parameters(), strict=True)
        return sum((one - two).square().sum().item() for one, two in pairs) ** 0.5

    bound = 6 * 1e-3 * classifier.learning_rate_init * 1.01
    assert 0 < distance(clipped) <= bound < distance(free)


@each_classifier
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_frozen_weights_stay_as_they_were(classifier, solver, digits):
    first = next(
        name for name, _ in fitted(classifier, digits).module_.named_parameters()
    )
    params = {"solver": solver, "max_iter": 1}
    frozen = fitted(classifier, digits, Freezer(first), **params)
    longer = fitted(classifier, digits, Freezer(first), **{**params, "max_iter": 3})
    (start, *others), (end, *moved) = (
        list(model.module_.parameters()) for model in (frozen, longer)
    )
    assert torch.equal(start, end)
    assert not any(torch.equal(a, b) for a, b in zip(others, moved, strict=True))


@each_classifier
def test_a_checkpoint_holds_the_weights_that_predict(classifier, digits, tmp_path):
    X = digits[0]
    model = fitted(classifier, digits, Checkpoint(dirname=str(tmp_path), monitor=None))
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"params.pt", "optimizer.pt", "criterion.pt", "history.json"}
    expected = model.predict_proba(X)
    with torch.no_grad():
        for parameter in model.module_.parameters():
            parameter.zero_()
    model.module_.load_state_dict(torch.load(tmp_path / "params.pt"))
    assert np.array_equal(model.predict_proba(X), expected)


@each_classifier
def test_a_checkpoint_brings_the_best_weights_back(classifier, digits, tmp_path):
    X_val, y_val = digits[2:]
    checkpoint = Checkpoint(dirname=str(tmp_path), load_best=True)
    worse = LRScheduler(StepLR, step_size=3, gamma=1e4)
    params = {"learning_rate": "constant", "max_iter": 4, "validated": True}
    model = fitted(classifier, digits, checkpoint, worse, **params)
    losses = model.validation_loss_curve_
    assert losses[-1] > min(losses)
    assert log_loss(y_val, model.predict_proba(X_val)) == pytest.approx(
        min(losses), rel=1e-4
    )


@each_classifier
@pytest.mark.parametrize("use_caching", [True, False])
def test_epoch_scores_are_those_of_the_rows(classifier, digits, use_caching):
    caching = {"use_caching": use_caching}
    model = fitted(
        classifier,
        digits,
        EpochScoring("accuracy", name="score", lower_is_better=False, **caching),
        EpochScoring("neg_log_loss", name="valid", **caching),
        EpochScoring("accuracy", on_train=True, name="train", **caching),
        validated=True,
    )
    assert model.history_[:, "score"] == pytest.approx(model.validation_scores_)
    assert model.history_[:, "valid"] == pytest.approx(
        -np.array(model.validation_loss_curve_), rel=1e-4
    )
    assert model.history_[-1, "score_best"] == (
        model.validation_scores_[-1] > max(model.validation_scores_[:-1])
    )
    train = model.history_[:, "train"]
    assert len(train) == 4
    assert train[-1] > train[0]
    if not use_caching:
        assert train[-1] == model.score(*digits[:2])


@each_classifier
def test_epoch_scores_exist_for_held_out_rows(classifier, digits):
    scoring = EpochScoring("accuracy", name="score", lower_is_better=False)
    model = fitted(classifier, digits, scoring, early_stopping=True)
    assert model.history_[:, "score"] == pytest.approx(model.validation_scores_)


@each_classifier
def test_a_callback_may_predict_the_validation_set(classifier, digits):
    class Predicts(Callback):
        def on_epoch_end(self, net, dataset_valid=None, **kwargs):
            net.history.record("positions", net.predict(dataset_valid).tolist())

    model = fitted(classifier, digits, Predicts(), validated=True)
    expected = model.classes_[model.history_[-1, "positions"]]
    assert (expected == model.predict(digits[2])).all()


def test_multilabel_and_sparse_rows_are_scored(digits):
    X, y, X_val, y_val = digits
    Y, Y_val = (np.stack([labels > 4, labels % 2], 1) * 1 for labels in (y, y_val))
    scoring = EpochScoring("accuracy", name="score", use_caching=False)
    model = clone(CLASSIFIERS[0]).set_params(skorch_callbacks=[scoring])
    model.fit(sparse.csr_array(X), Y, X_val=sparse.csr_matrix(X_val), y_val=Y_val)
    assert model.history_[:, "score"] == pytest.approx(model.validation_scores_)


@each_classifier
def test_batch_scores_are_kept_by_batch_and_averaged(classifier, digits):
    scoring = BatchScoring("accuracy", on_train=True, name="score")
    model = fitted(classifier, digits, scoring)
    rows = model.history_[-1, "batches", :, "score"]
    assert len(rows) == 6
    assert model.history_[-1, "score"] == pytest.approx(np.mean(rows))


@each_classifier
def test_skorchs_early_stopping_ends_the_fit(classifier, digits):
    callback = EarlyStopping(patience=2, threshold=1e9, threshold_mode="abs")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fitted(classifier, digits, callback, validated=True, max_iter=50)
    assert model.n_iter_ == len(model.loss_curve_) == len(model.history_) == 3
    assert model.predict(digits[0]).shape == digits[1].shape


class StopInABatch(Callback):
    def on_batch_end(self, net, training, **kwargs):
        if len(net.history[-1]["batches"]) == 2:
            raise KeyboardInterrupt


@each_classifier
def test_a_callback_can_stop_within_an_epoch(classifier, digits):
    model = fitted(classifier, digits, StopInABatch())
    assert model.n_iter_ == 1
    assert len(model.history_[0, "batches"]) == 2
    assert np.isfinite(model.predict_proba(digits[0])).all()


@each_classifier
def test_ctrl_c_within_a_callback_reaches_the_user(classifier, digits):
    class PressCtrlC(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                signal.raise_signal(signal.SIGINT)

    model = clone(classifier).set_params(skorch_callbacks=[PressCtrlC()])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*digits[:2])
    assert model.n_iter_ == 1
    assert model.predict(digits[0]).shape == digits[1].shape


def test_callbacks_given_stay_as_they_were(digits):
    class Named(Callback):
        def __init__(self):
            self.n_epochs = 0

        def on_epoch_end(self, net, **kwargs):
            self.n_epochs += 1

    callback, named = Named(), ("scheduler", LRScheduler(StepLR, step_size=2))
    fitted(CLASSIFIERS[0], digits, callback, named, Callback)
    assert callback.n_epochs == 0
    assert not hasattr(named[1], "lr_scheduler_")


def test_a_callback_that_cannot_be_cloned_is_copied():
    class Stubborn(Callback):
        def __init__(self, size=1):
            self.size_in_bytes = size * 8

    original = Stubborn(2)
    copied = clone_callback(original)
    assert copied is not original
    assert copied.size_in_bytes == 16


def half_an_epoch(epoch):
    return 0.5**epoch


@each_classifier
def test_partial_fit_goes_on_with_scheduler_and_history(classifier, digits):
    X, y = digits[:2]
    callbacks = [LRScheduler(LambdaLR, lr_lambda=half_an_epoch)]
    model = clone(classifier).set_params(skorch_callbacks=callbacks)
    for _ in range(3):
        model.partial_fit(X, y, classes=np.arange(10))
    again = pickle.loads(pickle.dumps(model)).partial_fit(X, y)
    np.testing.assert_allclose(
        again.history_[:, "event_lr"],
        classifier.learning_rate_init * 0.5 ** np.arange(4),
    )


@each_classifier
def test_callbacks_work_in_a_grid_search(classifier, digits):
    X, y = digits[:2]
    callbacks = [LRScheduler(StepLR, step_size=1), EpochScoring("accuracy")]
    model = clone(classifier).set_params(skorch_callbacks=callbacks, max_iter=2)
    grid = {"skorch_callbacks": [None, callbacks]}
    search = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
