"""Random sequences of fits, copies, refused calls and interrupts, bit by bit.

They are 2,000 sequences, the same in each run. The environment variable
``SKLEARN_DIGITS_SEQUENCES`` asks for another number; pytest's ``--hypothesis-seed``
then decides what they are. ``checks/long_run.py`` makes many of them, in parts.
"""

import os
import re
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from scipy.sparse import csr_array
from side_by_side import (
    SideBySide,
    assert_same,
    error_of,
    fault_at,
    of_machine,
    plain,
    state_of,
)
from sklearn.base import clone

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
    RandomAffine,
)
from sklearn_digits._classifiers.module_owner import ModuleOwner
from sklearn_digits._training import loop
from sklearn_digits._training.lbfgs import FullLoss
from sklearn_digits._training.training_net import TrainingNet

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
N_SEQUENCES = os.environ.get("SKLEARN_DIGITS_SEQUENCES")
RNG = np.random.default_rng(0)

# Where a fit is interrupted, before or after the work of a function.
PLACES = [
    (owner, name, after)
    for owner, name in [
        (ModuleOwner, "_new_module"),
        (TrainingNet, "compute_gradients"),
        (TrainingNet, "update_weights"),
        (TrainingNet, "run_epoch"),
        (FullLoss, "__call__"),
        (loop, "evaluate"),
        (loop, "_end_epoch"),
        (loop, "check_finite"),
    ]
    for after in (False, True)
]
# Why a fit with valid parameters may be refused: they do not go together, or the rows
# have too few classes, or others.
REFUSED = re.compile(
    r"solver='lbfgs'|has no attribute|early_stopping=True|validation|indicator matrix|"
    r"warm_start can only be used|classes"
)
LABELS = {
    "numbers": np.array([5, 7, 30]),
    "words": np.array(["one", "two", "three"]),
    "two": np.array([False, True, True]),
    "indicators": np.eye(3, dtype=int),
}
WEIGHTS = {"none": None, "mixed": [1.0, 0.0, 2.5, 0.25], "small": [1e-3, 3e-3]}


def rows(n, dtype, *shape, n_classes=3):
    """Return rows of small integers, and the numbers of their classes."""
    X = RNG.integers(0, 17, (n, *shape)).astype(dtype)
    return X, RNG.permutation(np.arange(n) % n_classes)


def batches(*shape):
    """Return rows of some shape by the names that the rules know."""
    return {
        "all": rows(30, np.uint8, *shape),
        "few": rows(6, np.float32, *shape),
        "floats": rows(24, np.float64, *shape),
        "one": rows(1, np.uint8, *shape),
        "two classes": rows(20, np.uint8, *shape, n_classes=2),
    }


# Calls that are refused


def refuse_parameter(name, value):
    def refused(model, machine):
        before = model.get_params(deep=False)[name]
        try:
            model.set_params(**{name: value}).fit(*machine.data("all"))
        finally:
            model.set_params(**{name: before})

    refused.__name__ = f"{name}={value!r}"
    return refused


def refuse_nan(model, machine):
    X, y = machine.data("all")
    model.fit(np.full(X.shape, np.nan), y)


def refuse_to_predict(change):
    def refused(model, machine):
        X = change(machine.data("all")[0].astype(float))
        return model.predict(X) if hasattr(model, "predict") else model.transform(X)

    return refused


refuse_to_predict_nan = refuse_to_predict(lambda X: np.full(X.shape, np.nan))
refuse_to_predict_width = refuse_to_predict(lambda X: X[:, :-1])


def refuse_length(model, machine):
    X, y = machine.data("all")
    model.fit(X, y[:-1])


def refuse_negative_weights(model, machine):
    X, y = machine.data("all")
    model.fit(X, y, np.full(len(X), -1.0))


def refuse_zero_weights(model, machine):
    X, y = machine.data("all")
    model.fit(X, y, np.zeros(len(X)))


def refuse_validation_width(model, machine):
    X, y = machine.data("all")
    model.fit(X, y, X_val=X[:, :-1], y_val=y)


def refuse_validation_classes(model, machine):
    X, y = machine.data("all")
    model.fit(X, y, X_val=X, y_val=np.full(len(X), 99))


def refuse_classes(model, machine):
    X, _ = machine.data("all")
    model.partial_fit(X, np.full(len(X), 99))


# Classifiers


class Classifiers(SideBySide):
    """The rules for classifiers."""

    batches: dict = {}
    labelings: tuple = ()
    labeling = "numbers"
    refusals = [
        refuse_nan,
        refuse_to_predict_nan,
        refuse_to_predict_width,
        refuse_length,
        refuse_negative_weights,
        refuse_zero_weights,
        refuse_validation_width,
        refuse_validation_classes,
        refuse_classes,
        refuse_parameter("batch_size", 0),
        refuse_parameter("class_weight", {"nobody": 1.0}),
        refuse_parameter("compute_dtype", "float16"),
        refuse_parameter("device", "toaster"),
        refuse_parameter("dropout", 1.0),
        refuse_parameter("learning_rate_init", -1.0),
        refuse_parameter("max_iter", 0),
        refuse_parameter("validation_fraction", 1.5),
    ]

    def data(self, name):
        """Return rows and labels."""
        X, y = self.batches[name]
        return X, LABELS[self.labeling][y]

    def predictions(self, model):
        X = self.batches["all"][0][:7]
        return plain([model.predict(X), model.predict_proba(X)])

    def expect_fit_or_refusal(self, error, before):
        """Take note of a fit; see that nothing has changed where it was refused."""
        if error is not None:
            assert REFUSED.search(str(error)), error
            assert_same(state_of(self.plain), before)
            return
        model = self.plain
        self.expected = self.predictions(model)
        assert np.isfinite(model.predict_proba(self.batches["all"][0])).all()
        assert np.isfinite(model.loss_curve_).all()
        assert (model.solver != "lbfgs") <= model.n_iter_ <= model.max_iter
        assert not model.module_.training

    def expect_whole_curves(self):
        """See that the curves of a fit that went on from no other are complete."""
        model = self.plain
        for curve in (model.validation_scores_, model.validation_loss_curve_):
            assert curve is None or len(curve) == model.n_iter_
        assert len(model.loss_curve_) == model.n_iter_

    @precondition(lambda self: self.expected is None)
    @rule(labeling=of_machine("labelings"))
    def relabel(self, labeling):
        self.labeling = labeling

    @rule(
        name=of_machine("batches"),
        weights=st.sampled_from(sorted(WEIGHTS)),
        validated=st.booleans(),
        compared=st.booleans(),
    )
    def fit(self, name, weights, validated, compared):
        X, y = self.data(name)
        arguments = {"sample_weight": weights_of(weights, X)}
        if validated:
            arguments.update(zip(("X_val", "y_val"), self.data("few"), strict=True))
        before = state_of(self.plain)
        error = self.on_both(lambda model: model.fit(X, y, **arguments))
        self.expect_fit_or_refusal(error, before)
        if error is None and not self.plain.warm_start:
            self.expect_whole_curves()
            if compared:  # a fit forgets the fits before it
                fresh = clone(self.other).fit(X, y, **arguments)
                assert_same(state_of(fresh), state_of(self.plain))

    @rule(
        name=of_machine("batches"),
        weights=st.sampled_from(sorted(WEIGHTS)),
        named=st.booleans(),
    )
    def partial_fit(self, name, weights, named):
        X, y = self.data(name)
        labels = LABELS[self.labeling]
        classes = np.arange(3) if labels.ndim == 2 else np.unique(labels)
        before, weight = state_of(self.plain), weights_of(weights, X)
        error = self.on_both(
            lambda model: model.partial_fit(X, y, weight, classes if named else None)
        )
        self.expect_fit_or_refusal(error, before)

    @rule(
        name=of_machine("batches"),
        method=st.sampled_from(["fit", "partial_fit"]),
        place=st.sampled_from(PLACES),
        call=st.integers(1, 8),
    )
    def interrupt(self, name, method, place, call):
        X, y = self.data(name)
        before, end_epoch, ended = state_of(self.plain), loop._end_epoch, []

        def end(*args):
            end_epoch(*args)
            ended.append(args)

        def interrupted(model):
            ended.clear()
            with (
                mock.patch.object(loop, "_end_epoch", end),
                fault_at(place, call, KeyboardInterrupt("Ctrl-C")),
            ):
                getattr(model, method)(X, y)

        error = self.on_both(interrupted)
        if not isinstance(error, KeyboardInterrupt):
            self.expect_fit_or_refusal(error, before)
        elif ended or (self.plain.solver == "lbfgs" and state_of(self.plain) != before):
            assert self.plain.n_iter_ == len(ended) or self.plain.solver == "lbfgs"
            self.expect_fit_or_refusal(None, before)
            if method == "fit" and not self.plain.warm_start:
                self.expect_whole_curves()
        else:
            assert_same(state_of(self.plain), before)

    @rule(
        name=of_machine("batches"),
        method=st.sampled_from(["fit", "partial_fit"]),
        place=st.sampled_from(PLACES),
        call=st.integers(1, 8),
        kind=st.sampled_from([RuntimeError, MemoryError]),
    )
    def fail(self, name, method, place, call, kind):
        X, y = self.data(name)
        before, error = state_of(self.other), kind("a fault")

        def fit(model):
            getattr(model, method)(X, y)

        with fault_at(place, call, error):
            raised = error_of(fit, self.other)
        if raised is None:  # the call that fails did not come
            fit(self.plain)
            self.expect_fit_or_refusal(None, before)
        else:
            assert raised is error or REFUSED.search(str(raised)), raised
            assert_same(state_of(self.other), before)

    @precondition(lambda self: self.expected is not None)
    @rule()
    def predict(self):
        before, (X, y) = state_of(self.other), self.data("all")
        self.other.predict(X[:1])
        self.other.decision_function(X.astype(float))
        self.other.predict_log_proba(X)
        self.other.score(X, self.other.predict(X) if y.ndim == 1 else y)
        assert_same(state_of(self.other), before)


def weights_of(name, X):
    """Return weights for the rows of `X`."""
    return None if WEIGHTS[name] is None else np.resize(WEIGHTS[name], X.shape[0])


class MLP(Classifiers):
    """Sequences of calls to MLPClassifier."""

    batches = batches(6)
    X, y = batches["floats"]
    batches["frame"] = pd.DataFrame(X, columns=list("abcdef")), y
    batches["sparse"] = csr_array(X), y
    labelings = tuple(LABELS)
    choices = {
        "activation": ["relu", "tanh", "logistic", "gelu"],
        "alpha": [1e-4, 0.0],
        "batch_size": ["auto", 7],
        "class_weight": [None, "balanced", {5: 2.0}],
        "compute_dtype": ["auto", "float32", "float64", "bfloat16"],
        "device": ["auto", "cpu"],
        "dropout": [0.0, 0.3],
        "early_stopping": [False, True],
        "hidden_layer_sizes": [(4,), (3, 3), ()],
        "learning_rate": ["constant", "invscaling", "adaptive"],
        "learning_rate_init": [0.001, 0.1],
        "max_iter": [1, 2, 4],
        "momentum": [0.9, 0.0],
        "n_iter_no_change": [10, 1],
        "random_state": [0, 1],
        "shuffle": [True, False],
        "solver": ["adam", "sgd", "lbfgs"],
        "tol": [1e-4, 1.0],
        "validation_fraction": [0.1, 0.3],
        "warm_start": [False, True],
    }

    def new(self):
        return MLPClassifier((4,), max_iter=2, random_state=0)

    @precondition(lambda self: self.plain.solver != "lbfgs")
    @rule(name=of_machine("batches"), n_epochs=st.integers(1, 3))
    def interrupt_between_epochs(self, name, n_epochs):
        X, y = self.data(name)
        place = TrainingNet, "run_epoch", False
        whole = clone(self.plain).set_params(max_iter=n_epochs)
        interrupted = clone(self.plain).set_params(max_iter=n_epochs + 1)
        error = error_of(lambda model: model.fit(X, y), whole)
        with fault_at(place, n_epochs + 1, KeyboardInterrupt()):
            raised = error_of(lambda model: model.fit(X, y), interrupted)
        if error is None:
            assert self.predictions(interrupted) == self.predictions(whole)
        else:
            assert repr(raised) == repr(error)
            assert REFUSED.search(str(error)), error


def nudge(images, generator):
    """Move images by one pixel."""
    return images.roll(1, 3)


class ConvNet(Classifiers):
    """Sequences of calls to ConvNetClassifier."""

    batches = batches(6, 6)
    labelings = ("numbers", "two", "words")
    of_prediction = ("n_views",)
    choices = {
        "augmentation": [
            "auto",
            None,
            nudge,
            RandomAffine(
                horizontal_flip=False, vertical_flip=False, quarter_turns=True
            ),
        ],
        "augmentation__horizontal_flip": [False, True],
        "augmentation__rotation": [0, 20],
        "batch_size": ["auto", 8],
        "channels": [(4,), (2, 3)],
        "class_weight": [None, "balanced", {5: 2.0}],
        "compute_dtype": ["auto", "float64", "bfloat16"],
        "dropout": [0.0, 0.3],
        "early_stopping": [False, True],
        "ema_decay": ["auto", None, 0.5],
        "kernel_size": [3, 1],
        "label_smoothing": ["auto", 0.1],
        "largest_side": [64, 4],
        "learning_rate": ["onecycle", "cosine", "constant", "adaptive"],
        "max_iter": [1, 2, 3],
        "mixup": ["auto", 0.5],
        "n_iter_no_change": [10, 1],
        "n_views": ["auto", 1, 3],
        "random_state": [0, 1],
        "solver": ["auto", "muon", "adam", "sgd"],
        "warm_start": [False, True],
        "weight_decay": [0.01, 0.0],
        "whitening": [False, True],
    }

    def new(self):
        return ConvNetClassifier((4,), max_iter=1, random_state=0)


class Transformer(SideBySide):
    """Sequences of calls to ConvolutionFeatureTransformer."""

    images = rows(5, np.uint8, 6, 6)[0]
    choices = {
        "border_mode": ["constant", "wrap"],
        "clip": [None, (0, 9)],
        "image_shape": [None, (6, 6), (4, 9)],
        "kernels": ["edges", "sobel", {"corner": [[0, 1], [-1, 0]]}],
        "padding": ["same", "valid"],
        "pool_size": ["auto", 2],
        "pool_stride": [None, 1],
        "pooling": [None, "mean", "max"],
        "power": [1.0, 0.5],
        "rectify": [None, "abs", "split"],
        "stride": [1, 2],
    }
    refusals = [
        refuse_nan,
        refuse_to_predict_nan,
        refuse_to_predict_width,
        refuse_parameter("clip", (9, 0)),
        refuse_parameter("kernels", "nothing"),
        refuse_parameter("padding", "full"),
        refuse_parameter("power", 0),
        refuse_parameter("rectify", "none"),
        refuse_parameter("stride", 0),
    ]

    def new(self):
        return ConvolutionFeatureTransformer()

    def data(self, name):
        """Return images and no labels."""
        return self.images, None

    def predictions(self, model):
        return plain([model.transform(self.images), model.get_feature_names_out()])

    @rule(shape=st.sampled_from([(6, 6), (6, 6, 1), (3, 4, 3), (36,)]))
    def fit(self, shape):
        X, before = self.images.reshape(-1, *shape), state_of(self.plain)
        error = self.on_both(lambda model: model.fit(X))
        if error is not None:
            assert re.search("image_shape|leaves nothing", str(error)), error
            assert_same(state_of(self.plain), before)
            return
        self.images, self.expected = X, None
        self.expected = self.predictions(self.plain)
        assert_same(state_of(clone(self.other).fit(X)), state_of(self.plain))


TestMLP, TestConvNet = MLP.TestCase, ConvNet.TestCase
TestTransformer = Transformer.TestCase
for _case, _share in ((TestMLP, 0.55), (TestConvNet, 0.15), (TestTransformer, 0.3)):
    _case.settings = settings(
        max_examples=round(int(N_SEQUENCES or 2000) * _share),
        stateful_step_count=20,
        derandomize=N_SEQUENCES is None,
        database=None,
        deadline=None,
    )
del _case
