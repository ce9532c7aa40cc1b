"""Rows that score the epochs of a fit: held out of it, or passed by the user."""

from functools import partial

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_digits._training.rows import take_rows
from sklearn_digits._warnings import warn_user

# Values of a validation set that vary by this factor more or less than those of the
# training rows are on another scale.
SCALE_FACTOR = 2
N_COMPARED = 1000


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


def warn_of_another_scale(X_val, X):
    """Warn if values of a validation set seem to be on another scale.

    Parameters
    ----------
    X_val, X : ndarray or CSR array of shape (n_rows, n_features)
        Validation rows and training rows.
    """
    (mean, std), (train_mean, train_std) = map(_mean_and_std, (X_val, X))
    if not std or not train_std:
        return
    alike = 1 / SCALE_FACTOR <= std / train_std <= SCALE_FACTOR
    if alike and abs(mean - train_mean) <= train_std:
        return
    warn_user(
        f"The values of X_val have the mean {mean:.3g} and the standard deviation "
        f"{std:.3g}, those of X {train_mean:.3g} and {train_std:.3g}: they seem to be "
        "on different scales. In a Pipeline, X_val is transformed as X is only with "
        'Pipeline(..., transform_input=["X_val"]).'
    )


def _mean_and_std(X):
    """Return mean and standard deviation of all values in up to 1,000 rows."""
    n_rows = X.shape[0]
    index = np.linspace(0, n_rows - 1, min(n_rows, N_COMPARED)).astype(int)
    rows = take_rows(X, index).astype(np.float64)
    return rows.mean(), rows.std()
