"""A validation set that the user passes to ``fit``."""

from sklearn_digits._images.conversion import from_torch
from sklearn_digits._training.rows import Rows
from sklearn_digits._training.runtime import weight_dtype
from sklearn_digits._training.targets import check_targets, encode_targets, row_weights


def encode_validation_set(classifier, X, y, sample_weight):
    """Check a validation set against the data that `classifier` is being fitted to.

    Parameters
    ----------
    classifier : TorchClassifier
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
        X, seen_shape = classifier._validate_rows(X)
        classifier._check_input(X, seen_shape)
    except ValueError as error:
        raise ValueError(f"X_val is invalid: {error}") from error
    y, multilabel = check_targets(from_torch(y))
    if len(y) != X.shape[0]:
        raise ValueError(
            f"y_val has {len(y)} rows, X_val has {X.shape[0]}; expected as many."
        )
    target = encode_targets(
        y, classifier.classes_, classifier._multilabel, name="y_val"
    )
    weight = row_weights(y, classifier.classes_, sample_weight, None, multilabel)
    rows = Rows.weighted(X, target, weight)
    return rows.with_weight_dtype(weight_dtype(classifier.compute_dtype_))
