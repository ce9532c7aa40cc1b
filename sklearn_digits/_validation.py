"""What a fit is watched on: rows held out of its own, or a set that the user brings."""

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_digits._rows import Rows
from sklearn_digits._targets import check_targets, encode_targets, row_weights


def hold_out(rows, fraction, seed, classes, multilabel):
    """Split `rows` for early stopping, with every class on both sides.

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
        If the rows do not suffice for that.
    """
    stratify, note = None, ""
    if not multilabel:
        stratify = classes[rows.target[rows.index].numpy()]
        note = ", each class in both parts"
    if stratify is not None and len(classes) == 2:
        # scikit-learn's class splits a column of False and True, and names them so.
        stratify = (stratify == classes[1])[:, np.newaxis]
        note += f" (True is the class {classes[1]})"
    try:
        train, validation = train_test_split(
            rows.index.numpy(), random_state=seed, test_size=fraction, stratify=stratify
        )
    except ValueError as error:
        raise ValueError(
            f"{error} early_stopping holds out validation_fraction={fraction} of "
            f"{len(rows)} rows{note}; a set of your own can be passed as X_val and "
            "y_val."
        ) from error
    if len(validation) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            f"(now {fraction}) or the size of your dataset (now {len(rows)} rows)."
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
    y, multilabel = check_targets(y)
    if len(y) != X.shape[0]:
        raise ValueError(
            f"y_val has {len(y)} rows, X_val has {X.shape[0]}; expected as many."
        )
    target = encode_targets(y, estimator.classes_, estimator._multilabel, name="y_val")
    weight = row_weights(y, estimator.classes_, sample_weight, None, multilabel)
    return Rows.weighted(X, target, weight)
