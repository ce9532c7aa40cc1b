import os
import signal

import matplotlib as mpl
import pytest
from sklearn.utils import Bunch

from sklearn_digits.datasets import fetch_mnist


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Python's own handling of Ctrl-C, which background jobs start without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def mnist():
    """The real MNIST, as ``mnist.train`` and ``mnist.test``."""
    folder = os.environ.get("SKLEARN_DIGITS_DATA")
    if not folder:
        pytest.skip("SKLEARN_DIGITS_DATA names no folder with MNIST's IDX files")
    return Bunch(
        train=fetch_mnist(data_home=folder, subset="train"),
        test=fetch_mnist(data_home=folder, subset="test"),
    )


@pytest.fixture
def plt():
    """Draw without a screen, and leave no figure open."""
    mpl.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")
