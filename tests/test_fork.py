"""A process that is forked off after threaded work computes, on one thread."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
SCRIPT = """
import os, pickle, signal, sys, warnings
import numpy as np
import torch
from sklearn_digits import ConvNetClassifier, MLPClassifier

warnings.simplefilter("ignore")
torch.set_num_threads(2)
X, y = np.random.default_rng(0).random((64, 28, 28), dtype="f4"), np.arange(64) % 10
classifier = {
    "MLP": MLPClassifier((1024, 1024), max_iter=1, random_state=0),
    "ConvNet": ConvNetClassifier(max_iter=1, random_state=0),
}[sys.argv[1]]
fitted = classifier.fit(X, y)
expected, stored = fitted.predict_proba(X), pickle.dumps(fitted)
todo = {
    "predict": lambda: fitted.predict_proba(X),
    "fit": lambda: fitted.fit(X, y).predict_proba(X),
    "load": lambda: pickle.loads(stored).predict_proba(X),
}[sys.argv[2]]
child = os.fork()
if child == 0:
    signal.alarm(60)  # ends a child that waits for ever
    same = np.allclose(todo(), expected, atol=1e-3)
    os._exit(0 if same and torch.get_num_threads() == 1 else 3)
_, status = os.waitpid(child, 0)
assert torch.get_num_threads() == 2
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("what", ["predict", "fit", "load"])
@pytest.mark.parametrize("name", ["MLP", "ConvNet"])
def test_a_forked_child_computes_what_its_parent_does(name, what):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, name, what],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert run.stdout.strip() == "0", run.stderr
