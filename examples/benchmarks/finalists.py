"""Candidates of the table of all sets: fits of several lengths, and other libraries.

    python examples/benchmarks/search.py run --tier whole --part test \
        --candidates examples/benchmarks/finalists.py \
        --suite FOLDER --data FOLDER --out docs/benchmarks/suite.jsonl
"""

import numpy as np
import torch
from candidates import CANDIDATES, EDGES, of_pixels
from convnet_peers import (
    SkorchExample,
    as_images,
    keras_network,
    shortest,
    stock_skorch,
)
from peers import keras_with_jax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sklearn_digits import ConvNetClassifier, MLPClassifier


class Example(ClassifierMixin, BaseEstimator):
    """A network that the documentation of a library shows, as an estimator.

    Parameters
    ----------
    n_epochs : int
        As many as the documentation trains.
    random_state : int
    """

    def __init__(self, n_epochs, random_state=0):
        self.n_epochs = n_epochs
        self.random_state = random_state

    def fit(self, X, y):
        """Train on images (n, height, width) of MNIST's size, classes 0, 1, 2, ..."""
        self.classes_ = np.unique(y)
        self._train(X, y)
        return self

    def predict(self, X):
        """Return the classes of images."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class KerasExample(Example):
    """Keras' "Simple MNIST convnet"."""

    def _train(self, X, y):
        keras_with_jax().utils.set_random_seed(self.random_state)
        self.network_ = keras_network(n_classes=len(self.classes_))
        X = as_images(X, "NHWC")
        self.network_.fit(X, y, batch_size=128, epochs=self.n_epochs, verbose=0)

    def predict_proba(self, X):
        """Return the probabilities of images."""
        return self.network_.predict(as_images(X, "NHWC"), batch_size=1000, verbose=0)


class SkorchExampleClassifier(Example):
    """The network of skorch's MNIST notebook."""

    def _train(self, X, y):
        torch.manual_seed(self.random_state)
        self.network_ = stock_skorch(SkorchExample(), 0.002, self.n_epochs)
        self.network_.fit(as_images(X, "NCHW"), y)

    def predict_proba(self, X):
        """Return the probabilities of images."""
        return self.network_.predict_proba(as_images(X, "NCHW"))


def whitened(seed, max_iter=12):
    """Return the large network for color photographs that the guide shows."""
    return ConvNetClassifier(
        channels=(64, 256, 256, 256),
        whitening=True,
        max_iter=max_iter,
        n_views=10,
        random_state=seed,
    )


CANDIDATES = {
    **CANDIDATES,
    "ConvNetClassifier, shortest fit": lambda seed: shortest().set_params(
        random_state=seed
    ),
    "ConvNetClassifier(max_iter=1)": lambda seed: ConvNetClassifier(
        max_iter=1, random_state=seed
    ),
    "ConvNetClassifier(max_iter=2)": lambda seed: ConvNetClassifier(
        max_iter=2, random_state=seed
    ),
    "ConvNetClassifier, whitening": whitened,
    "MLPClassifier": lambda seed: of_pixels(MLPClassifier(random_state=seed)),
    "edges + SVC(C=10)": lambda seed: make_pipeline(EDGES, SVC(C=10)),
    "k-NN": lambda seed: of_pixels(KNeighborsClassifier()),
    "Keras' example": lambda seed: KerasExample(15, seed),
    "skorch's example": lambda seed: SkorchExampleClassifier(10, seed),
}
