"""Time until a convolutional network reads MNIST's test set.

Our fits are whole fits of `max_iter` epochs, their schedule included, timed from rows
of `uint8` to the fitted estimator. [The shortest fit](recipe.md#the-shortest-fit) is a
narrow network with larger batches and no augmentation. The peers are the networks that
Keras' and skorch's documentation show. They train epoch by epoch with their own
settings, 15 epochs of Keras and 10 of skorch at most. Their time is that of the epochs,
compiling included; the look at the test set after each of them is not counted. One run
each, seed 0 for ours.
"""

from functools import partial
from time import perf_counter

from benchmarking import OURS, mnist, run, score
from convnet_peers import keras_epochs, ours, shortest, skorch_epochs
from timing import describe

AIMS = (98.0, 99.0, 99.5)
OUR_EPOCHS = (1, 2, 4)
PEERS = {
    "Keras' MNIST example, JAX": (keras_epochs, 15),
    "skorch's MNIST example": (skorch_epochs, 10),
}


def fits(models, X, y):
    """Yield epochs, seconds and probabilities of the fits of our models."""
    for model in models:
        start = perf_counter()
        model.fit(X, y)
        yield model.max_iter, perf_counter() - start, model.predict_proba


def epochs(train, n_epochs, X, y):
    """Yield seconds since the start, and probabilities, after each epoch."""
    seconds, trainer = 0.0, train(X, y)
    for epoch in range(1, n_epochs + 1):
        start = perf_counter()
        predict_proba = next(trainer)
        seconds += perf_counter() - start
        yield epoch, seconds, predict_proba


def first_times(runs, X_test, y_test, aims):
    """Yield a row for each aim as it is reached, and one for those that never are."""
    aims = list(aims)
    for epoch, seconds, predict_proba in runs:
        correct, loss = score(predict_proba(X_test), y_test)
        accuracy = 100 * float(correct)
        print(f"    after {epoch} epochs, {seconds:.1f} s: {accuracy:.2f} %")
        reached = {"epochs": epoch, "s": seconds, "accuracy %": f"{accuracy:.2f}"}
        while aims and accuracy >= aims[0]:
            yield {"aim %": aims.pop(0), **reached, "log-loss": loss}
        if not aims:
            return
    for aim in aims:
        yield {
            "aim %": aim,
            "epochs": f"not in {epoch}",
            "s": f"over {seconds:.0f}",
            "accuracy %": f"{accuracy:.2f}",
            "log-loss": loss,
        }


def benchmark(options):
    """Yield a row for each side and aim."""
    X, y, X_test, y_test = mnist(options, n_quick=500)
    aims = (15.0,) if options.quick else AIMS
    defaults = [ours(n_epochs) for n_epochs in OUR_EPOCHS]
    sides = {
        f"{OURS}, shortest fit": partial(fits, [shortest()], X, y),
        OURS: partial(fits, defaults, X, y),
    }
    for name, (train, n_epochs) in PEERS.items():
        n_epochs = 2 if options.quick else n_epochs
        sides[name] = partial(epochs, train, n_epochs, X, y)
    for name, runs in sides.items():
        try:
            for row in first_times(runs(), X_test, y_test, aims):
                yield {"who": name, **row}
        except Exception as error:
            yield {"who": name, "failed": describe(error)}


if __name__ == "__main__":
    run(benchmark, __doc__)
