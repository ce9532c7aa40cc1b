"""Search for defaults: candidates by tasks by seeds, one row each, resumable.

    python examples/benchmarks/search.py run --suite FOLDER --data FOLDER \
        --candidates examples/benchmarks/candidates.py --out rows.jsonl
    python examples/benchmarks/search.py table --out rows.jsonl

A candidate is a name in ``CANDIDATES`` of a Python file, and makes an estimator of a
random seed. Each fit runs in a process of one thread. Rows that the file holds are not
computed again, so a run that was stopped goes on. ``--part test`` reads the test parts:
once, at the end.
"""

import argparse
import json
import multiprocessing
import os
import runpy
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from benchmarking import calibration_error
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from suite import SPOILERS, TIERS

FIGURES = ("accuracy", "balanced", "log-loss", "calibration error", "AUC", "CPU s")


def main():
    """Run or show, as the command line says."""
    options = parse()
    if options.what == "table":
        print(table(read(options.out), options.figure, options.names))
        return
    done = {key(row) for row in read(options.out) if "failed" not in row}
    jobs = [job for job in wanted(options) if key(job) not in done]
    os.environ["OMP_NUM_THREADS"] = "1"  # the workers inherit it
    os.environ["OMP_WAIT_POLICY"] = "passive"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context) as pool:
        futures = [pool.submit(attempt, options, job) for job in jobs]
        for future in as_completed(futures):
            row = future.result()
            with open(options.out, "a", encoding="utf-8") as file:
                file.write(json.dumps(row, default=float) + "\n")
            print(row, flush=True)


def parse():
    """Return the options of the command line."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--out", type=Path, default="search.jsonl")
    parser.add_argument("--suite", type=Path, help="folder of the sets")
    parser.add_argument("--data", help="folder of MNIST's IDX files")
    parser.add_argument("--candidates", type=Path, default=here / "candidates.py")
    parser.add_argument("--names", nargs="*", help="candidates; all by default")
    parser.add_argument("--tasks", nargs="*", help="names of tasks; all by default")
    parser.add_argument("--tier", choices=list(TIERS), default="fast")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--part", choices=["validation", "test"], default="validation")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--figure", choices=FIGURES)
    return parser.parse_args()


def read(path):
    """Return the rows of a file, which need not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def key(row):
    """Return what tells a row from others."""
    return row["candidate"], row["task"], row["seed"], row["part"]


def wanted(options):
    """Return all jobs, those of one task and seed side by side."""
    names = options.names or list(runpy.run_path(str(options.candidates))["CANDIDATES"])
    tasks = [task.name for task in TIERS[options.tier]]
    tasks = [name for name in tasks if not options.tasks or name in options.tasks]
    return [
        {"candidate": name, "task": task, "seed": seed, "part": options.part}
        for seed in options.seeds
        for task in tasks
        for name in names
    ]


def attempt(options, job):
    """Return a row: the job and its figures, or why there are none."""
    warnings.filterwarnings("ignore")
    try:
        return {**job, **fit_and_judge(options, job)}
    except Exception as error:
        return {**job, "failed": f"{type(error).__name__}: {error}"}


def fit_and_judge(options, job):
    """Fit a candidate to a task; return its figures."""
    make = runpy.run_path(str(options.candidates))["CANDIDATES"][job["candidate"]]
    task = next(task for task in TIERS[options.tier] if task.name == job["task"])
    X, y, X_judge, y_judge = task.load(
        options.suite, options.data, job["seed"], job["part"]
    )
    estimator = make(job["seed"])
    start = process_time()
    estimator.fit(X, y)
    seconds = process_time() - start
    if hasattr(estimator, "predict_proba"):
        found = figures(estimator.classes_, estimator.predict_proba(X_judge), y_judge)
    else:
        found = figures_of_labels(estimator.predict(X_judge), y_judge)
    rng = np.random.default_rng(0)
    spoiled = {
        name: np.mean(estimator.predict(spoil(X_judge, rng)) == y_judge)
        for name, spoil in SPOILERS.items()
    }
    today = date.today().isoformat()
    return {**found, **spoiled, "CPU s": seconds, "date": today}


def figures(classes, probabilities, y):
    """Return accuracy, log-loss and more; labels never seen count as missed."""
    probabilities = probabilities.astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    predicted = classes[probabilities.argmax(axis=1)]
    known = np.isin(y, classes)
    places = np.where(known, np.searchsorted(classes, y), -1)
    seen, places_seen = probabilities[known], places[known]
    return {
        **figures_of_labels(predicted, y),
        "log-loss": log_loss(places_seen, seen, labels=range(len(classes))),
        "calibration error": calibration_error(probabilities, places),
        "AUC": area(places_seen, seen),
    }


def figures_of_labels(predicted, y):
    """Return accuracy and balanced accuracy."""
    return {
        "accuracy": np.mean(predicted == y),
        "balanced": balanced_accuracy_score(y, predicted),
    }


def area(y, probabilities):
    """Return the area under the ROC curve, one class against the rest, or NaN."""
    present = np.unique(y)
    if len(present) < probabilities.shape[1]:
        return float("nan")
    if len(present) == 2:
        return roc_auc_score(y, probabilities[:, 1])
    return roc_auc_score(y, probabilities, multi_class="ovr")


def table(rows, figure=None, names=None):
    """Return the means over seeds: of one figure, or accuracy and log-loss."""
    frame = pd.DataFrame([row for row in rows if "failed" not in row])
    if frame.empty:
        return "The search has kept no rows yet."
    if names:
        frame = frame[frame["candidate"].isin(names)]
    means = frame.groupby(["task", "candidate"], sort=False).mean(numeric_only=True)
    if figure:
        return means[figure].unstack().round(4).to_string()
    pairs = means["accuracy"].map("{:.3f}".format) + " / "
    pairs += means["log-loss"].map("{:.3f}".format)
    return pairs.unstack().to_string()


if __name__ == "__main__":
    sys.exit(main())
