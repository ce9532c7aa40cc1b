import os
import signal

import matplotlib as mpl
import pytest
from sklearn.utils import Bunch

from sklearn_digits import ConvNetClassifier
from sklearn_digits.datasets import fetch_mnist


def pytest_collection_modifyitems(items):
    """Run slow tests first: a long one at the end would keep one worker waiting."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


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


@pytest.fixture(scope="session")
def convnet_of_mnist(mnist):
    """A network trained on MNIST for one epoch; tests only predict with it."""
    model = ConvNetClassifier(max_iter=1, random_state=0)
    return model.fit(mnist.train.data, mnist.train.target)


@pytest.fixture
def plt():
    """Draw without a screen, and leave no figure open."""
    mpl.use("Agg")
    from matplotlib import pyplot

    pyplot.close("all")  # those of doctests
    yield pyplot
    pyplot.close("all")
