"""Write the estimators of this version to files that later versions must read.

Run it from the root of the repository when ``STATE_FORMAT`` has grown::

    python tests/stored/write_stored.py

It writes one folder, named after the format. Folders of older formats stay as they are.
"""

import pickle
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
from sklearn.datasets import load_digits

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
    RandomAffine,
)
from sklearn_digits._estimator import STATE_FORMAT

N_TRAIN, N_TEST = 100, 8


def load_rows():
    """Return a few digits to train on, and a few others."""
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.uint8)
    return X[:N_TRAIN], y[:N_TRAIN], X[N_TRAIN : N_TRAIN + N_TEST]


def fitted_estimators(X, y):
    """Return tiny estimators by name, of each class and each kind of state."""
    words = np.array([f"number {label}" for label in y])
    indicators = (y[:, None] == np.arange(3)).astype(int)
    mlp = MLPClassifier((4,), tol=100, n_iter_no_change=1, random_state=0)
    return {
        "mlp": mlp.fit(X, words),
        "mlp_multilabel": MLPClassifier(**mlp.get_params()).fit(X, indicators),
        "mlp_partial": MLPClassifier(**mlp.get_params()).partial_fit(
            X, y, classes=np.arange(10)
        ),
        "convnet": ConvNetClassifier(
            (2, 3),
            augmentation=RandomAffine(rotation=4),
            class_weight={3: 2.0},
            max_iter=2,
            skorch_callbacks=[],
            random_state=0,
        ).fit(X, y),
        "convolution": ConvolutionFeatureTransformer(
            {"corner": [[0, 1], [-1, 0]]}, pooling="mean", clip=(0, 20)
        ).fit(X),
    }


def predict(estimator, X):
    """Return the numbers that a stored estimator must give again."""
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "transform"
    return getattr(estimator, method)(X)


if __name__ == "__main__":
    folder = Path(__file__).with_name(f"format_{STATE_FORMAT}")
    folder.mkdir()
    X, y, X_test = load_rows()
    estimators = fitted_estimators(X, y)
    for name, estimator in estimators.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(estimator, protocol=4))
        skops.io.dump(estimator, folder / f"{name}.skops", compression=ZIP_DEFLATED)
    expected = {name: predict(it, X_test) for name, it in estimators.items()}
    np.savez_compressed(folder / "expected.npz", **expected)
