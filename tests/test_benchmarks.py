"""All sides of a benchmark compute the same, and rows are kept as they finish."""

import json
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import accuracy
import benchmarking
import convnet_accuracy
import convnet_peers
import edge_features
import grid_search
import growth
import kernels
import memory
import mnist_accuracy
import numpy as np
import peers
import predict
import pytest
import report
import run
import timing
import torch
from sklearn.metrics import accuracy_score, log_loss
from sklearn.naive_bayes import GaussianNB

from sklearn_digits import ConvNetClassifier, MLPClassifier
from sklearn_digits.datasets import save_idx

FOLDER = Path(timing.__file__).parent
OPTIONS = benchmarking.Options(data=None, quick=True, out=Path())
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer", "ignore:Got `batch_size`"
)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.random((60, 12), dtype=np.float32)
    return X, np.arange(60) % 10


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (40, 784), dtype=np.uint8), np.arange(40) % 10


def import_keras():
    """Skip the test where Keras or JAX is not installed."""
    try:
        peers.keras_with_jax()
    except ImportError as error:
        pytest.skip(str(error))


# The same network on both sides


def test_networks_with_the_same_weights_predict_the_same(rows):
    X, y = rows
    ours, theirs, module = predict.same_weights(X, y)
    expected = ours.predict_proba(X)
    assert np.array_equal(theirs.predict(X), ours.predict(X))
    np.testing.assert_allclose(theirs.predict_proba(X), expected, rtol=1e-4)
    np.testing.assert_allclose(
        peers.torch_probabilities(module, X), expected, rtol=1e-4
    )
    assert np.array_equal(predict.with_torch(module)(X), ours.predict(X))


def test_onnxruntime_predicts_as_the_others(rows):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    X, y = rows
    ours, theirs, _ = predict.same_weights(X, y)
    assert np.array_equal(predict.with_onnxruntime(theirs, X)(X), ours.predict(X))


def test_the_network_in_keras_is_the_one_in_torch(rows):
    import_keras()
    X, _ = rows
    module = peers.mlp_module((12, 7, 10))
    layers = [layer for layer in module if isinstance(layer, torch.nn.Linear)]
    model, _, _ = peers.keras_mlp((12, 7, 10))
    model.set_weights(
        [
            array
            for layer in layers
            for array in (layer.weight.detach().numpy().T, layer.bias.detach().numpy())
        ]
    )
    np.testing.assert_allclose(
        model.predict(X, verbose=0), peers.torch_probabilities(module, X), rtol=1e-4
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("name", [*peers.LARGE_MLP, *peers.SMALL_MLP])
def test_every_trainer_learns_the_same_rows(name, dtype):
    if "Keras" in name:
        import_keras()
    y = np.arange(200) % 4
    X = (np.eye(4)[y] * 3).astype(dtype)
    train = {**peers.LARGE_MLP, **peers.SMALL_MLP}[name]
    probabilities = train(X, y, 60, peers.MLPTask((4, 16, 4), batch_size=20))(X)
    assert probabilities.shape == (200, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(probabilities.argmax(axis=1), y)


def test_keras_trains_from_the_same_start_each_time(rows):
    import_keras()
    X, y = rows
    task = peers.MLPTask((12, 5, 10), batch_size=20)
    start = peers.train_keras(X, y, 0, task)(X)
    assert not np.array_equal(peers.train_keras(X, y, 3, task)(X), start)
    assert np.array_equal(peers.train_keras(X, y, 0, task)(X), start)


def test_threads_are_given_back_by_the_loop_on_one_thread(rows):
    n_threads = torch.get_num_threads()
    peers.train_by_hand_on_one_thread(*rows, 1, peers.MLPTask((12, 5, 10), 20))
    assert torch.get_num_threads() == n_threads


def test_convolutional_loops_start_from_our_module(images):
    X, y = images
    module = convnet_peers.our_module(X, y)
    ours = convnet_peers.ours(1).set_params(augmentation=None).fit(X, y)
    by_hand = convnet_peers.predict_in_chunks(module.eval(), X)
    np.testing.assert_allclose(by_hand, ours.predict_proba(X), rtol=1e-5)
    shapes = [tuple(weight.shape) for weight in ours.module_.parameters()]
    assert [tuple(weight.shape) for weight in module.parameters()] == shapes


@pytest.mark.parametrize("compute_dtype", ["float32", "bfloat16"])
def test_convolutional_loop_by_hand_trains_the_module(images, compute_dtype):
    X, y = images
    module = convnet_peers.our_module(X, y)
    before = [weight.clone() for weight in module.parameters()]
    probabilities = convnet_peers.train_by_hand(X, y, 2, module, compute_dtype)(X)
    assert probabilities.shape == (40, 10)
    assert all(
        not torch.equal(old, new)
        for old, new in zip(before, module.parameters(), strict=True)
    )


def test_stock_skorch_trains_the_module(images):
    X, y = images
    module = convnet_peers.our_module(X, y)
    probabilities = convnet_peers.train_stock_skorch(X, y, 1, module)(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), np.ones(40), rtol=1e-5)


def test_examples_have_the_networks_of_their_documentation(images):
    module = convnet_peers.SkorchExample()
    n_weights = sum(weight.numel() for weight in module.parameters())
    assert n_weights == (9 + 1) * 32 + (32 * 9 + 1) * 64 + 1601 * 100 + 101 * 10
    predict_proba = next(convnet_peers.skorch_epochs(*images))
    assert predict_proba(images[0]).shape == (40, 10)


def test_example_of_keras_has_as_many_weights_as_its_page_says(images):
    import_keras()
    assert convnet_peers.keras_network().count_params() == 34_826
    predict_proba = next(convnet_peers.keras_epochs(*images))
    assert predict_proba(images[0]).shape == (40, 10)


@pytest.mark.parametrize("n_kernels", kernels.SETS)
@pytest.mark.parametrize("side", [8, 28])
def test_kernels_give_the_same_maps_on_every_side(n_kernels, side):
    pytest.importorskip("cv2")
    images = np.random.default_rng(0).random((3, side, side), dtype=np.float32)
    sides = kernels.sides(images, kernels.SETS[n_kernels])
    expected = sides.pop(benchmarking.OURS)().reshape(3, n_kernels, side, side)
    sides.pop("scikit-image HOG", None)
    assert set(sides) == {"scipy.ndimage", "OpenCV", "copy"}
    for maps in sides.values():
        np.testing.assert_allclose(maps(), expected, atol=1e-5)


def test_features_have_a_row_for_each_image(images):
    pytest.importorskip("skimage")
    for features in edge_features.FEATURES.values():
        table = features(images[0])
        assert len(table) == 40
        assert np.isfinite(table).all()
        assert len(np.unique(table, axis=0)) == 40
    assert edge_features.hog_features(images[0]).shape[1] == 3 * 3 * 2 * 2 * 9


def test_grid_searches_have_the_same_candidates():
    ours, theirs = (
        grid_search.search(estimator, n_epochs=1, n_jobs=1)
        for estimator in grid_search.SIDES.values()
    )
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    assert len(ours.cv_results_["params"]) == 8
    common = theirs.best_estimator_.get_params()
    for name in set(common) - set(grid_search.GRID):
        assert ours.best_estimator_.get_params()[name] == common[name]


@pytest.mark.parametrize("estimator", accuracy.ESTIMATORS.values())
def test_estimators_of_the_accuracy_table_are_the_documented_defaults(estimator):
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    changed = {
        name
        for name, value in last.get_params().items()
        if value != type(last)().get_params()[name]
    }
    assert changed <= {"C"}


# What is measured


def test_scores_are_scikit_learns(rows):
    X, y = rows
    model = GaussianNB().fit(X, y)
    correct, loss = accuracy.fit_and_score(GaussianNB(), 0, X, y, X, y)
    assert correct == accuracy_score(y, model.predict(X))
    assert loss == pytest.approx(log_loss(y, model.predict_proba(X)))


def test_summary_is_mean_and_deviation_over_groups():
    row = accuracy.summary([[(0.9, 1.0), (0.8, 2.0)], [(0.95, 0.0), (0.95, 1.0)]])
    assert row == {"accuracy %": "90.00", "±": "7.07", "log-loss": 1.0}
    assert accuracy.summary([[(1.0, None)]])["±"] == ""


def test_test_images_are_moved_and_rotated():
    X = np.zeros((300, 28, 28), dtype=np.uint8)
    X[:, 10:18, 10:18] = 200
    X = X.reshape(300, -1)
    moved, rotated = mnist_accuracy.moved_and_rotated(X)
    corners = {tuple(np.argwhere(image)[0]) for image in moved.reshape(-1, 28, 28)}
    assert corners == {(y, x) for y in range(7, 14) for x in range(7, 14)}
    assert (moved.sum(axis=1) == X.sum(axis=1)).all()
    centers = [np.argwhere(image).mean(axis=0) for image in rotated.reshape(-1, 28, 28)]
    np.testing.assert_allclose(centers, 13.5, atol=0.3)
    assert (rotated != X).any(axis=1).mean() > 0.9
    assert np.array_equal(mnist_accuracy.moved_and_rotated(X)[0], moved)


def test_other_digits_look_like_those_of_mnist():
    X, y = mnist_accuracy.other_digits()
    assert X.shape == (1797, 784)
    assert X.dtype == np.uint8
    assert X.max() == 255
    images = X.reshape(-1, 28, 28).astype(float)
    places = np.arange(28)
    for axis in (1, 2):
        along = images.sum(axis=axis)
        middle = (along * places).sum(axis=1) / along.sum(axis=1)
        np.testing.assert_allclose(middle, 13.5, atol=0.6)
    assert images[:, [0, -1]].max() < 255
    assert np.array_equal(np.unique(y), np.arange(10))


def test_calibration_error_is_the_gap_of_confidence_and_accuracy():
    sure = np.tile([0.9, 0.1], (10, 1))
    right = np.zeros(10, dtype=int)
    assert np.isclose(mnist_accuracy.calibration_error(sure, right), 0.1)
    half = np.arange(10) % 2
    assert np.isclose(mnist_accuracy.calibration_error(sure, half), 0.4)
    mixed = np.concatenate([sure, np.tile([0.4, 0.6], (10, 1))])
    y = np.concatenate([right, half])
    assert np.isclose(mnist_accuracy.calibration_error(mixed, y), (0.1 + 0.1) / 2)


def test_the_five_members_of_the_ensemble_differ():
    members = [
        estimator
        for name, estimator in mnist_accuracy.named_estimators(quick=False)
        if name in mnist_accuracy.MEMBERS
    ]
    seeds = [member.random_state for member in members]
    assert seeds == [0, 1, 2, 0, 0]
    assert len({repr(member) for member in members}) == len(members) == 5


def test_all_members_of_an_ensemble_vote_and_take_the_views(images):
    X, y = images
    networks = [
        ConvNetClassifier((2,), max_iter=1, random_state=seed).fit(X, y)
        for seed in range(2)
    ]
    ensemble, seconds = mnist_accuracy.ensemble(
        [(network, 1.5) for network in networks], X, y
    )
    assert seconds == 3
    assert mnist_accuracy.with_views(ensemble, 5) is ensemble
    assert [network.n_views for network in networks] == [5, 5]
    mean = sum(network.predict_proba(X) for network in networks) / 2
    np.testing.assert_allclose(ensemble.predict_proba(X), mean, rtol=1e-6)
    assert mnist_accuracy.with_views(networks[0], 1) is networks[0]
    assert networks[0].n_views == 1


def test_a_fit_that_fails_says_why_in_its_row():
    X, y = np.eye(25)[:10], np.arange(10) % 2
    failed = mnist_accuracy.fit_on_the_clock(ConvNetClassifier(max_iter=-1), X, y)
    assert failed[0] is None
    [row] = mnist_accuracy.rows_of("SVC()", [failed], [])
    assert "max_iter" in row["failed"]
    vote = mnist_accuracy.ensemble([failed], X, y)
    assert vote[0] is None
    assert "max_iter" in vote[1]


def test_a_row_is_the_mean_over_seeds_with_its_interval():
    fits = [
        {"plain": share, "moved": 0.5, "rotated": 0.25, "other": 0, "CPU s": 1.0}
        for share in (0.997, 0.999)
    ]
    row = mnist_accuracy.summary(fits, 10_000)
    assert row["accuracy %"] == "99.80"
    assert row["interval"] == "99.69–99.87"
    assert (row["moved %"], row["rotated %"]) == ("50.00", "25.00")
    assert (row["seeds"], row["CPU s"], row["log-loss"]) == (2, 1.0, "")


def test_a_fit_is_looked_at_in_every_way(images):
    X, y = images
    estimator = mnist_accuracy.with_seed(mnist_accuracy.SIDES["ConvNetClassifier()"], 0)
    mnist_accuracy.shorten(estimator)
    fitted, seconds = mnist_accuracy.fit_on_the_clock(estimator, X, y)
    assert fitted is estimator
    assert seconds > 0
    found = mnist_accuracy.look(estimator, mnist_accuracy.looks_at(X, y))
    assert found["plain"] == estimator.score(X, y)
    assert set(found) == {
        "plain", "moved", "rotated", "other", "log-loss", "calibration error"
    }  # fmt: skip


def test_sides_take_turns_and_a_failing_one_leaves():
    calls = []

    def fail():
        calls.append("c")
        raise ImportError("no module named 'peer'")

    laps = timing.in_turn(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b"), "c": fail}, 2
    )
    assert calls == list("abcabab")
    assert len(laps["a"].seconds) == len(laps["b"].seconds) == 2
    table = timing.compare(laps, "a", "s")
    assert table["c"] == {"who": "c", "failed": "ImportError: no module named 'peer'"}
    assert len(table["b"]["time / ours"]) == 3


def test_epochs_are_differences_of_fits(monkeypatch):
    clock = {"now": 0.0, "fits": 0}
    monkeypatch.setattr(timing, "perf_counter", lambda: clock["now"])

    def train(n_epochs):
        clock["fits"] += 1
        clock["now"] += 5 + 2 * n_epochs  # five seconds once, two an epoch
        return n_epochs

    lap = timing.epochs_in_turn({"a": train}, 1, 4, n_rounds=3)["a"]
    assert lap.seconds == [2, 2, 2]
    assert lap.value == 4
    assert clock["fits"] == 8


def test_ratio_is_taken_round_by_round():
    assert timing.ratio([2, 6, 4], [1, 2, 4]) == [2, 1, 3]


def test_peak_memory_sees_what_a_block_held():
    with timing.PeakMemory() as watch:
        np.ones(40_000_000, dtype=np.uint8).sum()
    assert 40 <= watch.megabytes < 80


@pytest.mark.slow
def test_memory_of_a_fit_is_measured_in_a_process_of_its_own(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    for prefix in ("train", "t10k"):
        save_idx(
            tmp_path / f"{prefix}-images-idx3-ubyte",
            rng.integers(0, 256, (1100, 28, 28), dtype=np.uint8),
        )
        labels = (np.arange(1100) % 10).astype(np.uint8)
        save_idx(tmp_path / f"{prefix}-labels-idx1-ubyte", labels)
    options = benchmarking.Options(str(tmp_path), quick=True, out=tmp_path)
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    assert 0 <= memory.in_a_process(benchmarking.OURS, options) < 1000
    with pytest.raises(RuntimeError, match="KeyError"):
        memory.in_a_process("nobody", options)


def test_slope_is_the_exponent_of_a_power_law():
    n = np.array([10, 100, 1000])
    assert growth.slope(n, 3.0 * n**1.5) == pytest.approx(1.5)


def test_growth_has_a_row_for_each_size_and_its_slopes():
    def load(n):
        return np.tile(np.eye(10, 16), (n // 10, 1)), np.arange(n) % 10

    model = MLPClassifier((4,), max_iter=1)
    table = list(growth.grow(model, "who", "rows", [200, 400], load, 1))
    assert [row["rows"] for row in table] == [200, 400, "slope over rows"]


def test_aims_are_rows_in_the_order_they_are_reached():
    y = np.arange(100) % 10

    def reading(share):
        probabilities = np.full((100, 10), 0.05)
        labels = np.where(np.arange(100) < 100 * share, y, (y + 1) % 10)
        probabilities[np.arange(100), labels] += 0.5
        return lambda X: probabilities

    runs = [(1, 10.0, reading(0.5)), (2, 20.0, reading(0.9)), (3, 30.0, reading(0.95))]
    table = list(convnet_accuracy.first_times(runs, None, y, (80, 90, 99)))
    assert [(row["aim %"], row["epochs"]) for row in table] == [
        (80, 2),
        (90, 2),
        (99, "not in 3"),
    ]
    assert table[2]["accuracy %"] == "95.00"


def test_our_fits_run_their_whole_schedule(images):
    n_epochs, seconds, predict_proba = next(
        convnet_accuracy.fits([convnet_accuracy.ours(1)], *images)
    )
    assert n_epochs == 1
    assert seconds > 0
    expected = ConvNetClassifier(max_iter=1, random_state=0).fit(*images)
    assert np.array_equal(predict_proba(images[0]), expected.predict_proba(images[0]))


# Rows that are kept


def rows_of(*rows, end=None):
    yield from rows
    if end is not None:
        raise end


def kept(folder):
    return report.read(folder / "benchmarks" / "example.jsonl")


def test_rows_are_kept_when_a_benchmark_is_stopped(tmp_path):
    options = benchmarking.Options(None, True, tmp_path)
    rows = rows_of({"who": "a", "s": 1.5}, end=KeyboardInterrupt())
    assert benchmarking.keep(rows, options, "example", "A title.") == 130
    assert kept(tmp_path).rows == [{"who": "a", "s": 1.5}]
    assert kept(tmp_path).end == "stopped"
    assert "not ended: stopped" in report.section("example", kept(tmp_path), False)


def test_rows_are_kept_when_a_benchmark_fails(tmp_path):
    options = benchmarking.Options(None, True, tmp_path)
    with pytest.raises(OSError, match="no data"):
        benchmarking.keep(
            rows_of({"a": 1}, end=OSError("no data")), options, "example", "T."
        )
    assert kept(tmp_path).rows == [{"a": 1}]
    assert "no data" in kept(tmp_path).end


def test_a_row_is_on_disk_before_the_next_begins(tmp_path):
    def benchmark():
        yield {"a": 1}
        assert kept(tmp_path).rows == [{"a": 1}]
        yield {"a": 2}

    options = benchmarking.Options(None, True, tmp_path)
    assert benchmarking.keep(benchmark(), options, "example", "A title.") == 0
    assert kept(tmp_path).end == "finished"


def test_a_side_that_cannot_be_scored_is_a_row_that_says_so():
    def predict_proba(X):
        raise RuntimeError("out of luck")

    row = benchmarking.scored({"who": "a", "s": 1.0}, predict_proba, None, None)
    assert row == {"who": "a", "s": 1.0, "failed": "RuntimeError: out of luck"}


@pytest.mark.slow
def test_ctrl_c_ends_a_benchmark_and_keeps_what_is_done(tmp_path):
    code = """
import sys, time, benchmarking
def benchmark(options):
    yield {"who": "a"}
    print("waiting", flush=True)
    time.sleep(60)
    yield {"who": "b"}
sys.argv = ["example.py", "--out", sys.argv[1]]
benchmarking.run(benchmark, "A title.")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        for line in process.stdout:
            if line.strip() == "waiting":
                break
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert kept(tmp_path).rows == [{"who": "a"}]


# The page


def test_tables_have_every_column_and_every_failure():
    rows = [{"who": "a", "s": 0.12345, "time / ours": [1.5, 1, 2]}]
    rows.append({"who": "b", "failed": "ImportError: b"})
    assert report.table(rows).splitlines() == [
        "| who | s | time / ours | failed |",
        "| --- | --- | --- | --- |",
        "| a | 0.123 | 1.5 (1–2) |  |",
        "| b |  |  | ImportError: b |",
    ]


def test_every_benchmark_is_a_script_with_a_chart():
    assert set(report.CHARTS) == set(report.BENCHMARKS)
    scripts = {path.stem for path in FOLDER.glob("*.py")}
    assert set(report.BENCHMARKS) <= scripts


def test_the_page_has_what_is_there_and_says_what_is_not(tmp_path):
    options = benchmarking.Options(None, True, tmp_path)
    rows = [
        {"input": "uint8", "who": benchmarking.OURS, "s an epoch": 1.0},
        {"input": "uint8", "who": "b", "s an epoch": 2.0, "time / ours": [2, 2, 2]},
        {"input": "uint8", "who": "c", "failed": "ImportError"},
    ]
    benchmarking.keep(rows_of(*rows), options, "mlp_epoch", "An epoch.\n\nHow it went.")
    page = report.write(tmp_path).read_text(encoding="utf-8")
    assert "## An epoch\n\nHow it went." in page
    assert "| uint8 | b | 2 | 2 (2–2) |" in page
    assert "## growth\n\nNot run yet." in page
    chart = (tmp_path / "benchmarks" / "mlp_epoch.svg").read_text(encoding="utf-8")
    assert ">b<" in chart
    assert ">c<" not in chart


def test_bars_are_as_long_as_their_values():
    rows = [{"by": 1, "who": "a", "s": 2.0}, {"by": 1, "who": "b", "s": [4.0, 3, 5]}]
    (axis,) = report.bars(rows, "by", "s", "seconds").axes
    assert [bar.get_width() for bar in axis.containers[0]] == [2.0, 4.0]


def test_rows_that_are_committed_are_what_the_page_shows():
    docs = FOLDER.parents[1] / "docs"
    page = (docs / "benchmarks.md").read_text(encoding="utf-8")
    for name in report.BENCHMARKS:
        benchmark = report.read(docs / "benchmarks" / f"{name}.jsonl")
        assert report.table(benchmark.rows) in page
        assert benchmark.end == "finished"
        assert "--quick" not in benchmark.about["command"]


def test_a_benchmark_nobody_knows_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", "swimming"])
    with pytest.raises(SystemExit):
        run.main()
    assert "no benchmark is called swimming" in capsys.readouterr().err


def test_lines_of_a_result_are_json(tmp_path):
    options = benchmarking.Options(None, True, tmp_path)
    benchmarking.keep(rows_of({"a": np.float32(0.5)}), options, "example", "A title.")
    text = (tmp_path / "benchmarks" / "example.jsonl").read_text(encoding="utf-8")
    about, row, end = map(json.loads, text.splitlines())
    assert about["about"]["versions"]["torch"] == metadata.version("torch")
    assert (row, end) == ({"row": {"a": 0.5}}, {"end": "finished"})
