"""One model trained by several processes, each on its share of the rows.

    torchrun --nproc-per-node 2 examples/data_parallel.py

Each process fits the same estimator. A callback averages their gradients before every
step, so that all of them take the step of the whole batch, and end with equal weights.
"""

import numpy as np
import torch.distributed as dist
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback

from sklearn_digits import MLPClassifier


class AverageGradients(Callback):
    """Average the gradients of all processes before each step."""

    def on_grad_computed(self, net, named_parameters, **event):
        for _, weight in named_parameters:
            dist.all_reduce(weight.grad)
            weight.grad /= dist.get_world_size()


def share(X, y):
    """Return the rows of this process, as many as those of every other."""
    size = dist.get_world_size()
    rows = slice(dist.get_rank(), len(X) // size * size, size)
    return X[rows], y[rows]


def main():
    dist.init_process_group("gloo")
    X, X_test, y, y_test = train_test_split(
        *load_digits(return_X_y=True), random_state=0
    )
    clf = MLPClassifier(
        batch_size=64 // dist.get_world_size(),
        max_iter=30,
        n_iter_no_change=np.inf,  # nobody stops before the others
        random_state=0,
        skorch_callbacks=[AverageGradients()],
    )
    clf.fit(*share(X, y))
    if dist.get_rank() == 0:
        print(f"Test accuracy {clf.score(X_test, y_test):.3f}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
