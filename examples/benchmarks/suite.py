"""Tasks to choose defaults on: six sets of small images, made small, noisy or uneven.

The folder of the suite holds ``<name>.npz`` for pneumoniamnist, kannada, usps and
cifar10, each with ``X_train``, ``y_train``, ``X_test`` and ``y_test``: ``uint8`` images
and integer labels. CIFAR-10 may hold its images as JPEG: the bytes of all files one
after the other in ``jpeg_train``, and where each ends in ``ends_train``. MNIST is read
from its IDX files, the 8×8 digits come with scikit-learn.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from sklearn_digits.datasets import fetch_mnist

# Rows that judge a candidate, at most, and as a share of all rows.
JUDGES, SHARE_OF_JUDGES = 2000, 0.2


@dataclass(frozen=True)
class Task:
    """What to learn from, and how it was spoiled.

    Attributes
    ----------
    data : str
        Name of the set of images.
    n_rows : int or None, default=None
        Training images; None takes all of them.
    wrong : float, default=0
        Share of the training labels that are drawn anew from all classes.
    rare : int or None, default=None
        Training images that the rarest class keeps; None leaves the classes alone.
    spoiled : str or None, default=None
        Key of `SPOILERS` that changes training images and judging images alike.
    """

    data: str
    n_rows: int | None = None
    wrong: float = 0.0
    rare: int | None = None
    spoiled: str | None = None

    @property
    def name(self):
        """Name of the task in tables."""
        parts = [self.data, str(self.n_rows or "all")]
        if self.wrong:
            parts.append(f"{100 * self.wrong:.0f}% wrong")
        if self.rare is not None:
            parts.append(f"{self.rare} of one class")
        return " ".join(parts + ([self.spoiled] if self.spoiled else []))

    def load(self, folder, mnist_folder, seed, part="validation"):
        """Return X, y to fit and X, y to judge.

        Parameters
        ----------
        folder, mnist_folder : path-like or None
            Folders of the suite and of MNIST's IDX files.
        seed : int
            Draws the rows, and what spoils them.
        part : {"validation", "test"}
            "validation" judges by training rows that are left out.
        """
        source = SOURCES[self.data](folder, mnist_folder)
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(source.y_train))
        if part == "test":
            rows, X_judge, y_judge = order, *source.test()
        else:
            n_judges = min(JUDGES, int(SHARE_OF_JUDGES * len(order)))
            judges, rows = order[:n_judges], order[n_judges:]
            X_judge, y_judge = source.train(judges), source.y_train[judges]
        rows = rows[self._kept(source.y_train[rows])][: self.n_rows]
        X, y = source.train(rows), source.y_train[rows]
        if self.spoiled:
            X, X_judge = (SPOILERS[self.spoiled](each, rng) for each in (X, X_judge))
        return X, self._with_wrong_labels(y, rng), X_judge, y_judge

    def _kept(self, y):
        """Return the positions of the rows that the rarest class leaves."""
        if self.rare is None:
            return np.arange(len(y))
        rarest = y == y.max() - 1
        return np.flatnonzero(~rarest | (np.cumsum(rarest) <= self.rare))

    def _with_wrong_labels(self, y, rng):
        drawn = rng.choice(np.unique(y), len(y))
        return np.where(rng.random(len(y)) < self.wrong, drawn, y)


@dataclass(frozen=True)
class Source:
    """A set of images of which only the chosen ones are decoded."""

    y_train: np.ndarray
    train: object
    test: object


def from_npz(name):
    """Return what loads a set of the suite's folder."""

    def load(folder, mnist_folder):
        path = Path(folder) / f"{name}.npz"
        file = np.load(path)

        def images(part, rows=None):
            if f"X_{part}" in file:
                X = file[f"X_{part}"]
                return X if rows is None else X[rows]
            return decode(file[f"jpeg_{part}"], file[f"ends_{part}"], rows)

        return Source(
            file["y_train"].astype(int),
            lambda rows: images("train", rows),
            lambda: (images("test"), file["y_test"].astype(int)),
        )

    return load


def decode(data, ends, rows=None):
    """Return JPEG images that stand one after the other in an array of bytes."""
    data, starts = data.tobytes(), [0, *ends[:-1].tolist()]
    rows = range(len(ends)) if rows is None else rows
    pairs = ((starts[row], ends[row]) for row in rows)
    return np.stack([np.asarray(Image.open(io.BytesIO(data[a:b]))) for a, b in pairs])


def mnist(folder, mnist_folder):
    """Return MNIST as 28×28 images."""
    train, test = (
        fetch_mnist(data_home=mnist_folder, subset=subset)
        for subset in ("train", "test")
    )
    X, X_test = train.data.reshape(-1, 28, 28), test.data.reshape(-1, 28, 28)
    return Source(train.target, lambda rows: X[rows], lambda: (X_test, test.target))


def digits(folder, mnist_folder):
    """Return the 8×8 digits; they have no test part, so a fixed third is one."""
    data = load_digits()
    X = (data.images * (255 / 16)).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(X))
    first, last = order[600:], order[:600]
    return Source(
        data.target[first],
        lambda rows: X[first[rows]],
        lambda: (X[last], data.target[last]),
    )


def symbols(folder, mnist_folder):
    """Return 80 classes of few images: digits, each way up, mirrored or not.

    Images that are mirrored or turned are taken for another class.
    """
    plain = mnist(folder, mnist_folder)
    per_class = 30
    rows = np.concatenate(
        [np.flatnonzero(plain.y_train == k)[: 8 * per_class] for k in range(10)]
    )
    X, y = plain.train(rows), plain.y_train[rows]
    pose = np.tile(np.repeat(np.arange(8), per_class), 10)
    posed = np.stack([turn(image, k) for image, k in zip(X, pose, strict=True)])
    X_test, y_test = plain.test()
    pose_test = np.arange(len(y_test)) % 8
    return Source(
        8 * y + pose,
        lambda rows: posed[rows],
        lambda: (
            np.stack([turn(x, k) for x, k in zip(X_test, pose_test, strict=True)]),
            8 * y_test + pose_test,
        ),
    )


def turn(image, pose):
    """Return an image in one of eight poses: four turns, each mirrored or not."""
    turned = np.rot90(image, pose % 4)
    return turned[:, ::-1] if pose >= 4 else turned


SOURCES = {
    "mnist": mnist,
    "digits": digits,
    "symbols": symbols,
    **{
        name: from_npz(name)
        for name in ("pneumoniamnist", "kannada", "usps", "cifar10")
    },
}


def as_bytes(X):
    """Return pixels rounded to ``uint8``."""
    return np.clip(np.rint(X), 0, 255).astype(np.uint8)


def noisy(X, rng, sigma=50):
    """Add Gaussian noise."""
    return as_bytes(X + rng.normal(0, sigma, X.shape))


def blurred(X, rng, sigma=1):
    """Blur by a Gaussian, each channel on its own."""
    sigmas = (0, sigma, sigma, 0)[: X.ndim]
    return as_bytes(gaussian_filter(X.astype(np.float32), sigmas))


def dim(X, rng, factor=0.5):
    """Return images of half the brightness."""
    return as_bytes(X * factor)


def pale(X, rng, factor=0.3):
    """Return images of low contrast around the mean of each image."""
    axes = tuple(range(1, X.ndim))
    mean = X.mean(axis=axes, keepdims=True)
    return as_bytes(mean + factor * (X - mean))


SPOILERS = {"noisy": noisy, "blurred": blurred, "dim": dim, "pale": pale}

# Ten minutes on two cores for a network of the default's size.
FAST = [
    Task("digits", 100),
    Task("digits"),
    Task("usps", 500),
    Task("usps", 2000, wrong=0.3),
    Task("pneumoniamnist", 500),
    Task("pneumoniamnist", 1000, wrong=0.3),
    Task("mnist", 1200, rare=8),
    Task("mnist", 2000),
    Task("symbols", 1600),
    Task("cifar10", 500),
    Task("cifar10", 2000),
    Task("cifar10", 2000, wrong=0.3),
]
WHOLE = [
    *FAST,
    *(
        Task(data, n_rows, wrong=wrong)
        for data in ("mnist", "kannada", "usps", "pneumoniamnist", "cifar10")
        for n_rows, wrong in ((100, 0.0), (500, 0.1), (2000, 0.1), (None, 0.0))
    ),
    *(
        Task(data, 2000, spoiled=spoiled)
        for data in ("mnist", "cifar10")
        for spoiled in ("noisy", "blurred", "pale")
    ),
    Task("kannada", 1200, rare=8),
    Task("cifar10", 2000, rare=20),
]
TIERS = {"fast": FAST, "whole": WHOLE}
