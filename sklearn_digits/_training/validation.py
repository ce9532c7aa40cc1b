"""What a fit is watched on: rows held out of its own, or a set that the user brings."""

import warnings
from functools import partial

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_digits._images.conversion import from_torch
from sklearn_digits._training.rows import Rows
from sklearn_digits._training.targets import check_targets, encode_targets, row_weights


def hold_out(rows, fraction, seed, classes, multilabel):
    """Split `rows` for early stopping, with the same share of every class.

    Where the rows do not suffice for that, two classes are an error and more of them
    a warning and a random split: scikit-learn's class stratifies two classes only.

    Parameters
    ----------
    rows : Rows
    fraction : float
        Share of the rows that is held out.
    seed : int
    classes : ndarray
    multilabel : bool
        Indicator matrices are split without regard to their labels.

    Returns
    -------
    train, validation : Rows

    Raises
    ------
    ValueError
        If fewer than two rows would be held out, or two classes cannot be split.
    """
    split = partial(
        train_test_split, rows.index.numpy(), random_state=seed, test_size=fraction
    )
    labels = None if multilabel else classes[rows.target[rows.index].numpy()]
    if labels is not None and len(classes) == 2:
        # scikit-learn's class splits a column of False and True, and names them so.
        labels = (labels == classes[1])[:, np.newaxis]
    try:
        train, validation = split(stratify=labels)
    except ValueError as error:
        what = (
            f"early_stopping holds out validation_fraction={fraction} of {len(rows)} "
            "rows; a set of your own can be passed as X_val and y_val."
        )
        if multilabel or len(classes) <= 2:
            raise ValueError(f"{error} {what}") from error
        warnings.warn(
            f"The held-out rows are a random sample, not one of each class: {error} "
            f"{what}",
            stacklevel=6,
        )
        train, validation = split()
    if len(validation) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            f"(now {fraction}) or the size of your dataset (now {len(rows)} rows that "
            f"weigh anything, classes: {len(rows.target[rows.index].unique(dim=0))})."
        )
    return rows.at(train), rows.at(validation)


def encode_validation_set(estimator, X, y, sample_weight):
    """Check a validation set against the data that `estimator` is being fitted to.

    Parameters
    ----------
    estimator : TorchClassifier
        Has learned its features and classes.
    X, y, sample_weight : array-like or None
        What was passed to ``fit`` as X_val, y_val and sample_weight_val.

    Returns
    -------
    rows : Rows or None
        None if nothing was passed.
    """
    if X is None and y is None and sample_weight is None:
        return None
    missing = [name for name, given in [("X_val", X), ("y_val", y)] if given is None]
    if missing:
        raise ValueError(
            f"{' and '.join(missing)} was not provided; a validation set needs X_val "
            "and y_val, and may have sample_weight_val."
        )
    try:
        X, seen_shape = estimator._validate_rows(X)
        estimator._check_input(X, seen_shape)
    except ValueError as error:
        raise ValueError(f"X_val is invalid: {error}") from error
    y, multilabel = check_targets(from_torch(y))
    if len(y) != X.shape[0]:
        raise ValueError(
            f"y_val has {len(y)} rows, X_val has {X.shape[0]}; expected as many."
        )
    target = encode_targets(y, estimator.classes_, estimator._multilabel, name="y_val")
    weight = row_weights(y, estimator.classes_, sample_weight, None, multilabel)
    return Rows.weighted(X, target, weight)
