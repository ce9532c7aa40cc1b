"""The class that is explained, and the score that a classifier gives to it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

# What the values that a method returns are called.
SCORES = {"predict_proba": "probability", "decision_function": "decision value"}


def check_classifier(estimator: Any, response_method: str) -> str:
    """Return the method of a fitted classifier that scores its classes.

    Parameters
    ----------
    estimator : classifier
    response_method : {"auto", "predict_proba", "decision_function"}
        "auto" is the first of the two others that there is.

    Raises
    ------
    ValueError
        If `estimator` is not a classifier, lacks such a method, or predicts several
        outputs.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    if not is_classifier(estimator):
        raise ValueError(
            f"estimator={estimator} has no classes to explain; expected a classifier."
        )
    methods = [method for method in SCORES if hasattr(estimator, method)]
    if not methods:
        raise ValueError(
            f"estimator={estimator} has neither predict_proba nor decision_function, "
            "and so no score that could drop. Expected a classifier that has one of "
            "them, for example VotingClassifier with voting='soft'."
        )
    if response_method not in ("auto", *methods):
        raise ValueError(
            f"response_method={response_method!r}, but estimator={estimator} has only "
            f"{methods[0]}; expected 'auto' or {methods[0]!r}."
        )
    check_is_fitted(estimator)
    if isinstance(estimator.classes_, list):
        raise ValueError(
            f"estimator={estimator} predicts {len(estimator.classes_)} outputs; "
            "expected one, for example one of the estimators_ of a "
            "MultiOutputClassifier."
        )
    return methods[0] if response_method == "auto" else response_method


def target_columns(
    estimator: Any, predicted: np.ndarray, target: ArrayLike | None
) -> np.ndarray:
    """Return the position in `classes_` of the class to explain, for each image.

    Parameters
    ----------
    estimator : classifier
    predicted : ndarray of shape (n,) or (n, n_labels)
        What it predicts for the images.
    target : label, array-like of shape (n,) or None
        The classes to explain; None means those that are predicted.

    Returns
    -------
    columns : ndarray of shape (n,) of int

    Raises
    ------
    ValueError
        If a target is not in `classes_`, if there are not as many as images, or if
        `target` is None and `estimator` predicts several labels an image.
    """
    classes = estimator.classes_.tolist()
    if target is None and predicted.ndim == 2:
        raise ValueError(
            f"target=None means the predicted class, but estimator={estimator} "
            f"predicts any number of labels an image. Expected one of {classes}, or "
            "one for each image."
        )
    labels = np.asarray(predicted if target is None else target, dtype=object)
    if labels.ndim and labels.shape != (len(predicted),):
        raise ValueError(
            f"target has the shape {labels.shape}; expected one label, or one for "
            f"each of the {len(predicted)} images."
        )
    positions = {label: position for position, label in enumerate(classes)}
    labels = np.broadcast_to(labels, len(predicted)).tolist()
    unknown = sorted({str(label) for label in labels if label not in positions})
    if unknown:
        raise ValueError(
            f"target={', '.join(unknown)} is not among the classes of the estimator; "
            f"expected labels out of {classes}."
        )
    return np.array([positions[label] for label in labels], dtype=np.intp)


@dataclass(frozen=True)
class ClassScore:
    """The score of one class of each image.

    Attributes
    ----------
    estimator : classifier
    method : {"predict_proba", "decision_function"}
    columns : ndarray of shape (n,) of int
        The class of each image, a position in `classes_`.
    two_classes : bool
        Whether what speaks for the class speaks against the only other one.
    """

    estimator: Any
    method: str
    columns: np.ndarray
    two_classes: bool

    @classmethod
    def of(
        cls, estimator: Any, X: Any, target: ArrayLike | None, response_method: str
    ) -> Self:
        """Return the score of the classes `target` of the images `X`."""
        method = check_classifier(estimator, response_method)
        predicted = np.asarray(estimator.predict(X))  # which checks X
        columns = target_columns(estimator, predicted, target)
        two_classes = len(estimator.classes_) == 2 and predicted.ndim == 1
        return cls(estimator, method, columns, two_classes)

    @property
    def labels(self) -> np.ndarray:
        """The class of each image, ndarray of shape (n,)."""
        return np.asarray(self.estimator.classes_)[self.columns]

    @property
    def name(self) -> str:
        """What the score is called."""
        return SCORES[self.method]

    def __call__(self, X: Any, columns: np.ndarray) -> np.ndarray:
        """Return the scores of rows of `X`, each of the class at its position.

        Parameters
        ----------
        X : array-like or data frame of n rows
            In a form that the estimator takes.
        columns : ndarray of shape (n,) of int

        Returns
        -------
        scores : ndarray of shape (n,), dtype float64

        Raises
        ------
        ValueError
            If there is another number of scores than of classes.
        """
        scores = np.asarray(getattr(self.estimator, self.method)(X), dtype=np.float64)
        if scores.ndim == 1:  # of the second of two classes
            scores = np.column_stack([-scores, scores])
        n_classes = len(self.estimator.classes_)
        if scores.shape[1] != n_classes:
            raise ValueError(
                f"{self.method} of estimator={self.estimator} gives {scores.shape[1]} "
                f"columns for {n_classes} classes. Expected a column for each class: "
                "an SVC gives that with decision_function_shape='ovr'."
            )
        return scores[np.arange(len(columns)), columns]
