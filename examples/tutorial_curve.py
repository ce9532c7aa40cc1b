"""The tutorial's own setting on MNIST: a 256-256-256 network, for 5,000 epochs.

    python examples/tutorial_curve.py --data FOLDER [--epochs 5000] [--out FILE]

Plain stochastic gradient descent, with a learning rate of 0.05 and batches of 1,024
images, on all 60,000 training images. The test images are scored after each epoch, and
change nothing. It takes about half an hour on two cores. A run that was stopped goes on
where it was. Some 200 epochs are written, more of the first than of the last ones.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from sklearn_digits import Checkpoint, MLPClassifier
from sklearn_digits.datasets import fetch_mnist

N_WRITTEN = 200


def network(n_epochs):
    """Return the tutorial's network."""
    return MLPClassifier(
        hidden_layer_sizes=(256, 256, 256),
        solver="sgd",
        learning_rate_init=0.05,
        momentum=0,
        batch_size=1024,
        alpha=0,
        max_iter=n_epochs,
        n_iter_no_change=np.inf,
        random_state=0,
    )


def rows_of(network):
    """Return losses and accuracies of some epochs, as dicts."""
    n_epochs = network.n_iter_
    epochs = np.unique(np.geomspace(1, n_epochs, N_WRITTEN).round().astype(int))
    return [
        {
            "epoch": int(epoch),
            "training loss": network.loss_curve_[epoch - 1],
            "test loss": network.validation_loss_curve_[epoch - 1],
            "test accuracy": network.validation_scores_[epoch - 1],
        }
        for epoch in epochs
    ]


def main(arguments=None):
    """Train, and write the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="the IDX files of MNIST")
    parser.add_argument("--epochs", type=int, default=5000)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, default="docs/benchmarks/tutorial.jsonl"
    )
    parser.add_argument("--checkpoints", metavar="FOLDER", type=Path)
    options = parser.parse_args(arguments)
    X, y = fetch_mnist(options.data, return_X_y=True)
    X_test, y_test = fetch_mnist(options.data, subset="test", return_X_y=True)
    X, X_test = X / np.float32(255), X_test / np.float32(255)
    model = network(options.epochs)
    folder = options.checkpoints or options.out.parent / "tutorial_checkpoints"
    model.set_callbacks(Checkpoint(folder, every=100))
    model.fit(X, y, X_val=X_test, y_val=y_test)
    options.out.write_text("".join(json.dumps(row) + "\n" for row in rows_of(model)))
    print(f"{options.out}: {model.n_iter_} epochs, {model.validation_scores_[-1]:.2%}")


if __name__ == "__main__":
    main()
