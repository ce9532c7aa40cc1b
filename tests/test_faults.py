"""Global settings are as they were after every call, also after one that failed."""

import ast
import copy
import pickle
import random
import signal
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from threadpoolctl import ThreadpoolController
from torch import nn

import sklearn_digits
from sklearn_digits import (
    ConvNetClassifier,
    Dropout,
    MLPClassifier,
    TorchClassifier,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer", "ignore:lbfgs failed"
)
POOLS = ThreadpoolController()
INFERENCE = torch.inference_mode()

# How each setting reads, and how a leak would change it. The threads are those of the
# calling thread; so are the last three.
READ = {
    "numpy's generator": lambda: repr(np.random.get_state()),
    "torch's generator": lambda: torch.get_rng_state().tolist(),
    "python's generator": random.getstate,
    "torch's threads": torch.get_num_threads,
    "libraries' threads": lambda: [pool["num_threads"] for pool in POOLS.info()],
    "deterministic": torch.are_deterministic_algorithms_enabled,
    "cudnn": lambda: (
        torch.backends.cudnn.enabled,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.allow_tf32,
    ),
    "matmul precision": torch.get_float32_matmul_precision,
    "default dtype": torch.get_default_dtype,
    "warnings filters": lambda: list(warnings.filters),
    "floating-point errors": np.geterr,
    "trace": sys.gettrace,
    "grad mode": torch.is_grad_enabled,
    "inference mode": torch.is_inference_mode_enabled,
    "autocast": lambda: torch.is_autocast_enabled("cpu"),
}
LEAK = {
    "numpy's generator": np.random.rand,
    "torch's generator": lambda: torch.rand(1),
    "python's generator": random.random,
    "torch's threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "libraries' threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "cudnn": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "warnings filters": lambda: warnings.simplefilter("default"),
    "floating-point errors": lambda: np.seterr(all="raise"),
    "trace": lambda: sys.settrace(lambda *args: None),
    "grad mode": lambda: torch.set_grad_enabled(False),
    "inference mode": INFERENCE.__enter__,
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
}


def settings():
    return {name: read() for name, read in READ.items()}


@contextmanager
def settings_unchanged():
    """Fail for each setting that is not as it was; give back all that can be."""
    torch.get_num_threads()  # which sets a number at its first call
    before = settings()
    yield
    after = settings()
    assert [name for name in READ if after[name] != before[name]] == []


def test_a_leak_of_any_setting_would_be_seen():
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_faults
for name, leak in test_faults.LEAK.items():
    before = test_faults.settings()
    leak()
    if test_faults.settings()[name] == before[name]:
        sys.exit(f"A leak of {{name}} is not seen.")
"""
    assert set(LEAK) == set(READ)
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:150].astype(np.uint8), y[:150]


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


def error():
    raise RuntimeError("a fault")


def out_of_memory():
    raise MemoryError


FAULTS = {ctrl_c: KeyboardInterrupt, error: RuntimeError, out_of_memory: MemoryError}


class Brittle(nn.Module):
    """A layer in which something happens at a chosen moment."""

    def __init__(self, n_features, n_classes, moment, fault):
        super().__init__()
        self.moment = moment
        self.fault = fault
        self.dropout = Dropout(0.2)
        self.linear = nn.Linear(n_features, n_classes)

    def happen(self, moment):
        if moment == self.moment:
            self.fault()

    def forward(self, x):
        self.happen("first row" if len(x) == 1 else "all rows")
        if self.training:
            self.happen("forward")
        else:
            self.happen("scoring")
        output = self.linear(self.dropout(x))
        if output.requires_grad:
            output.register_hook(lambda gradient: self.happen("backward"))
        return output


class BrittleClassifier(TorchClassifier):
    """Trains a :class:`Brittle` layer in bfloat16, which changes most global state."""

    def __init__(self, moment=None, fault=None):
        super().__init__(
            max_iter=3, random_state=0, compute_dtype="bfloat16", early_stopping=True
        )
        self.moment = moment
        self.fault = fault

    def build_module(self, n_features, n_classes):
        module = Brittle(n_features, n_classes, self.moment, self.fault)
        torch.rand(1)
        module.happen("building")
        return module


class Watch:
    """Lets something happen at a hook of a callback."""

    def __init__(self, hook, task, fault):
        self.hook, self.task, self.fault = hook, task, fault

    def happen(self, hook, task):
        if (hook, task) == (self.hook, self.task):
            self.fault()

    def setup(self, estimator, context):
        self.happen("setup", None)

    def teardown(self, estimator, context):
        self.happen("teardown", None)

    def on_fit_task_begin(self, estimator, context):
        self.happen("begin", context.task_name)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.happen("end", context.task_name)


def fitted_or_as_new(model, X):
    """Whatever happened, an estimator predicts, or says that it was not fitted."""
    try:
        assert np.isfinite(model.predict_proba(X)).all()
    except NotFittedError:
        assert not [name for name in vars(model) if name.endswith("_")]


each_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)


@each_fault
@pytest.mark.parametrize(
    "moment", ["building", "first row", "forward", "backward", "scoring"]
)
def test_a_fault_in_the_module_leaves_every_setting(moment, fault, digits):
    model = BrittleClassifier(moment, fault)
    with settings_unchanged(), pytest.raises(FAULTS[fault]):
        model.fit(*digits)
    fitted_or_as_new(model, digits[0])


@each_fault
@pytest.mark.parametrize(
    ("hook", "task"),
    [("setup", None), ("teardown", None)]
    + [(hook, task) for hook in ("begin", "end") for task in ("fit", "epoch")],
)
def test_a_fault_in_a_callback_leaves_every_setting(hook, task, fault, digits):
    model = MLPClassifier((8,), max_iter=2, random_state=0)
    if hook == "teardown" and fault is ctrl_c:
        pytest.skip("scikit-learn tears down no more after Ctrl-C in a teardown")
    model.set_callbacks(Watch(hook, task, fault))
    with settings_unchanged(), pytest.raises(FAULTS[fault]):
        model.fit(*digits)
    fitted_or_as_new(model, digits[0])


@each_fault
def test_a_fault_in_an_augmentation_leaves_every_setting(fault, digits):
    model = ConvNetClassifier(
        channels=(4,), augmentation=lambda images, generator: fault(), random_state=0
    )
    with settings_unchanged(), pytest.raises(FAULTS[fault]):
        model.fit(*digits)
    with settings_unchanged(), pytest.raises(FAULTS[fault]):
        model.partial_fit(*digits, classes=range(10))
    fitted_or_as_new(model, digits[0])


@each_fault
def test_a_fault_in_a_generator_leaves_every_setting(fault, digits):
    class Broken(np.random.RandomState):
        def randint(self, *args, **kwargs):
            fault()

    model = MLPClassifier((8,), random_state=Broken(0))
    with settings_unchanged(), pytest.raises(FAULTS[fault]):
        model.fit(*digits)
    fitted_or_as_new(model, digits[0])


@each_fault
def test_a_fault_at_prediction_leaves_every_setting_and_the_model(fault, digits):
    X, y = digits
    model = BrittleClassifier().fit(X, y)
    expected = model.predict_proba(X)
    model.module_.moment, model.module_.fault = "all rows", fault
    for method in (model.predict, model.predict_proba, model.decision_function):
        with settings_unchanged(), pytest.raises(FAULTS[fault]):
            method(X)
    model.module_.moment = None
    assert np.array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize(
    "classifier",
    [
        MLPClassifier((8,), max_iter=2, dropout=0.2),
        MLPClassifier((8,), max_iter=2, early_stopping=True),
        MLPClassifier((8,), max_iter=2, solver="lbfgs"),
        ConvNetClassifier(channels=(4,), max_iter=2, compute_dtype="bfloat16"),
        MLPClassifier((8,), max_iter=2, skorch_callbacks=[]),
    ],
    ids=["dropout", "early stopping", "lbfgs", "convnet", "skorch"],
)
@pytest.mark.parametrize("random_state", [None, 0])
def test_every_call_leaves_every_setting(classifier, random_state, digits):
    X, y = digits
    model = clone(classifier).set_params(random_state=random_state)
    calls = [
        lambda: model.fit(X, y),
        lambda: model.predict(X),
        lambda: model.predict_log_proba(X),
        lambda: model.score(X, y),
        lambda: pickle.loads(pickle.dumps(model)),
        lambda: copy.deepcopy(model),
        lambda: clone(model),
    ]
    if hasattr(model, "partial_fit") and not model.early_stopping:
        calls.append(lambda: model.partial_fit(X, y))
    for call in calls:
        with settings_unchanged():
            call()


# Faults at every line of the package


def lines_of_cleaning_up():
    """Return the lines of the package in which exceptions are being handled.

    A second exception there, in the two lines that restore the global state, is
    beyond what Python can guard against.
    """
    lines = set()
    for path in Path(sklearn_digits.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Try):
                cleaning = node.finalbody + node.handlers
                for part in cleaning:
                    lines |= {
                        (str(path), line)
                        for line in range(part.lineno, part.end_lineno + 1)
                    }
    return lines


PACKAGE = str(Path(sklearn_digits.__file__).parent)


@contextmanager
def at_each_line(act):
    """Call `act` with the file and number of each line of the package that is run."""

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            act((frame.f_code.co_filename, frame.f_lineno))
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(outer)


def lines_of(run):
    lines = {}
    with at_each_line(lambda line: lines.setdefault(line)):
        run()
    cleaning_up = lines_of_cleaning_up()
    return [line for line in lines if line not in cleaning_up]


@pytest.mark.slow
@pytest.mark.parametrize(
    "classifier",
    [
        MLPClassifier((4,), max_iter=1, random_state=0, dropout=0.2),
        MLPClassifier((4,), max_iter=1, random_state=0, early_stopping=True),
        MLPClassifier((4,), max_iter=1, random_state=0, solver="lbfgs"),
        ConvNetClassifier(channels=(2,), max_iter=1, random_state=0),
    ],
    ids=["dropout", "early stopping", "lbfgs", "convnet"],
)
def test_ctrl_c_at_any_line_leaves_every_setting(classifier, digits):
    X, y = digits
    expected = clone(classifier).fit(X, y).predict_proba(X)

    def run(model):
        model.fit(X, y).predict(X)

    model = clone(classifier)
    lines = lines_of(lambda: run(model))
    n_interrupted = 0
    for chosen in lines:
        model = clone(classifier)

        def interrupt(line, chosen=chosen):
            if line == chosen:
                raise KeyboardInterrupt(line)

        with settings_unchanged():
            try:
                with at_each_line(interrupt):
                    run(model)
            except KeyboardInterrupt:
                n_interrupted += 1
        fitted_or_as_new(model, X)
    assert n_interrupted > 0.95 * len(lines) > 200  # a few run once in a process
    assert np.array_equal(clone(classifier).fit(X, y).predict_proba(X), expected)
