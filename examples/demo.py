"""Watch a convolutional network learn handwritten digits.

python examples/demo.py                  # the 8x8 digits of scikit-learn
python examples/demo.py --data FOLDER    # MNIST, from its four IDX files
"""

import argparse
from pathlib import Path
from time import perf_counter

import matplotlib
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.metrics import classification_report, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split

from sklearn_digits import (
    ConvNetClassifier,
    DigitsDisplay,
    MistakesDisplay,
    TrainingCurveDisplay,
)
from sklearn_digits.datasets import fetch_mnist

OUTPUT = Path("demo_output")


def load(folder):
    """Return X_train, X_test, y_train, y_test."""
    if folder is None:
        X, y = load_digits(return_X_y=True)
        return train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    train = fetch_mnist(data_home=folder, subset="train")
    test = fetch_mnist(data_home=folder, subset="test")
    return train.data, test.data, train.target, test.target


def save(display, name):
    """Write what `display` shows to a PNG file, and say where."""
    path = OUTPUT / name
    display.figure_.savefig(path, dpi=150)
    print(f"  {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="the IDX files of MNIST")
    X_train, X_test, y_train, y_test = load(parser.parse_args().data)
    print(f"{len(X_train)} training and {len(X_test)} test images.")

    model = ConvNetClassifier(random_state=0).set_callbacks(ProgressBar())
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    print(f"Trained {model.n_iter_} epochs in {seconds:.1f} s on {model.device_}.\n")

    for name, X, y in (("Training", X_train, y_train), ("Test", X_test, y_test)):
        probabilities = model.predict_proba(X)
        print(f"{name} loss      {log_loss(y, probabilities):.4f}")
        print(f"{name} accuracy  {100 * model.score(X, y):.2f} %")
    predicted = model.predict(X_test)
    print("\nConfusion matrix, one row for each true digit:")
    print(confusion_matrix(y_test, predicted))
    print(f"\n{classification_report(y_test, predicted, digits=4)}")

    matplotlib.use("Agg")
    OUTPUT.mkdir(exist_ok=True)
    print("Pictures:")
    save(DigitsDisplay.from_images(X_train, y_train, n_images=30), "digits.png")
    save(TrainingCurveDisplay.from_estimator(model), "training_curve.png")
    save(MistakesDisplay.from_estimator(model, X_test, y_test), "mistakes.png")


if __name__ == "__main__":
    main()
