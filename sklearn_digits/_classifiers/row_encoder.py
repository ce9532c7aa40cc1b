"""RowEncoder: from X and y, as users pass them, to rows that training reads."""

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from sklearn_digits._estimator import Estimator
from sklearn_digits._images.conversion import (
    accepted_dtypes,
    flatten_images,
    from_torch,
)
from sklearn_digits._images.shape import refuse_single_image
from sklearn_digits._training.rows import Rows
from sklearn_digits._training.runtime import weight_dtype
from sklearn_digits._training.targets import (
    check_targets,
    encode_targets,
    find_classes,
    one_hot_hint,
    row_weights,
)
from sklearn_digits._training.validation import warn_of_another_scale
from sklearn_digits._warnings import warn_user


class RowEncoder(Estimator):
    """An estimator that validates X, y and weights, and makes :class:`Rows` of them.

    Subclasses have the parameter `class_weight`.
    """

    # Whether X may be sparse: it is made dense a batch at a time.
    _accepts_sparse = True

    def _learn_input(self, rows, seen_shape):
        """Learn what the rows are, before the module is built."""

    def _check_shape(self, seen_shape):
        """Check the shape of images that come to a fitted estimator."""

    def _check_input(self, X, seen_shape):
        """Check rows that come to a fitted estimator."""
        self._check_shape(seen_shape)

    def _validate_rows(self, X, y="no_validation", *, reset=False, **options):
        """Return `X`, or `X` and `y`, validated, and the shape of images in `X`."""
        X, seen_shape = flatten_images(X)
        if not reset:
            refuse_single_image(np.shape(X), self.n_features_in_, type(self).__name__)
        validated = validate_data(
            self,
            X,
            from_torch(y),
            dtype=accepted_dtypes(X),
            accept_sparse="csr" if self._accepts_sparse else False,
            reset=reset,
            **options,
        )
        return validated, seen_shape

    def _encode(self, X, y, sample_weight, incremental, resume):
        """Turn targets and weights into :class:`Rows`; learn the classes."""
        y, self._multilabel = check_targets(y)
        if self._multilabel and not get_tags(self).classifier_tags.multi_label:
            raise ValueError(
                f"{type(self).__name__} takes one label a row; y is an indicator "
                f"matrix of shape {y.shape}. Expected y of shape (n,).{one_hot_hint(y)}"
            )
        if self._multilabel and not resume and (hint := one_hot_hint(y)):
            warn_user(
                f"Each row of y, of shape {y.shape}, has exactly one label, and "
                f"{type(self).__name__} learns a yes-no question a column.{hint}"
            )
        if not resume and (self._multilabel or not incremental):
            self.classes_ = find_classes(y, self._multilabel)
        elif not incremental:
            self._check_same_classes(y)
        target = encode_targets(y, self.classes_, self._multilabel)
        return Rows.weighted(X, target, *self._row_weights(y, sample_weight))

    def _row_weights(self, y, sample_weight):
        """Return the weights of the rows, or None, and their exponent."""
        return row_weights(
            y, self.classes_, sample_weight, self.class_weight, self._multilabel
        )

    def _check_same_classes(self, y):
        classes = find_classes(y, self._multilabel)
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has "
                f"{classes}"
            )

    def _encode_validation_set(self, X_train, X, y, sample_weight):
        """Check a validation set against the data of the fit, and encode it.

        Parameters
        ----------
        X_train : ndarray or CSR array of shape (n, n_features)
        X, y, sample_weight : array-like or None
            What was passed to ``fit`` as X_val, y_val and sample_weight_val.

        Returns
        -------
        rows : Rows or None
            None if nothing was passed.
        """
        if X is None and y is None and sample_weight is None:
            return None
        missing = [name for name, it in [("X_val", X), ("y_val", y)] if it is None]
        if missing:
            raise ValueError(
                f"{' and '.join(missing)} was not provided; a validation set needs "
                "X_val and y_val, and may have sample_weight_val."
            )
        try:
            X, seen_shape = self._validate_rows(X)
            self._check_shape(seen_shape)
        except ValueError as error:
            raise ValueError(f"X_val is invalid: {error}") from error
        warn_of_another_scale(X, X_train)
        y, multilabel = check_targets(from_torch(y))
        if len(y) != X.shape[0]:
            raise ValueError(
                f"y_val has {len(y)} rows, X_val has {X.shape[0]}; expected as many."
            )
        target = encode_targets(y, self.classes_, self._multilabel, name="y_val")
        weight = row_weights(y, self.classes_, sample_weight, None, multilabel)
        rows = Rows.weighted(X, target, *weight)
        return rows.with_weight_dtype(weight_dtype(self.compute_dtype_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = self._accepts_sparse
        return tags
