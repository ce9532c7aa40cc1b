"""The first tables and chart of the benchmarks page, from the rows of a search."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import report
import suite_report


def row(who, task="mnist all", seed=0, accuracy=0.99, **others):
    return {
        "candidate": who,
        "task": task,
        "seed": seed,
        "accuracy": accuracy,
        "log-loss": 0.04,
        "calibration error": 0.002,
        "CPU s": 20.0,
        "date": "2026-11-27",
        **others,
    }


ROWS = [
    row("ConvNetClassifier", accuracy=0.996),
    row("ConvNetClassifier", seed=1, accuracy=0.998),
    row("SVC", accuracy=0.979),
    row("k-NN", accuracy=0.97, **{"log-loss": np.nan, "calibration error": np.nan}),
    row("ConvNetClassifier", "cifar10 all", accuracy=0.87),
    row("ConvNetClassifier", "usps 500", accuracy=0.96),
    row("class shares", "usps 500", accuracy=0.18),
    {**row("SVC", "usps 500"), "failed": "MemoryError"},
]


def test_the_summary_holds_means_and_spreads_the_best_first():
    first, second, third, photographs = suite_report.summary_rows(ROWS)
    assert [each["who"] for each in (first, second, third)] == [
        "ConvNetClassifier",
        "SVC",
        "k-NN",
    ]
    assert first["accuracy %"] == "99.70 (99.60–99.80)"
    assert (first["seeds"], first["images"]) == (2, "MNIST")
    assert second["accuracy %"] == "97.90"
    assert third["log-loss"] == third["calibration error"] == ""
    assert photographs["images"] == "CIFAR-10 (JPEG)"
    assert photographs["accuracy %"] == "87.00"


def test_the_table_of_all_sets_has_a_row_for_each_task_with_peers():
    rows = {each["task"]: each for each in suite_report.all_sets_rows(ROWS)}
    assert set(rows) == {"mnist all", "usps 500"}
    assert rows["mnist all"]["ConvNetClassifier"] == "99.7 / 0.04 / 0.002"
    assert rows["usps 500"]["class shares"] == "18.0 / 0.04 / 0.002"
    assert rows["usps 500"]["SVC"] == ""


def test_the_page_tells_on_which_days_the_fits_ran():
    assert suite_report.dates(ROWS) == "2026-11-27"
    later = row("SVC", date="2026-12-01")
    assert suite_report.dates([later, *ROWS]) == "2026-11-27 to 2026-12-01"


def test_the_chart_has_a_panel_for_each_set_and_names_its_points():
    figure = suite_report.summary_figure(ROWS)
    assert [axes.get_title() for axes in figure.axes] == [
        "MNIST",
        "CIFAR-10 (JPEG)",
    ]
    names = {text.get_text() for text in figure.axes[0].texts}
    assert names == {"ConvNetClassifier()", "SVC", "k-NN"}


def test_the_page_begins_with_the_summary(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    lines = "".join(f"{report.json.dumps(each)}\n" for each in ROWS)
    (tmp_path / "benchmarks" / "suite.jsonl").write_text(lines)
    page = report.write(tmp_path).read_text(encoding="utf-8")
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings[:2] == [
        "## Accuracy against the time of a fit",
        "## All sets of the suite",
    ]
    assert (tmp_path / "benchmarks" / "summary.svg").exists()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_finalists_learn_images_of_mnists_size():
    pytest.importorskip("skorch")
    path = Path(report.__file__).with_name("finalists.py")
    finalists = runpy.run_path(str(path))
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 50, (60, 28, 28), dtype=np.uint8), np.arange(60) % 2
    X[y == 1, 5:20, 5:20] += 200
    example = finalists["SkorchExampleClassifier"](n_epochs=5).fit(X, y)
    assert example.score(X, y) > 0.9
    assert finalists["whitened"](0, max_iter=1).get_params()["whitening"]
