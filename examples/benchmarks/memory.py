"""Peak memory of a fit, and time of an import.

Each in a process of its own. Memory: a small fit comes first and loads all libraries.
Then one epoch is fitted on MNIST as `uint8`. The figure is the peak of anonymous memory
during that fit, less what the process held before it. 784-256-256-256-10 in batches of
1024; ConvNetClassifier with its default network. Import: a whole Python process that
imports the estimator, or skorch, less one that imports NumPy, in turn.
"""

import json
import subprocess
import sys
from statistics import median

from benchmarking import OURS, mnist, run
from peers import MLPTask, train_ours, train_sklearn, train_skorch
from timing import PeakMemory, describe, in_turn

IMPORTS = {
    OURS: "from sklearn_digits import MLPClassifier",
    "scikit-learn": "from sklearn.neural_network import MLPClassifier",
    "skorch": "import skorch",
    "NumPy alone": "import numpy",
}


def train_convnet(X, y, n_epochs, task):
    """Train this library's ConvNetClassifier."""
    from convnet_peers import ours

    return ours(n_epochs).fit(X, y)


TRAINERS = {
    OURS: train_ours,
    f"{OURS}, ConvNet": train_convnet,
    "scikit-learn": train_sklearn,
    "skorch, stock loop": train_skorch,
}


def peak_of_a_fit(name, options):
    """Return the megabytes that one fit of this process took."""
    X, y, _, _ = mnist(options)
    task = MLPTask((784, 256, 256, 256, 10), batch_size=1024)
    TRAINERS[name](X[:1024], y[:1024], 1, task)
    with PeakMemory() as memory:
        TRAINERS[name](X, y, 1, task)
    return memory.megabytes


def in_a_process(name, options):
    """Return :func:`peak_of_a_fit` of a new process."""
    code = (
        "import json, sys, warnings; from pathlib import Path;"
        "import benchmarking, memory;"
        "warnings.simplefilter('ignore'); name, data, quick = json.loads(sys.argv[1]);"
        "options = benchmarking.Options(data, quick, Path());"
        "print(memory.peak_of_a_fit(name, options))"
    )
    what = json.dumps([name, options.data, options.quick])
    done = subprocess.run(
        [sys.executable, "-c", code, what],
        cwd=sys.path[0],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return float(done.stdout.split()[-1])


def benchmark(options):
    """Yield a row for each side, of memory and of imports."""
    for name in (OURS, "scikit-learn") if options.quick else TRAINERS:
        try:
            megabytes = in_a_process(name, options)
        except Exception as error:
            yield {"what": "fit", "who": name, "failed": describe(error)}
        else:
            yield {"what": "fit", "who": name, "MB": megabytes}
    laps = in_turn(
        {
            name: lambda code=code: subprocess.run(
                [sys.executable, "-c", code], check=True
            )
            for name, code in IMPORTS.items()
        },
        1 if options.quick else 7,
        warm_up=not options.quick,
    )
    base = median(laps.pop("NumPy alone").seconds)
    for name, lap in laps.items():
        if lap.error is None:
            yield {"what": "import", "who": name, "s": median(lap.seconds) - base}
        else:
            yield {"what": "import", "who": name, "failed": describe(lap.error)}


if __name__ == "__main__":
    run(benchmark, __doc__)
