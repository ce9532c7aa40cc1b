"""The peers: the same network written for each library, trained the same way.

A trainer takes ``X, y, n_epochs`` and the task, and returns a function from rows to
probabilities. Peers are imported when their trainer is called, so that one that is not
installed is a row that says so.
"""

import os
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import numpy as np
import torch
from benchmarking import OURS
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from torch import nn

from sklearn_digits import MLPClassifier


@dataclass(frozen=True)
class MLPTask:
    """A fully connected network and how to train it, with Adam at a rate of 0.001.

    Attributes
    ----------
    widths : tuple of int
        Of the input, the hidden layers and the output.
    batch_size : int
    seed : int
    """

    widths: tuple
    batch_size: int
    seed: int = 0


# Fully connected networks


def mlp_module(widths):
    """Return the network as torch's layers."""
    layers = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train_ours(X, y, n_epochs, task, compute_dtype="auto"):
    """Train this library's MLPClassifier."""
    model = MLPClassifier(
        task.widths[1:-1],
        batch_size=task.batch_size,
        max_iter=n_epochs,
        n_iter_no_change=np.inf,
        compute_dtype=compute_dtype,
        random_state=task.seed,
    )
    return model.fit(X, y).predict_proba


def train_sklearn(X, y, n_epochs, task):
    """Train scikit-learn's MLPClassifier."""
    model = SklearnMLPClassifier(
        task.widths[1:-1],
        batch_size=task.batch_size,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs + 1,
        random_state=task.seed,
    )
    return model.fit(X, y).predict_proba


def train_skorch(X, y, n_epochs, task):
    """Train skorch's NeuralNetClassifier, its own loop, without its printing."""
    from skorch import NeuralNetClassifier

    torch.manual_seed(task.seed)
    model = NeuralNetClassifier(
        mlp_module(task.widths),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        batch_size=task.batch_size,
        iterator_train__shuffle=True,
        max_epochs=n_epochs,
        train_split=None,
        verbose=0,
    )
    model.fit(X.astype(np.float32, copy=False), y)
    return lambda X: model.predict_proba(X.astype(np.float32, copy=False))


def keras_with_jax():
    """Import Keras on JAX."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    if keras.backend.backend() != "jax":
        raise RuntimeError(f"Keras runs on {keras.backend.backend()}, not on JAX")
    return keras


@cache
def keras_mlp(widths):
    """Compile the network once, as a user does, and remember its initial state."""
    keras = keras_with_jax()
    inner = [keras.layers.Dense(n, activation="relu") for n in widths[1:-1]]
    output = keras.layers.Dense(widths[-1], activation="softmax")
    model = keras.Sequential([keras.Input((widths[0],)), *inner, output])
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    return (
        model,
        variables,
        [keras.ops.convert_to_numpy(variable.value) for variable in variables],
    )


def train_keras(X, y, n_epochs, task):
    """Train a Keras model; what it compiled before is not compiled again."""
    keras = keras_with_jax()
    model, variables, initial = keras_mlp(task.widths)
    keras.utils.set_random_seed(task.seed)
    for variable, value in zip(variables, initial, strict=True):
        variable.assign(value)
    model.fit(X, y, batch_size=task.batch_size, epochs=n_epochs, verbose=0)
    return partial(model.predict, batch_size=1024, verbose=0)


def train_by_hand(X, y, n_epochs, task, bfloat16=False):
    """Train as somebody who knows torch writes it down."""
    torch.manual_seed(task.seed)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    module = mlp_module(task.widths)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.001, fused=True)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(task.batch_size):
            with torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext():
                logits = module(X[rows].float())
            loss = nn.functional.cross_entropy(logits.float(), y[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return partial(torch_probabilities, module)


def train_by_hand_on_one_thread(X, y, n_epochs, task):
    """Train the hand-written loop on one thread, which small steps prefer."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return train_by_hand(X, y, n_epochs, task)
    finally:
        torch.set_num_threads(n_threads)


@torch.inference_mode()
def torch_probabilities(module, X):
    """Return the probabilities that a module of logits gives."""
    return module(torch.from_numpy(X).float()).softmax(dim=1).numpy()


LARGE_MLP = {
    OURS: train_ours,
    "scikit-learn": train_sklearn,
    "skorch, stock loop": train_skorch,
    "Keras 3, JAX": train_keras,
    "torch by hand, float32": train_by_hand,
    "torch by hand, bfloat16": partial(train_by_hand, bfloat16=True),
}
SMALL_MLP = {
    OURS: train_ours,
    "scikit-learn": train_sklearn,
    "skorch, stock loop": train_skorch,
    "torch by hand, one thread": train_by_hand_on_one_thread,
}
