"""The search for defaults: its tasks are what they say, and its rows are kept."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import search
import suite
from sklearn.metrics import log_loss
from suite import SPOILERS, TIERS, Task, decode

FOLDER = Path(search.__file__).parent
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def as_rows(X):
    return [image.tobytes() for image in X]


def test_a_task_judges_by_images_that_are_not_trained_on():
    X, y, X_judge, y_judge = Task("digits", 300).load(None, None, seed=1)
    assert (len(X), len(X_judge)) == (300, 239)
    assert X.dtype == X_judge.dtype == np.uint8
    assert len(y) == 300
    assert len(y_judge) == 239
    assert not set(as_rows(X)) & set(as_rows(X_judge))


def test_the_test_part_is_touched_by_no_validation():
    *_, test, _ = Task("digits").load(None, None, 0, part="test")
    for seed in range(3):
        X, _, X_judge, _ = Task("digits").load(None, None, seed)
        assert not set(as_rows(test)) & set(as_rows([*X, *X_judge]))


def test_seeds_draw_rows_and_repeat():
    one, again, other = (
        Task("digits", 100).load(None, None, seed)[0] for seed in (0, 0, 1)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_share_of_the_training_labels_is_wrong_and_no_other():
    clean = Task("digits").load(None, None, 0)
    wrong = Task("digits", wrong=0.3).load(None, None, 0)
    assert np.array_equal(clean[0], wrong[0])
    assert np.array_equal(clean[3], wrong[3])
    # A tenth of the labels that are drawn anew are right.
    assert 0.23 < (clean[1] != wrong[1]).mean() < 0.31


def test_a_rare_class_keeps_so_many_images():
    _, y, _, y_judge = Task("digits", 700, rare=8).load(None, None, 0)
    assert len(y) == 700
    assert (y == 8).sum() == 8
    assert (y_judge == 8).sum() > 15


@pytest.mark.parametrize("name", SPOILERS)
def test_spoiled_images_are_images(name):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (5, 9, 9, 3), dtype=np.uint8)
    spoiled = SPOILERS[name](X, rng)
    assert (spoiled.shape, spoiled.dtype) == (X.shape, np.uint8)
    assert not np.array_equal(spoiled, X)
    gray = SPOILERS[name](X[..., 0], rng)
    assert gray.shape == X.shape[:3]


def test_eight_poses_are_eight_images():
    image = np.arange(12).reshape(3, 4)[:3, :3]
    poses = {suite.turn(image, pose).tobytes() for pose in range(8)}
    assert len(poses) == 8


def test_jpeg_images_are_decoded_one_by_one():
    image_module = pytest.importorskip("PIL.Image")
    import io

    files = []
    for shade in (0, 100, 200):
        buffer = io.BytesIO()
        image_module.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(buffer, "JPEG")
        files.append(buffer.getvalue())
    data = np.frombuffer(b"".join(files), np.uint8)
    ends = np.cumsum([len(file) for file in files])
    assert [image.mean().round() for image in decode(data, ends)] == [0, 100, 200]
    assert [image.mean().round() for image in decode(data, ends, [2])] == [200]


def test_names_of_tasks_are_unique():
    for tasks in TIERS.values():
        names = [task.name for task in tasks]
        assert len(set(names)) == len(names)


def test_figures_are_scikit_learns_and_count_unseen_labels_as_missed():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 50)
    y = np.array([2, 5, 7])[rng.integers(0, 3, 50)]
    found = search.figures(np.array([2, 5, 7]), probabilities, y)
    assert found["log-loss"] == pytest.approx(log_loss(y, probabilities))
    y[:10] = 9
    assert search.figures(np.array([2, 5, 7]), probabilities, y)["accuracy"] <= 0.8


@pytest.mark.parametrize(("confidence", "error"), [(0.8, 0.0), (1.0, 0.2)])
def test_calibration_error_is_the_distance_of_confidence_and_accuracy(
    confidence, error
):
    probabilities = np.tile([confidence, 1 - confidence], (100, 1))
    y = np.where(np.arange(100) < 80, 0, 1)
    assert search.calibration_error(probabilities, y) == pytest.approx(error)


def test_the_candidates_are_classifiers():
    candidates = runpy.run_path(str(FOLDER / "candidates.py"))["CANDIDATES"]
    X, y, X_judge, _ = Task("digits", 300).load(None, None, 0)
    for make in candidates.values():
        estimator = make(0)
        if hasattr(estimator, "max_iter"):
            estimator.set_params(max_iter=1)
        assert estimator.fit(X, y).predict_proba(X_judge).shape == (239, 10)


def test_a_table_without_rows_says_so():
    assert "no rows" in search.table([])


@pytest.mark.slow
def test_a_search_goes_on_where_it_was_stopped(tmp_path):
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, str(FOLDER / "search.py"), "run", "--out", str(out)]
    command += ["--names", "class shares", "--tasks", "digits 100", "--workers", "1"]

    def rows():
        return [json.loads(line) for line in out.read_text().splitlines()]

    subprocess.run([*command, "--seeds", "0"], check=True)
    first = rows()
    assert [(row["task"], row["seed"]) for row in first] == [("digits 100", 0)]
    subprocess.run([*command, "--seeds", "0", "1"], check=True)
    assert rows()[0] == first[0]
    assert [row["seed"] for row in rows()] == [0, 1]
    shown = search.table(rows())
    assert "class shares" in shown
    assert "digits 100" in shown
