"""How the cost of a fit grows.

Fits of one epoch, with their seconds and their peak of anonymous memory above the data:
on 1,024 to 240,000 MNIST images of `uint8` (MNIST four times over), and on 1,024
images of random pixels from 8×8 to 256×256. ConvNetClassifier averages those of 128×128
and 256×256 down to 64×64. The slope is that of a line through the logarithms of both; 1
is proportional. Seconds are those of the faster of two fits, and the peak is that of
both together, after a small fit that does not count.
"""

import numpy as np
from benchmarking import mnist, run
from convnet_peers import ours
from timing import PeakMemory, in_turn

from sklearn_digits import MLPClassifier

MODELS = {
    "MLPClassifier": MLPClassifier((256, 256, 256), batch_size=1024, max_iter=1),
    "ConvNetClassifier": ours(1),
}


N_IMAGES = 1024


def measure(model, X, y, n_rounds):
    """Return the seconds of a fit and its peak in megabytes."""
    with PeakMemory() as memory:
        lap = in_turn({"fit": lambda: model.fit(X, y)}, n_rounds, warm_up=False)["fit"]
    if lap.error is not None:
        raise lap.error
    return min(lap.seconds), memory.megabytes


def slope(x, y):
    """Return the slope of the line through the logarithms, least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def benchmark(options):
    """Yield a row for each size, then the slopes."""
    n_rounds = 1 if options.quick else 2
    rng = np.random.default_rng(0)
    for name, model in MODELS.items():
        X, y, _, _ = mnist(options, n_quick=1448)
        model.fit(X[:N_IMAGES], y[:N_IMAGES])  # loads what is loaded late
        if options.quick:
            sizes = [1024, 1448]
        else:
            X, y, sizes = np.tile(X, (4, 1)), np.tile(y, 4), [1024, 10_000, 60_000]
            sizes.append(len(X))
        yield from grow(
            model, name, "rows", sizes, lambda n, X=X, y=y: (X[:n], y[:n]), n_rounds
        )
    sides = [8, 16] if options.quick else [8, 16, 32, 64, 128, 256]

    def images(side):
        X = rng.integers(0, 256, (N_IMAGES, side, side), dtype=np.uint8)
        return X, rng.integers(0, 10, N_IMAGES)

    for name, model in MODELS.items():
        yield from grow(model, name, "side", sides, images, n_rounds)


def grow(model, name, what, sizes, load, n_rounds):
    """Yield a row for each size, and the slopes over them."""
    seconds, megabytes = [], []
    for size in sizes:
        for values, value in zip(
            (seconds, megabytes), measure(model, *load(size), n_rounds), strict=True
        ):
            values.append(value)
        yield {"who": name, what: size, "s": seconds[-1], "MB": megabytes[-1]}
    cost = np.square(sizes) if what == "side" else sizes
    yield {
        "who": name,
        what: f"slope over {'pixels' if what == 'side' else 'rows'}",
        "s": slope(cost, seconds),
        "MB": slope(cost, np.maximum(megabytes, 1)),
    }


if __name__ == "__main__":
    run(benchmark, __doc__)
