"""Small data: a fit on the 8×8 digits.

64-100-10, Adam, batches of 200, as scikit-learn's MLPClassifier has them by default, on
three quarters of the 1,797 digits. "Fit" is 50 epochs. "To 97 %" is the shortest fit
whose accuracy on the other quarter is 97 % or more, in steps of five epochs, timed as a
whole.
"""

from functools import partial

from benchmarking import OURS, run, scored
from peers import SMALL_MLP, MLPTask
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from timing import compare, describe, in_turn

TASK = MLPTask((64, 100, 10), batch_size=200)
MOST_EPOCHS = 200


def load():
    """Return X_train, X_test, y_train, y_test, the pixels between 0 and 1."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.25, stratify=y, random_state=0)


def epochs_to(aim, train, X_test, y_test):
    """Return the epochs of the shortest fit that reaches an accuracy."""
    for n_epochs in range(5, MOST_EPOCHS + 1, 5):
        probabilities = train(n_epochs)(X_test)
        if (probabilities.argmax(axis=1) == y_test).mean() >= aim:
            return n_epochs
    raise ValueError(f"{aim:.0%} was not reached in {MOST_EPOCHS} epochs")


def benchmark(options):
    """Yield a row for each side, of a fit and of the way to an accuracy."""
    n_rounds = 1 if options.quick else 9
    X, X_test, y, y_test = load()
    trainers = {
        name: partial(train, X, y, task=TASK) for name, train in SMALL_MLP.items()
    }
    n_epochs = 5 if options.quick else 50
    laps = in_turn(
        {name: partial(train, n_epochs) for name, train in trainers.items()}, n_rounds
    )
    for name, row in compare(laps, OURS, "ms", 1000).items():
        row = scored(row, laps[name].value, X_test, y_test)
        yield {"what": "fit", "epochs": n_epochs, **row}

    aim = 0.7 if options.quick else 0.97
    needed, failed = {}, []
    for name, train in trainers.items():
        try:
            needed[name] = epochs_to(aim, train, X_test, y_test)
        except Exception as error:
            failed.append(
                {"what": f"to {aim:.0%}", "who": name, "failed": describe(error)}
            )
    laps = in_turn(
        {name: partial(trainers[name], n) for name, n in needed.items()}, n_rounds
    )
    for name, row in compare(laps, OURS, "ms", 1000).items():
        yield {"what": f"to {aim:.0%}", "epochs": needed[name], **row}
    yield from failed


if __name__ == "__main__":
    run(benchmark, __doc__)
