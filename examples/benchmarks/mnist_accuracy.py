"""How well ConvNetClassifier reads MNIST, also where the digits are moved or turned.

Fits on all 60,000 training images for seeds 0, 1 and 2, each looked at once with the
10,000 test images: as they are; each moved by up to three pixels along both axes; each
rotated by up to 15 degrees. "Other digits" are the 1,797 8×8 digits that come with
scikit-learn, of other writers and another scanner, enlarged to 28×28. The ensemble is a
soft-voting ``VotingClassifier`` of the three fits of the best network, and of the two
networks that follow it in the table. "9 views" are the same fits, predicted with
``n_views=9``. SVC and the MLPs have their default parameters and pixels from 0 to 1.
Means over the seeds; the interval is the binomial one of 10,000 images (Wilson, 95 %);
calibration error in 15 bins of confidence; the processor's seconds for a fit. Two fits
run side by side, on one thread each.
"""

from itertools import groupby
from operator import itemgetter
from statistics import fmean
from time import process_time

import numpy as np
from benchmarking import calibration_error, mnist, run, score
from convnet_peers import shortest
from joblib import Parallel, delayed, parallel_config
from scipy import ndimage
from scipy.stats import binomtest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.utils._testing import ignore_warnings
from timing import describe

from sklearn_digits import (
    ConvNetClassifier,
    MLPClassifier,
    RandomAffine,
    RandomAugmentation,
)

WIDE = {"rotation": 15, "shift": 0.1, "scale": 0.15, "shear": 0.25}
SAME_LIGHT = {"contrast": 0, "brightness": 0, "noise": 0}
BEST = ConvNetClassifier(
    channels=(32, 64, 128),
    augmentation=RandomAffine(**WIDE),
    weight_decay=0.05,
    max_iter=40,
)
# Networks that see differently err differently.
WHITENING = ConvNetClassifier(
    channels=(48, 96, 192),
    whitening=True,
    augmentation=RandomAugmentation(**WIDE, **SAME_LIGHT, elastic=0.02),
    weight_decay=0.05,
    dropout=0.3,
    max_iter=24,
)


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
    "ConvNetClassifier, whitening": WHITENING,
    "ConvNetClassifier, whitening, 5×5": clone(WHITENING).set_params(
        channels=(24, 48, 96), kernel_size=5
    ),
    "MLPClassifier()": scaled(MLPClassifier()),
    "scikit-learn MLPClassifier()": scaled(SklearnMLPClassifier()),
    "SVC()": scaled(SVC()),
}
ENSEMBLE = "ensemble of five"
MEMBERS = (
    "ConvNetClassifier, best",
    "ConvNetClassifier, whitening",
    "ConvNetClassifier, whitening, 5×5",
)
ONE_SEED = {*MEMBERS[1:], "SVC()"}
LOOKS = ("plain", "moved", "rotated", "other")
VIEWS = (1, 9)
N_WORKERS = 2


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
    """Return a clone that draws from this seed."""
    estimator = clone(estimator)
    names = [name for name in estimator.get_params() if name.endswith("random_state")]
    return estimator.set_params(**dict.fromkeys(names, seed))


def named_estimators(quick):
    """Return pairs of a side's name and an estimator, one for each seed."""
    pairs = [
        (name, with_seed(estimator, seed))
        for name, estimator in SIDES.items()
        for seed in range(1 if quick or name in ONE_SEED else 3)
    ]
    if quick:
        for _, estimator in pairs:
            shorten(estimator)
    return pairs


@ignore_warnings(category=ConvergenceWarning)
def fit_on_the_clock(estimator, X, y):
    """Fit; return the estimator and the seconds that the processor worked.

    Where the fit fails, return None and why.
    """
    start = process_time()
    try:
        return estimator.fit(X, y), process_time() - start
    except Exception as error:
        return None, describe(error)


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
    """Yield a row for each side and number of views."""
    X, y, X_test, y_test = mnist(options, n_quick=200)
    pairs = looks_at(X_test, y_test)
    jobs = named_estimators(options.quick)
    with parallel_config("loky", n_jobs=N_WORKERS, inner_max_num_threads=1):
        fits = Parallel(return_as="generator")(
            delayed(fit_on_the_clock)(estimator, X, y) for _, estimator in jobs
        )
        members = []
        named = zip((name for name, _ in jobs), fits, strict=True)
        for name, group in groupby(named, itemgetter(0)):
            fitted = [fit for _, fit in group]
            yield from rows_of(name, fitted, pairs)
            if name in MEMBERS:
                members += fitted
            if name == MEMBERS[-1]:
                yield from rows_of(ENSEMBLE, [ensemble(members, X, y)], pairs)


def ensemble(members, X, y):
    """Return the vote of fitted members, and their seconds; or why there is none."""
    for fitted, seconds in members:
        if fitted is None:
            return None, f"a member failed: {seconds}"
    frozen = [FrozenEstimator(fitted) for fitted, _ in members]
    named = [(f"member {i}", member) for i, member in enumerate(frozen)]
    voting = VotingClassifier(named, voting="soft").fit(X, y)  # learns the classes
    return voting, sum(seconds for _, seconds in members)


def rows_of(name, fits, pairs):
    """Yield a row for each number of views: the means over the fits of a side."""
    for fitted, seconds in fits:
        if fitted is None:
            yield {"who": name, "failed": seconds}
            return
    for n_views in VIEWS if name in {*MEMBERS, ENSEMBLE} else (None,):
        found = []
        for fitted, seconds in fits:
            looking = with_views(fitted, n_views) if n_views else fitted
            found.append({"CPU s": seconds, **look(looking, pairs)})
        yield {"who": name_of(name, n_views), **summary(found, len(pairs[0][1]))}


def with_views(fitted, n_views):
    """Let a network, or all members of an ensemble, predict with `n_views`."""
    members = [frozen.estimator for frozen in getattr(fitted, "estimators_", [])]
    for network in members or [fitted]:
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
