"""Are maps of a prediction right? Cover what they call important, and predict again.

A map that tells which pixels matter puts those first without which the class changes.
It is set against other orders: the brightest pixels first, those of another image's
map, and those that chance picks.

python examples/deletion_experiment.py                  # the 8x8 digits of scikit-learn
python examples/deletion_experiment.py --data FOLDER    # MNIST too, from its IDX files
python examples/deletion_experiment.py --out FILE       # draw the curves
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sklearn_digits import ConvNetClassifier, MLPClassifier, occlusion_map
from sklearn_digits.datasets import fetch_mnist

N_TRAIN, N_EXPLAINED = 5000, 300
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
# Orders of pixels, and how their curves are drawn.
STYLES = {
    "occlusion map": "C0-",
    "integrated gradients": "C1-",
    "brightest pixels": "C2--",
    "map of another image": "C3--",
    "chance": "C4--",
}
CLASSIFIERS = {
    "SVC pipeline": make_pipeline(PCA(40, random_state=0), SVC(C=10)),
    "MLP": MLPClassifier((100,), tol=1e-3, random_state=0),
    "ConvNet": ConvNetClassifier(random_state=0),
}


def load(folder=None):
    """Return rows to train on and to explain, of pixels 0 to 1, and their labels."""
    if folder is None:
        X, y = load_digits(return_X_y=True)
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.25, stratify=y, random_state=0
        )
    else:
        train, test = (
            fetch_mnist(data_home=folder, subset=s) for s in ("train", "test")
        )
        X_train, y_train, X_test, y_test = (
            *(train.data, train.target),
            *(test.data, test.target),
        )
    rows, explained = (
        X[:n].astype(np.float32) / X_train.max()
        for X, n in ((X_train, N_TRAIN), (X_test, N_EXPLAINED))
    )
    return rows, explained, y_train[:N_TRAIN], y_test[:N_EXPLAINED]


def importances(classifier, X):
    """Return how important each pixel is, from several points of view.

    Parameters
    ----------
    classifier : classifier
        Fitted.
    X : ndarray of shape (n, n_pixels)

    Returns
    -------
    orders : dict of str to ndarray of shape (n, n_pixels)
        The pixels with the highest values count most.
    """
    orders = {"occlusion map": occlusion_map(classifier, X, fill=0)}
    if hasattr(classifier, "module_"):
        orders["integrated gradients"] = occlusion_map(
            classifier, X, method="integrated_gradients", fill=0
        )
    orders["brightest pixels"] = X
    orders["map of another image"] = np.roll(orders["occlusion map"], 1, axis=0)
    orders["chance"] = np.random.default_rng(0).random(X.shape)
    return {name: values.reshape(X.shape) for name, values in orders.items()}


def without(X, importance, share):
    """Return rows whose most important pixels are black, a share of all pixels."""
    highest = np.argsort(-importance, axis=1, kind="stable")
    highest = highest[:, : round(share * X.shape[1])]
    covered = X.copy()
    np.put_along_axis(covered, highest, 0, axis=1)
    return covered


def changed(classifier, X, importance, share):
    """Return the share of predictions that change without the important pixels."""
    covered = without(X, importance, share)
    return np.mean(classifier.predict(covered) != classifier.predict(X))


def measure(classifier, X_train, X, y_train, y):
    """Return the accuracy of a classifier, and curves of changed predictions."""
    classifier.fit(X_train, y_train)
    curves = {
        order: [changed(classifier, X, importance, share) for share in SHARES]
        for order, importance in importances(classifier, X).items()
    }
    return classifier.score(X, y), curves


def report(data, results):
    """Print what changes without a tenth of the pixels."""
    print(f"{data}: predictions that change without {SHARES[1]:.0%} of the pixels")
    for name, (accuracy, curves) in results.items():
        print(f"  {name}, accuracy {accuracy:.1%}")
        for order, values in curves.items():
            print(f"    {order:22}  {values[1]:6.1%}")


def draw(results, path):
    """Draw the curves: a row for each set of images, a column for each classifier."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(results),
        len(CLASSIFIERS),
        figsize=(10, 0.6 + 2.8 * len(results)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for row, (data, by_classifier) in zip(axes, results.items(), strict=True):
        row[0].set_ylabel("predictions that change, %")
        for ax, (name, (_, curves)) in zip(row, by_classifier.items(), strict=True):
            for order, values in curves.items():
                percent = [0, *(100 * value for value in values)]
                ax.plot([0, *(100 * s for s in SHARES)], percent, STYLES[order])
            ax.set_title(f"{name}, {data}")
    for ax in axes[-1]:
        ax.set_xlabel("pixels that are covered, %")
    lines = [plt.Line2D([], [], color=s[:2], linestyle=s[2:]) for s in STYLES.values()]
    figure.legend(lines, STYLES, loc="outside lower center", ncols=len(STYLES))
    metadata = {"Date": None} if str(path).endswith(".svg") else None
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "deletion"}):
        figure.savefig(path, metadata=metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="the IDX files of MNIST")
    parser.add_argument("--out", metavar="FILE", help="a picture of the curves")
    arguments = parser.parse_args()
    folders = {"8x8 digits": None}
    if arguments.data:
        folders["MNIST"] = arguments.data
    results = {}
    for data, folder in folders.items():
        rows = load(folder)
        results[data] = {
            name: measure(classifier, *rows) for name, classifier in CLASSIFIERS.items()
        }
        report(data, results[data])
    if arguments.out:
        draw(results, arguments.out)


if __name__ == "__main__":
    main()
