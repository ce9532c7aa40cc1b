"""Labels to tensors and back: what `y` means, and the weights of its rows."""

from numbers import Real

import numpy as np
import torch
from scipy.sparse import issparse
from scipy.special import expit, softmax
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight


def check_targets(y):
    """Return `y` as labels (n,) or as an indicator matrix (n, n_labels).

    Returns
    -------
    y : ndarray of shape (n,) or (n, n_labels)
    multilabel : bool
    """
    check_classification_targets(y)
    target_type = type_of_target(y)
    if target_type == "multilabel-indicator":
        y = y.toarray() if issparse(y) else np.asarray(y)
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                f"y of shape {y.shape} holds the values {np.unique(y)}; expected an "
                "indicator matrix of zeros and ones, or labels of shape (n,)."
            )
        return y, True
    if target_type == "multiclass-multioutput":
        raise ValueError(
            "y has several columns with several classes each; expected labels of "
            "shape (n,), or an indicator matrix of zeros and ones. "
            "sklearn.multioutput.MultiOutputClassifier fits one classifier a column."
        )
    return column_or_1d(y, warn=True), False


def one_hot_hint(y):
    """Return the cure of an indicator matrix with one label a row, or nothing."""
    if y.shape[1] > 1 and (y.sum(axis=1) == 1).all():
        return " y seems to be one-hot: use y.argmax(axis=1)."
    return ""


def find_classes(y, multilabel):
    """Return the sorted classes of checked targets: labels, or column numbers."""
    return np.arange(y.shape[1]) if multilabel else np.unique(y)


def encode_targets(y, classes, multilabel, name="y"):
    """Encode checked targets for the loss.

    Parameters
    ----------
    y : ndarray
    classes : ndarray
    multilabel : bool
    name : str
        What errors call `y`.

    Returns
    -------
    target : torch.Tensor
        int64 positions in `classes` of shape (n,), or, if `multilabel`, float32
        zeros and ones of shape (n, n_labels).

    Raises
    ------
    ValueError
        If `y` has a class that is not in `classes`, or another number of columns.
    """
    if multilabel:
        if y.ndim != 2 or y.shape[1] != len(classes):
            raise ValueError(
                f"{name} of shape {y.shape} does not fit a classifier of "
                f"{len(classes)} labels; expected shape (n, {len(classes)})."
            )
        return torch.from_numpy(y.astype(np.float32))
    if y.ndim != 1:
        raise ValueError(
            f"{name} of shape {y.shape} is an indicator matrix; the classifier was "
            f"fitted with labels of shape (n,).{one_hot_hint(y)}"
        )
    unseen = np.setdiff1d(y, classes)
    if len(unseen):
        raise ValueError(
            f"`{name}` has classes not in `self.classes_`. "
            f"`self.classes_` has {classes}. '{name}' also has {unseen}."
        )
    return torch.from_numpy(np.searchsorted(classes, y))


def decode_targets(scores, classes, multilabel):
    """Turn logits of shape (n, n_classes) into labels."""
    if multilabel:
        return (scores > 0).astype(np.int64)
    return classes[scores.argmax(axis=1)]


def probabilities(logits, multilabel):
    """Turn logits of shape (n, n_classes) into probabilities."""
    return expit(logits) if multilabel else softmax(logits, axis=1)


def row_weights(y, classes, sample_weight, class_weight, multilabel):
    """Combine sample and class weights.

    Parameters
    ----------
    y : ndarray
        Checked targets.
    classes : ndarray
    sample_weight : array-like of shape (n,) or None
    class_weight : dict, "balanced" or None
        With an indicator matrix, "balanced" is the product of what balances each of
        its columns, as in scikit-learn's forests.
    multilabel : bool

    Returns
    -------
    weights : ndarray of shape (n,), dtype float64, or None
        None if every row weighs the same. The largest weight lies between 1 and 2.
    exponent : int
        ``weights * 2.0**exponent`` are the weights as they were passed: the factor is
        exact, and may be too large or too small for a number of its own.

    Raises
    ------
    ValueError
        If weights are negative, all zero or of another length than `y`, or if
        `class_weight` comes with an indicator matrix.
    """
    exponent = 0
    if sample_weight is not None:
        sample_weight, exponent = split_exponent(
            _check_sample_weight(
                sample_weight, y, dtype=np.float64, ensure_non_negative=True
            )
        )
    if class_weight is None:
        return sample_weight, exponent
    if not multilabel:
        by_class = class_weights(y, classes, sample_weight, class_weight)
        weights = by_class[np.searchsorted(classes, y)]
    elif class_weight == "balanced":
        balanced = [
            class_weights(column, np.arange(2), sample_weight, "balanced")[column]
            for column in y.T
        ]
        weights = np.prod(balanced, axis=0)
    else:
        raise ValueError(
            f"class_weight={class_weight!r} has no meaning for an indicator matrix; "
            "expected None or 'balanced' with multilabel y."
        )
    if sample_weight is not None:
        weights = weights * sample_weight
    weights, of_classes = split_exponent(weights)
    return weights, exponent + of_classes


def split_exponent(weights):
    """Return weights times a power of two, the largest in [1, 2), and its exponent."""
    exponent = int(np.frexp(weights.max(initial=0.0))[1]) - 1
    return np.ldexp(weights, -exponent), exponent


def class_weights(y, classes, sample_weight, class_weight):
    """Return the weight of each class.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Labels out of `classes`.
    classes : ndarray of shape (n_classes,)
        Sorted.
    sample_weight : ndarray of shape (n,) or None
    class_weight : dict or "balanced"
        "balanced" gives each class the same sum of weights. A class without rows of
        positive weight does not count: its weight is zero.

    Returns
    -------
    weights : ndarray of shape (n_classes,), dtype float64
    """
    if class_weight != "balanced":
        return _weights_from_dict(class_weight, classes)
    sums = np.bincount(np.searchsorted(classes, y), sample_weight, len(classes))
    total, n_present = sums.sum(), np.count_nonzero(sums)
    weights = np.zeros(len(classes))
    np.divide(total, n_present * sums, out=weights, where=sums > 0)
    return weights


def _weights_from_dict(class_weight, classes):
    """Return the weights of a dict, which may name more classes than there are.

    A fold may lack a class. Where another class has no weight, it was misspelled.
    """
    unknown = [label for label in class_weight if label not in classes]
    missing = [label for label in classes.tolist() if label not in class_weight]
    if unknown and missing:
        raise ValueError(
            f"class_weight names classes {unknown} that are not among {classes}, and "
            f"has no weight for {missing}."
        )
    weights = class_weight.values()
    if not all(
        isinstance(each, Real) and 0 <= float(each) < np.inf for each in weights
    ):
        raise ValueError(
            f"class_weight={class_weight!r} must hold finite numbers, none of them "
            "negative."
        )
    return np.array([float(class_weight.get(label, 1)) for label in classes])
