"""What every benchmark shares: its options, and rows that are kept as they finish."""

import argparse
import json
import os
import platform
import sys
import warnings
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

import numpy as np
from sklearn.metrics import log_loss
from timing import describe

from sklearn_digits.datasets import fetch_mnist

OURS = "sklearn_digits"
# One color a library, on all charts. The first part that occurs in a name decides.
OTHER_COLOR = "#7f8c8d"
COLORS = {
    "edges +": "#c0392b",
    "scikit-learn": "#2471a3",
    "scikit-image": "#5dade2",
    "SVC": "#2471a3",
    "k-NN": "#2471a3",
    "random forest": "#2471a3",
    "HistGradientBoosting": "#2471a3",
    "skorch": "#7d3c98",
    "Keras": "#1e8449",
    "torch": "#d68910",
    "OpenCV": "#117a65",
    "scipy": "#839192",
    OURS: "#c0392b",
    "ConvNetClassifier": "#c0392b",
    "MLPClassifier": "#c0392b",
    "ensemble": "#c0392b",
}
OUR_COLOR = COLORS[OURS]
PACKAGES = (
    "sklearn-digits",
    "scikit-learn",
    "torch",
    "skorch",
    "numpy",
    "scipy",
    "keras",
    "jax",
    "onnxruntime",
    "opencv-python-headless",
    "scikit-image",
)


@dataclass(frozen=True)
class Options:
    """How to run a benchmark.

    Attributes
    ----------
    data : str or None
        Folder with the IDX files of MNIST.
    quick : bool
        Whether to show that it runs, on few rows, rather than to measure.
    out : Path
        Folder of the page; the rows go to ``benchmarks/`` in it.
    """

    data: str | None
    quick: bool
    out: Path


def option_parser(description):
    """Return a parser of the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", metavar="FOLDER", help="the IDX files of MNIST")
    parser.add_argument("--quick", action="store_true", help="few rows, few rounds")
    parser.add_argument("--out", metavar="FOLDER", type=Path, default="bench_output")
    return parser


def run(benchmark, title):
    """Run a benchmark from the command line; exit with 130 where Ctrl-C stopped it.

    Parameters
    ----------
    benchmark : callable
        Takes :class:`Options`, yields rows: dicts from columns to numbers, texts, or
        ``[median, least, most]``.
    title : str
        The script's docstring: a title, then what the benchmark does.
    """
    options = Options(**vars(option_parser(title.splitlines()[0]).parse_args()))
    warnings.filterwarnings("ignore", message="Stochastic Optimizer")
    name = Path(sys.argv[0]).stem
    sys.exit(keep(benchmark(options), options, name, title))


def keep(rows, options, name, title):
    """Write each row as soon as it is there; return an exit status.

    The file ``<out>/benchmarks/<name>.jsonl`` holds a line about the benchmark and the
    machine, the rows, and how the benchmark ended.
    """
    folder = options.out / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:

        def write(**record):
            file.write(json.dumps(record, default=float) + "\n")
            file.flush()

        write(about=about(name, title, options))
        print(f"\n{title.splitlines()[0]}")
        try:
            for row in rows:
                write(row=row)
                values = ", ".join(f"{k}: {show(v)}" for k, v in row.items())
                print(f"  {values}", flush=True)
        except KeyboardInterrupt:
            write(end="stopped")
            print("  Stopped; the finished rows are kept.")
            return 130
        except Exception as error:
            write(end=f"failed, {type(error).__name__}: {error}")
            raise
        write(end="finished")
    return 0


def about(name, title, options):
    """Describe a benchmark, the machine and the versions of everything that ran."""
    headline, _, text = title.strip().partition("\n")
    quick = " --quick" if options.quick else ""
    return {
        "title": headline.rstrip("."),
        "text": text.strip(),
        "command": f"python examples/benchmarks/{name}.py --data MNIST{quick}",
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
    }


def machine():
    """Describe the processor and the system."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def versions():
    """Return the versions of the packages that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def color_of(name):
    """Return the color of the library that a side of a chart belongs to."""
    found = (COLORS[library] for library in COLORS if library in name)
    return next(found, OTHER_COLOR)


def show(value):
    """Return a row's value as text: three digits, and ``median (least to most)``."""
    if isinstance(value, (list, tuple)):
        middle, least, most = (show(number) for number in value)
        return f"{middle} ({least}–{most})"
    if isinstance(value, (float, np.floating)):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def mnist(options, n_quick=2000, dtype=np.uint8):
    """Return X_train, y_train, X_test, y_test of MNIST; floats lie in [0, 1].

    A quick run takes the first `n_quick` rows of both.
    """
    arrays = []
    for subset in ("train", "test"):
        part = fetch_mnist(data_home=options.data, subset=subset)
        n = n_quick if options.quick else len(part.data)
        X = part.data[:n]
        if dtype != np.uint8:
            X = (X / np.float32(255)).astype(dtype)
        arrays += [X, part.target[:n]]
    return arrays


def scored(row, predict_proba, X, y):
    """Return `row` with accuracy and log-loss on `X`, `y`, unless its side failed."""
    if "failed" in row:
        return row
    try:
        correct, loss = score(predict_proba(X), y)
    except Exception as error:
        return {**row, "failed": describe(error)}
    return {**row, "accuracy %": f"{100 * correct:.2f}", "log-loss": loss}


def score(probabilities, y):
    """Return accuracy and log-loss of probabilities; the classes are 0, 1, 2, ..."""
    probabilities = probabilities.astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    correct = (probabilities.argmax(axis=1) == y).mean()
    return correct, log_loss(y, probabilities, labels=range(probabilities.shape[1]))


def calibration_error(probabilities, y, n_bins=15):
    """Return the mean distance of confidence and accuracy, in bins of confidence.

    The classes are 0, 1, 2, ...; any other label counts as missed.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    places = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(places, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(y))
