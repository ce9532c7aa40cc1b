"""Load a trained estimator from the package's own files."""

from importlib.resources import files

from sklearn_digits._classifiers.convnet import ConvNetClassifier
from sklearn_digits._persistence.plain_files import read_plain

FOLDER = files(__package__).joinpath("weights")


def load_pretrained(name: str) -> ConvNetClassifier:
    """Load a classifier that is already trained.

    Its weights come with the package: nothing is downloaded, and no pickle is read.

    Parameters
    ----------
    name : {"mnist"}
        What the classifier was trained on. "mnist" reads handwritten digits, as images
        of 28x28 gray values from 0, the background, to 255, the ink.

    Returns
    -------
    classifier : ConvNetClassifier
        A fitted classifier. It can be trained further with ``partial_fit``, or with
        ``set_params(warm_start=True)`` and ``fit``.

    Raises
    ------
    ValueError
        If this package has no classifier of that name.

    See Also
    --------
    to_digit_image : Turn a photo or drawing into an image that "mnist" reads.
    ConvNetClassifier : The class of the result.

    Notes
    -----
    The file ``mnist.json`` beside the weights says how "mnist" was trained, and how
    accurate it is. ``examples/train_pretrained.py`` trains it again.

    It was trained on MNIST's digits, on the same digits drawn with thinner and thicker
    pens, and on letters and scribbles, to which it gives no digit a high probability.
    So a prediction counts as *sure* if its highest probability is at least 0.95:
    ``predict_proba(X).max(axis=1) >= 0.95``.

    Examples
    --------
    A drawing of a 1, and one of a cross:

    >>> import numpy as np
    >>> from sklearn_digits import load_pretrained, to_digit_image
    >>> one, cross = np.zeros((2, 100, 100))
    >>> one[20:80, 47:53] = 1
    >>> cross[20:80, 47:53] = cross[47:53, 20:80] = 1
    >>> X = np.stack([to_digit_image(one), to_digit_image(cross)])
    >>> clf = load_pretrained("mnist")
    >>> clf.predict(X[:1])
    array([1])
    >>> clf.predict_proba(X).max(axis=1) >= 0.95
    array([ True, False])
    """
    names = sorted(
        file.name.removesuffix(".json")
        for file in FOLDER.iterdir()
        if file.name.endswith(".json")
    )
    if name not in names:
        raise ValueError(
            f"name={name!r} is not a classifier that comes with this package; expected "
            f"one of {names}."
        )
    return read_plain(ConvNetClassifier, FOLDER, name)
