"""How well ConvNetClassifier reads MNIST, also where the digits are moved or turned.

Fits on all 60,000 training images for seeds 0, 1 and 2, each looked at once with the
10,000 test images: as they are; each moved by up to three pixels along both axes; each
rotated by up to 15 degrees. "Other digits" are the 1,797 8×8 digits that come with
scikit-learn, of other writers and another scanner, enlarged to 28×28: no setting was
chosen by how they are read after training on MNIST. The ensemble is one soft-voting
``VotingClassifier``. Its members have the seeds 0 to 4. "5 views" are the same fits,
predicted with ``n_views=5``. SVC and the MLPs have their default parameters and pixels
between 0 and 1. Means over the seeds; the interval is the binomial one of 10,000 images
(Wilson, 95 %); calibration error in 15 bins of confidence; the processor's seconds for
a fit, all threads together: the fits may run one thread each, side by side.
"""

from statistics import fmean
from time import process_time

import numpy as np
from benchmarking import calibration_error, mnist, run, score
from convnet_peers import shortest
from scipy import ndimage
from scipy.stats import binomtest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from timing import describe

from sklearn_digits import (
    ConvNetClassifier,
    MLPClassifier,
    RandomAffine,
    RandomAugmentation,
)

BEST = ConvNetClassifier(
    channels=(32, 64, 128),
    augmentation=RandomAffine(rotation=15, shift=0.1, scale=0.15, shear=0.25),
    weight_decay=0.05,
    max_iter=16,
)
SAME_LIGHT = {"contrast": 0, "brightness": 0, "noise": 0}
# Networks that see differently err differently.
ENSEMBLE = [
    BEST,
    BEST,
    BEST,
    clone(BEST).set_params(
        channels=(24, 48, 96),
        kernel_size=5,
        augmentation=RandomAugmentation(**SAME_LIGHT, elastic=0.03),
    ),
    clone(BEST).set_params(
        channels=(32, 64, 128, 256),
        augmentation=RandomAugmentation(**SAME_LIGHT, erasing=0.25),
    ),
]


def between_0_and_1(X):
    """Return gray values from 0 to 255 as floats up to 1."""
    return X / np.float32(255)


def scaled(classifier):
    """Return a classifier of pixels between 0 and 1."""
    return make_pipeline(FunctionTransformer(between_0_and_1), classifier)


SIDES = {
    "ConvNetClassifier, shortest fit": shortest(),
    "ConvNetClassifier(max_iter=1)": ConvNetClassifier(max_iter=1),
    "ConvNetClassifier(max_iter=2)": ConvNetClassifier(max_iter=2),
    "ConvNetClassifier()": ConvNetClassifier(),
    "ConvNetClassifier, best": BEST,
    "ensemble of five": VotingClassifier(
        [(f"member {i}", member) for i, member in enumerate(ENSEMBLE)], voting="soft"
    ),
    "MLPClassifier()": scaled(MLPClassifier()),
    "scikit-learn MLPClassifier()": scaled(SklearnMLPClassifier()),
    "SVC()": scaled(SVC()),
}
LOOKS = ("plain", "moved", "rotated", "other")
ONE_SEED = {"ensemble of five", "SVC()"}
VIEWED_TWICE = {"ConvNetClassifier, best", "ensemble of five"}
MORE_VIEWS = 5


def looks_at(X, y):
    """Return pairs of rows of 28×28 pixels and labels, one for each of LOOKS."""
    moved, rotated = moved_and_rotated(X)
    return [(X, y), (moved, y), (rotated, y), other_digits()]


def moved_and_rotated(X, seed=0):
    """Return rows of 28×28 pixels, each moved, and each rotated, at random."""
    images = X.reshape(-1, 28, 28)
    rng = np.random.default_rng(seed)
    shifts = rng.integers(-3, 4, (len(X), 2))
    angles = rng.uniform(-15, 15, len(X))
    moved = [ndimage.shift(*pair, order=0) for pair in zip(images, shifts, strict=True)]
    rotated = [
        ndimage.rotate(image, angle, reshape=False, order=1)
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.stack(moved).reshape(X.shape), np.stack(rotated).reshape(X.shape)


def other_digits():
    """Return the 8×8 digits as MNIST has its own: 20×20, the mass in the middle."""
    digits = load_digits()
    frames = []
    for image in digits.images:
        enlarged = ndimage.zoom(
            image * (255 / 16), 2.5, order=1, mode="nearest", grid_mode=True
        )
        frame = np.pad(enlarged, 4)
        middle = np.array(ndimage.center_of_mass(frame))
        frames.append(ndimage.shift(frame, np.rint(13.5 - middle), order=0))
    return np.rint(frames).astype(np.uint8).reshape(-1, 784), digits.target


def with_seed(estimator, seed):
    """Return a clone, every part of which that draws has a seed of its own."""
    estimator = clone(estimator)
    names = [name for name in estimator.get_params() if name.endswith("random_state")]
    return estimator.set_params(
        **{name: seed + i for i, name in enumerate(sorted(names))}
    )


def fit_on_the_clock(estimator, X, y):
    """Fit; return the seconds that the processor worked, all threads together."""
    start = process_time()
    estimator.fit(X, y)
    return process_time() - start


def look(estimator, pairs):
    """Return what a fitted estimator makes of test images, as a dict of numbers."""
    found = {
        what: (estimator.predict(X) == y).mean()
        for what, (X, y) in zip(LOOKS, pairs, strict=True)
    }
    if hasattr(estimator, "predict_proba"):
        X_test, y_test = pairs[0]
        probabilities = estimator.predict_proba(X_test)
        found["log-loss"] = score(probabilities, y_test)[1]
        found["calibration error"] = calibration_error(probabilities, y_test)
    return found


def summary(fits, n_test):
    """Return a row of the table from what the fits of several seeds showed."""
    means = {name: fmean(fit[name] for fit in fits) for name in fits[0]}
    interval = binomtest(round(means["plain"] * n_test), n_test).proportion_ci(
        method="wilson"
    )
    percent = {name: f"{100 * means[name]:.2f}" for name in LOOKS}
    return {
        "seeds": len(fits),
        "accuracy %": percent["plain"],
        "interval": f"{100 * interval.low:.2f}–{100 * interval.high:.2f}",
        "moved %": percent["moved"],
        "rotated %": percent["rotated"],
        "other digits %": percent["other"],
        "log-loss": means.get("log-loss", ""),
        "calibration error": means.get("calibration error", ""),
        "CPU s": means["CPU s"],
    }


def benchmark(options):
    """Yield a row for each side."""
    X, y, X_test, y_test = mnist(options, n_quick=200)
    pairs = looks_at(X_test, y_test)
    for name, estimator in SIDES.items():
        fits = {n_views: [] for n_views in numbers_of_views(name)}
        try:
            for seed in range(1 if options.quick or name in ONE_SEED else 3):
                fitted = with_seed(estimator, seed)
                if options.quick:
                    shorten(fitted)
                seconds = fit_on_the_clock(fitted, X, y)
                for n_views, found in fits.items():
                    looking = with_views(fitted, n_views) if n_views else fitted
                    found.append({"CPU s": seconds, **look(looking, pairs)})
        except Exception as error:
            yield {"who": name, "failed": describe(error)}
            continue
        for n_views, found in fits.items():
            yield {"who": name_of(name, n_views), **summary(found, len(y_test))}


def numbers_of_views(name):
    """Return with how many views each a side predicts; None is its own number."""
    return [1, MORE_VIEWS] if name in VIEWED_TWICE else [None]


def with_views(fitted, n_views):
    """Let a fitted network, or all members of an ensemble, predict with `n_views`."""
    for network in getattr(fitted, "estimators_", [fitted]):
        network.set_params(n_views=n_views)
    return fitted


def name_of(side, n_views):
    """Return what a row of the table is called."""
    return side if n_views in (None, 1) else f"{side}, {n_views} views"


def shorten(estimator):
    """Let every part of an estimator train for one epoch."""
    for name in estimator.get_params():
        if name.endswith("max_iter"):
            estimator.set_params(**{name: 1})


if __name__ == "__main__":
    run(benchmark, __doc__)
