"""A fit that was killed goes on from its checkpoint, and ends as if it had not been."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.callback import FitCallback, ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_digits import Checkpoint, ConvNetClassifier, MLPClassifier, RandomAffine
from sklearn_digits._persistence.checkpoint import HEADER

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
MLP = MLPClassifier((8,), max_iter=6, random_state=0)
CONVNET = ConvNetClassifier(channels=(4,), max_iter=6, random_state=0)
each_classifier = pytest.mark.parametrize("classifier", [MLP, CONVNET])


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:150].astype(np.uint8), y[:150]


class Crash(Exception):
    """The end of a process, as far as the fit in it can tell."""


class Watch:
    """Counts epochs, and crashes when so many are done."""

    def __init__(self, crash_after=None):
        self.crash_after = crash_after
        self.n_epochs = 0

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            if self.n_epochs == self.crash_after:
                raise Crash
            self.n_epochs += 1

    def on_fit_task_end(self, estimator, context): ...


def fit(classifier, folder, X, y, *, every=1, **weights_and_validation):
    """Return a fitted clone and the epochs that its fit ran."""
    watch = Watch()
    model = clone(classifier).set_callbacks(watch, Checkpoint(folder, every=every))
    return model.fit(X, y, **weights_and_validation), watch.n_epochs


def crash(classifier, folder, X, y, *, after=3, every=1, **weights_and_validation):
    watch = Watch(crash_after=after)
    model = clone(classifier).set_callbacks(watch, Checkpoint(folder, every=every))
    with pytest.raises(Crash):
        model.fit(X, y, **weights_and_validation)


def result(model):
    """Return what a fit leaves in a model, as comparable values."""

    def comparable(value):
        """Estimators are compared by their parameters, all else as arrays."""
        if isinstance(value, RandomAffine):
            return type(value), value.get_params()
        return np.array(value).tolist()

    attributes = {
        name: comparable(value)
        for name, value in vars(model).items()
        if name.endswith("_") and name != "module_"
    }
    weights = model.module_.state_dict().items()
    return attributes | {name: weight.tolist() for name, weight in weights}


def with_params(classifier, **params):
    return clone(classifier).set_params(**params)


SETTINGS = {
    "adam": MLP,
    "adam of torch": with_params(MLP, hidden_layer_sizes=(1400,)),
    "dropout": with_params(MLP, dropout=0.3),
    "sgd": with_params(MLP, solver="sgd", learning_rate="invscaling"),
    "adaptive": with_params(
        MLP, solver="sgd", learning_rate="adaptive", n_iter_no_change=1, tol=10
    ),
    "best weights": with_params(MLP, early_stopping=True, learning_rate_init=0.1),
    "in order": with_params(MLP, shuffle=False, alpha=np.float64(0.5)),
    "onecycle": with_params(CONVNET, dropout=0.3),
    "cosine": with_params(CONVNET, learning_rate="cosine", solver="sgd"),
    "constant": with_params(CONVNET, learning_rate="constant", solver="adam"),
    "no average": with_params(CONVNET, ema_decay=None, augmentation=RandomAffine()),
    "patience": with_params(
        CONVNET, early_stopping=True, n_iter_no_change=4, tol=0.5, max_iter=9
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_fit_that_crashed_ends_in_the_bits_of_one_that_did_not(
    name, digits, tmp_path
):
    classifier = SETTINGS[name]
    expected = clone(classifier).fit(*digits)
    crash(classifier, tmp_path, *digits)
    resumed, n_epochs = fit(classifier, tmp_path, *digits)
    assert n_epochs == expected.n_iter_ - 3
    assert result(resumed) == result(expected)


@each_classifier
def test_weights_labels_and_a_validation_set_go_on_as_well(
    classifier, digits, tmp_path
):
    X, labels = digits[0], np.array([f"digit {label}" for label in digits[1]], object)
    others = {
        "sample_weight": np.arange(100) % 3 / 2,
        "X_val": X[100:],
        "y_val": labels[100:],
    }
    classifier = with_params(classifier, class_weight={"digit 1": 2})
    expected = clone(classifier).fit(X[:100], labels[:100], **others)
    crash(classifier, tmp_path, X[:100], labels[:100], **others)
    resumed, n_epochs = fit(classifier, tmp_path, X[:100], labels[:100], **others)
    assert n_epochs == 3
    assert result(resumed) == result(expected)


def test_a_warm_start_goes_on_as_well(digits, tmp_path):
    first = with_params(MLP, warm_start=True).fit(*digits)
    stored = pickle.dumps(first)
    expected = first.fit(*digits)
    model = pickle.loads(stored).set_callbacks(Watch(2), Checkpoint(tmp_path))
    with pytest.raises(Crash):
        model.fit(*digits)
    watch = Watch()
    model = pickle.loads(stored).set_callbacks(watch, Checkpoint(tmp_path))
    assert result(model.fit(*digits)) == result(expected)
    assert watch.n_epochs == MLP.max_iter - 2


def test_several_crashes_are_no_worse_than_one(digits, tmp_path):
    for after in (2, 1, 0, 2):
        crash(CONVNET, tmp_path, *digits, after=after)
    resumed, n_epochs = fit(CONVNET, tmp_path, *digits)
    assert n_epochs == 1
    assert result(resumed) == result(clone(CONVNET).fit(*digits))


def test_a_checkpoint_is_written_every_so_many_epochs_and_at_the_end(digits, tmp_path):
    crash(MLP, tmp_path, *digits, after=3, every=4)
    assert not list(tmp_path.iterdir())
    crash(MLP, tmp_path, *digits, after=5, every=4)
    resumed, n_epochs = fit(MLP, tmp_path, *digits, every=4)
    assert n_epochs == 2
    assert len(list(tmp_path.iterdir())) == 1
    again, n_epochs = fit(MLP, tmp_path, *digits, every=4)
    assert n_epochs == 0
    assert result(again) == result(resumed) == result(clone(MLP).fit(*digits))


def test_a_fit_that_stopped_early_stays_stopped(digits, tmp_path):
    class Stop(Watch):
        def on_fit_task_end(self, estimator, context):
            return self.n_epochs == 2

    for n_epochs in (2, 0):
        watch = Stop()
        model = clone(MLP).set_callbacks(Checkpoint(tmp_path), watch).fit(*digits)
        assert (model.n_iter_, watch.n_epochs) == (2, n_epochs)


def test_ctrl_c_leaves_a_checkpoint_and_a_model_to_go_on_with(digits, tmp_path):
    class Interrupt(Watch):
        def on_fit_task_begin(self, estimator, context):
            if self.n_epochs == 2 and context.task_name == "epoch":
                signal.raise_signal(signal.SIGINT)
            super().on_fit_task_begin(estimator, context)

    model = clone(CONVNET).set_callbacks(Interrupt(), Checkpoint(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        model.fit(*digits)
    assert (model.n_iter_, len(model.loss_curve_)) == (2, 2)
    watch = Watch()
    model.set_callbacks(watch, Checkpoint(tmp_path)).fit(*digits)
    assert watch.n_epochs == 4
    assert result(model) == result(clone(CONVNET).fit(*digits))


# Whose checkpoint it is


class Renamed(MLPClassifier):
    pass


def changed(array, position, value):
    array = array.copy()
    array[position] = value
    return array


OTHERS = {
    "parameter": lambda X, y: (with_params(MLP, alpha=0.1), X, y, {}),
    "more epochs": lambda X, y: (with_params(MLP, max_iter=7), X, y, {}),
    "seed": lambda X, y: (with_params(MLP, random_state=1), X, y, {}),
    "class": lambda X, y: (Renamed((8,), max_iter=6, random_state=0), X, y, {}),
    "pixel": lambda X, y: (MLP, changed(X, (-1, -1), 9), y, {}),
    "dtype": lambda X, y: (MLP, X.astype(np.float32), y, {}),
    "label": lambda X, y: (MLP, X, changed(y, -1, 9 - y[-1]), {}),
    "names of labels": lambda X, y: (MLP, X, y + 1, {}),
    "order": lambda X, y: (MLP, X[::-1], y[::-1], {}),
    "row": lambda X, y: (MLP, X[:-1], y[:-1], {}),
    "weights": lambda X, y: (MLP, X, y, {"sample_weight": np.arange(150) + 1.0}),
    "validation": lambda X, y: (MLP, X, y, {"X_val": X, "y_val": y}),
    "validation of others": lambda X, y: (MLP, X, y, {"X_val": X[1:], "y_val": y[1:]}),
    "sparse": lambda X, y: (MLP, csr_array(X), y, {}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_fit_starts_at_its_beginning(name, digits, tmp_path):
    crash(MLP, tmp_path, *digits)
    crash(MLP, tmp_path, *digits, X_val=digits[0][2:], y_val=digits[1][2:])
    classifier, X, y, others = OTHERS[name](*digits)
    other, n_epochs = fit(classifier, tmp_path, X, y, **others)
    assert n_epochs == other.n_iter_ == classifier.max_iter
    assert result(other) == result(clone(classifier).fit(X, y, **others))
    assert fit(MLP, tmp_path, *digits)[1] == 3


def test_data_counts_by_content(digits, tmp_path):
    X, y = digits
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = result(clone(CONVNET).fit(X, y))
    for same in (mapped, np.repeat(X, 2, axis=0)[::2], np.asfortranarray(X)):
        folder = tmp_path / str(same.strides) / type(same).__name__
        crash(CONVNET, folder, X, y)
        resumed, n_epochs = fit(CONVNET, folder, same, y)
        assert n_epochs == 3
        assert result(resumed) == expected


def test_sparse_rows_count_by_content(digits, tmp_path):
    X, y = csr_array(digits[0]), digits[1]
    crash(MLP, tmp_path, X, y)
    resumed, n_epochs = fit(MLP, tmp_path, csr_array(X.toarray()), y)
    assert n_epochs == 3
    assert result(resumed) == result(clone(MLP).fit(X, y))


def test_what_changes_no_result_does_not_count(digits, tmp_path, capsys):
    crash(with_params(MLP, random_state=np.random.RandomState(7)), tmp_path, *digits)
    seed = np.random.RandomState(7)
    assert fit(with_params(MLP, random_state=seed, verbose=True), tmp_path, *digits)[1]
    out = capsys.readouterr().out
    assert out.startswith("Going on from the checkpoint of iteration 3.\nIteration 4,")


def test_an_estimator_fitted_before_finds_its_checkpoint(digits, tmp_path):
    crash(CONVNET, tmp_path, *digits)
    watch = Watch()
    model = clone(CONVNET).fit(digits[0][:50], digits[1][:50])
    model.set_callbacks(watch, Checkpoint(tmp_path)).fit(*digits)
    assert watch.n_epochs == 3
    assert result(model) == result(clone(CONVNET).fit(*digits))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_candidates_of_a_grid_search_never_meet(n_jobs, digits, tmp_path):
    grid = {"alpha": np.logspace(-3, 1, 3)}
    expected = GridSearchCV(MLP, grid, cv=2).fit(*digits)
    model = clone(MLP).set_callbacks(Checkpoint(tmp_path, every=2))
    search = GridSearchCV(model, grid, cv=2, n_jobs=n_jobs).fit(*digits)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3 * 2 + 1
    watch = Watch()
    model.set_callbacks(watch, Checkpoint(tmp_path))
    again = GridSearchCV(model, grid, cv=2).fit(*digits)
    assert watch.n_epochs == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for other in (search, again):
        assert result(other.best_estimator_) == result(expected.best_estimator_)
        for key, scores in expected.cv_results_.items():
            if "score" in key and "time" not in key:
                assert np.array_equal(other.cv_results_[key], scores)


@each_classifier
def test_clones_that_fit_in_threads_may_share_a_checkpoint(
    classifier, digits, tmp_path
):
    def train(seed):
        return fit(with_params(classifier, random_state=seed), tmp_path, *digits)[0]

    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("ignore")
        models = list(pool.map(train, [0, 0, 1, 1]))
    expected = [with_params(classifier, random_state=seed) for seed in (0, 1)]
    expected = [result(model.fit(*digits)) for model in expected]
    assert [result(model) for model in models] == [
        expected[seed] for seed in (0, 0, 1, 1)
    ]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_stream_of_partial_fits_goes_over_what_it_had_done(digits, tmp_path):
    def stream(model):
        for start in range(0, 150, 50):
            rows = slice(start, start + 50)
            model.partial_fit(digits[0][rows], digits[1][rows], classes=range(10))
        return model

    watches = [Watch(2), Watch()]
    with pytest.raises(Crash):
        stream(clone(MLP).set_callbacks(watches[0], Checkpoint(tmp_path)))
    model = stream(clone(MLP).set_callbacks(watches[1], Checkpoint(tmp_path)))
    assert watches[1].n_epochs == 1
    assert result(model) == result(stream(clone(MLP)))


# The file


def only_file(folder):
    (path,) = folder.iterdir()
    return path


def flip(content):
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-1],
        lambda content: content[:50],
        lambda content: b"",
        lambda content: content.replace(b"checkpoint 1", b"checkpoint 0"),
        flip,
    ],
    ids=["one byte less", "half", "empty", "another format", "another bit"],
)
def test_a_damaged_file_is_never_used(spoil, digits, tmp_path):
    crash(MLP, tmp_path, *digits)
    path = only_file(tmp_path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.warns(UserWarning, match="checkpoint is damaged|damaged; the fit"):
        model, n_epochs = fit(MLP, tmp_path, *digits)
    assert n_epochs == MLP.max_iter
    assert result(model) == result(clone(MLP).fit(*digits))
    assert fit(MLP, tmp_path, *digits)[1] == 0  # it has been replaced


def test_a_file_under_the_name_of_another_is_not_used(digits, tmp_path):
    crash(MLP, tmp_path / "one", *digits)
    crash(with_params(MLP, random_state=1), tmp_path / "two", *digits)
    one, two = (only_file(tmp_path / name) for name in ("one", "two"))
    os.replace(one, two.with_name(one.name))
    two.replace(tmp_path / "one" / one.name)
    assert fit(MLP, tmp_path / "one", *digits)[1] == MLP.max_iter


def test_a_file_runs_no_code(digits, tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    crash(MLP, tmp_path, *digits)
    path = only_file(tmp_path)
    torch.save({"fit": path.stem, "state": Payload()}, path)
    payload = path.read_bytes()
    path.write_bytes(HEADER + hashlib.sha256(payload).digest() + payload)
    with pytest.raises(pickle.UnpicklingError):
        fit(MLP, tmp_path, *digits)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_leaves_the_checkpoint_before(
    function, digits, tmp_path, monkeypatch
):
    crash(MLP, tmp_path, *digits, after=2)
    before = only_file(tmp_path).read_bytes()

    def fail(*args):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(OSError, match="No space left"):
            fit(MLP, tmp_path, *digits)
    assert only_file(tmp_path).read_bytes() == before
    assert fit(MLP, tmp_path, *digits)[1] == 4


CHILD = """
import os, signal, sys
import numpy as np
from sklearn.datasets import load_digits
from sklearn_digits import Checkpoint, {name}

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

n_calls = 0
def die_at_the_fifth(*args):
    global n_calls
    n_calls += 1
    if n_calls == 5:
        die()

class Die:
    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 3:
            die()

X, y = load_digits(return_X_y=True)
X, y = X[:150].astype(np.uint8), y[:150]
model = {model}
callbacks = [Checkpoint(sys.argv[1])]
if sys.argv[2] == "between epochs":
    callbacks.append(Die())
else:
    os.fsync = die_at_the_fifth  # of the third epoch, before its file is renamed
model.set_callbacks(*callbacks).fit(X, y)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
@pytest.mark.parametrize(
    ("classifier", "when", "n_left"),
    [(MLP, "between epochs", 3), (CONVNET, "while writing", 4)],
)
def test_after_kill_9_the_same_fit_ends_in_the_same_bits(
    classifier, when, n_left, digits, tmp_path
):
    script = CHILD.format(name=type(classifier).__name__, model=classifier)
    killed = subprocess.run(
        [sys.executable, "-c", script, tmp_path, when], check=False, timeout=300
    )
    assert killed.returncode == -signal.SIGKILL
    half_written = list(tmp_path.glob("*.tmp"))
    assert len(half_written) == (when == "while writing")
    resumed, n_epochs = fit(classifier, tmp_path, *digits)
    assert n_epochs == n_left
    assert result(resumed) == result(clone(classifier).fit(*digits))
    assert len(list(tmp_path.glob("*.checkpoint"))) == 1


# Callbacks


def test_it_follows_scikit_learns_protocol_and_can_be_pickled(tmp_path):
    checkpoint = Checkpoint(tmp_path, every=3)
    assert isinstance(checkpoint, FitCallback)
    again = pickle.loads(pickle.dumps(checkpoint))
    assert repr(again) == repr(checkpoint) == f"Checkpoint('{tmp_path}', every=3)"


def test_a_folder_is_where_it_was_when_it_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint("here")
    monkeypatch.chdir("/")
    assert checkpoint.folder == tmp_path / "here"


def test_other_callbacks_see_the_epochs_by_their_numbers(digits, tmp_path, capsys):
    crash(MLP, tmp_path, *digits)
    monitor = ScoringMonitor(scoring="accuracy")
    callbacks = (monitor, Checkpoint(tmp_path), ProgressBar())
    clone(MLP).set_callbacks(*callbacks).fit(*digits)
    log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in log] == [3, 4, 5]
    assert "100%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"folder": 3}, "'folder' parameter .* must be"),
        ({"folder": "x", "every": 0}, "'every' parameter .* must be an int"),
        ({"folder": "x", "every": 1.5}, "'every' parameter .* must be an int"),
    ],
)
def test_parameters_are_checked(params, message):
    with pytest.raises(ValueError, match=message):
        Checkpoint(**params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"random_state": None}, r"MLPClassifier\(random_state=...\).* an integer"),
        ({"solver": "lbfgs"}, "solver='lbfgs' does not have; expected another"),
        ({"skorch_callbacks": []}, "what skorch_callbacks remember; expected None"),
    ],
)
def test_a_fit_that_could_not_go_on_is_an_error(params, message, digits, tmp_path):
    model = with_params(MLP, **params).set_callbacks(Checkpoint(tmp_path))
    with pytest.raises(ValueError, match=message):
        model.fit(*digits)
    assert not hasattr(model, "module_")
    assert not list(tmp_path.iterdir())


def test_a_parameter_without_a_name_is_an_error(digits, tmp_path):
    still = with_params(CONVNET, augmentation=lambda images, generator: images)
    with pytest.raises(ValueError, match=r"^augmentation=<function .*top of a module"):
        still.set_callbacks(Checkpoint(tmp_path)).fit(*digits)


@pytest.mark.filterwarnings("ignore:The estimator MinMaxScaler does not support")
def test_it_wants_to_be_set_on_the_classifier_itself(digits, tmp_path):
    pipeline = make_pipeline(MinMaxScaler(), clone(MLP))
    with pytest.raises(TypeError, match=r"not of Pipeline\. Expected .* itself"):
        pipeline.set_callbacks(Checkpoint(tmp_path)).fit(*digits)
    pipeline = make_pipeline(MinMaxScaler(), clone(MLP))
    pipeline[-1].set_callbacks(Checkpoint(tmp_path))
    pipeline.fit(*digits)
    assert len(list(tmp_path.iterdir())) == 1
