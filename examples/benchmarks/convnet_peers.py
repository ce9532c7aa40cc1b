"""Convolutional peers: two networks that documentation shows, and loops by hand."""

from functools import partial

import numpy as np
import torch
from peers import keras_with_jax, torch_probabilities
from torch import nn
from torch.nn import functional

from sklearn_digits import ConvNetClassifier, RandomAugmentation

CHUNK = 1000


def keras_network(image_shape=(28, 28, 1), n_classes=10):
    """Return the network of Keras' "Simple MNIST convnet" example, compiled.

    https://keras.io/examples/vision/mnist_convnet/
    """
    keras = keras_with_jax()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class SkorchExample(nn.Module):
    """The network of skorch's MNIST notebook; gives logits.

    https://github.com/skorch-dev/skorch/blob/master/notebooks/MNIST.ipynb
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.drop2 = nn.Dropout2d(0.5)
        self.fc1 = nn.Linear(1600, 100)
        self.drop1 = nn.Dropout(0.5)
        self.fc2 = nn.Linear(100, 10)

    def forward(self, x):
        """Return logits (n, 10) of images (n, 1, 28, 28)."""
        x = functional.relu(functional.max_pool2d(self.conv1(x), 2))
        x = functional.relu(functional.max_pool2d(self.drop2(self.conv2(x)), 2))
        return self.fc2(self.drop1(functional.relu(self.fc1(x.flatten(1)))))


def keras_epochs(X, y):
    """Yield, after each epoch of Keras' example, what gives its probabilities."""
    model = keras_network()
    X = as_images(X, "NHWC")
    while True:
        model.fit(X, y, batch_size=128, epochs=1, verbose=0)
        yield lambda X: model.predict(as_images(X, "NHWC"), CHUNK, verbose=0)


def skorch_epochs(X, y):
    """Yield, after each epoch of skorch's example, what gives its probabilities."""
    model = stock_skorch(SkorchExample(), lr=0.002)
    X = as_images(X, "NCHW")
    while True:
        model.partial_fit(X, y)
        yield lambda X: model.predict_proba(as_images(X, "NCHW"))


def stock_skorch(module, lr, n_epochs=1):
    """Return skorch's NeuralNetClassifier around a module of logits."""
    from skorch import NeuralNetClassifier

    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=lr,
        batch_size=128,
        iterator_train__shuffle=True,
        max_epochs=n_epochs,
        train_split=None,
        verbose=0,
    )


def as_images(X, layout):
    """Return rows of pixels from 0 to 255 as float32 images from 0 to 1."""
    images = (X / np.float32(255)).astype(np.float32)
    shape = {"NHWC": (-1, 28, 28, 1), "NCHW": (-1, 1, 28, 28)}[layout]
    return images.reshape(shape)


# One module, three loops


def ours(n_epochs, compute_dtype="auto", augmentation="auto"):
    """Return this library's estimator."""
    return ConvNetClassifier(
        max_iter=n_epochs,
        compute_dtype=compute_dtype,
        augmentation=augmentation,
        random_state=0,
    )


def shortest():
    """Return the estimator of our shortest fit that reads 99 % of MNIST."""
    return ours(1, augmentation=None).set_params(
        channels=(8, 16, 32, 64), batch_size=256, learning_rate_init=0.03
    )


def our_module(X, y):
    """Return the module that our estimator trains, standardization included."""
    return ours(1).set_params(augmentation=None).fit(X[:128], y[:128]).module_.train()


def train_by_hand(X, y, n_epochs, module, compute_dtype):
    """Train a module as somebody who knows torch writes it: the recipe is ours.

    AdamW under one cycle, label smoothing, the same augmentation, weights averaged
    over time.
    """
    torch.manual_seed(0)
    X, y = torch.from_numpy(X).view(-1, 1, 28, 28), torch.from_numpy(y)
    generator = torch.Generator().manual_seed(0)
    change = RandomAugmentation()  # does not flip: nor does ours, of digits
    average = torch.optim.swa_utils.AveragedModel(
        module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=0.01, fused=True)
    n_steps = n_epochs * -(-len(X) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, n_steps)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(128):
            images = change(X[rows].float(), generator)
            bfloat16 = compute_dtype == "bfloat16"
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logits = module(images)
            loss = functional.cross_entropy(
                logits.float(), y[rows], label_smoothing=0.05
            )
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            average.update_parameters(module)
    module.eval()
    return partial(predict_in_chunks, module)


def train_stock_skorch(X, y, n_epochs, module):
    """Train a module in skorch's stock loop, without augmentation and averages."""
    model = stock_skorch(module, 0.001, n_epochs)
    model.fit(X.reshape(-1, 1, 28, 28).astype(np.float32), y)
    return lambda X: model.predict_proba(X.reshape(-1, 1, 28, 28).astype(np.float32))


def predict_in_chunks(module, X):
    """Return the probabilities of rows of pixels."""
    images = X.reshape(-1, 1, 28, 28)
    chunks = [images[i : i + CHUNK] for i in range(0, len(X), CHUNK)]
    return np.concatenate([torch_probabilities(module, chunk) for chunk in chunks])
