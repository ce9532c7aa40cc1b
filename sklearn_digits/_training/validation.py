"""Rows that are held out of a fit, to score its epochs."""

from functools import partial

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_digits._warnings import warn_user


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
            "rows; pass X_val and y_val for a separate validation set."
        )
        if multilabel or len(classes) <= 2:
            raise ValueError(f"{error} {what}") from error
        warn_user(
            f"The held-out rows are a random sample, not one of each class: {error} "
            f"{what}"
        )
        train, validation = split()
    if len(validation) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            f"(now {fraction}) or the size of your dataset (now {len(rows)} rows of "
            f"positive weight, classes: {len(rows.target[rows.index].unique(dim=0))})."
        )
    return rows.subset(train), rows.subset(validation)
