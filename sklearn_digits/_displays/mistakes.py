"""MistakesDisplay: what a classifier gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._displays.digits import DigitsDisplay
from sklearn_digits._displays.grid import (
    AxesOrNone,
    check_matplotlib,
)
from sklearn_digits._images.conversion import as_images


@dataclass(eq=False, repr=False)
class MistakesDisplay:
    """The mistakes of a classifier, the most confident ones first.

    What a classifier gets wrong while being sure of itself shows best what it has not
    learned, or that a label is wrong. Above each image: the true label, the predicted
    one, and the probability that the classifier gave to the predicted one.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions`. All
    parameters are stored as attributes.

    Parameters
    ----------
    images : ndarray of shape (n_mistakes, height, width, n_channels)
        The images misread, in the order in which to draw them.
    y_true : ndarray of shape (n_mistakes,)
        What they are.
    y_pred : ndarray of shape (n_mistakes,)
        What they were taken for.
    probability : ndarray of shape (n_mistakes,)
        The probability of `y_pred`, 0 to 1.
    n_samples : int, default=None
        How many images were predicted, right ones included; named in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with all the images.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    images_ : list of matplotlib AxesImage
        The images drawn, row by row.
    text_ : list of matplotlib Text
        What is written above them.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : Which classes are taken for which.

    Notes
    -----
    Built as the displays of scikit-learn, such as
    :class:`~sklearn.metrics.ConfusionMatrixDisplay`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_digits import MistakesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = GaussianNB().fit(X[:1000], y[:1000])
    >>> display = MistakesDisplay.from_estimator(classifier, X[1000:], y[1000:])
    >>> len(display.images_)
    12
    >>> plt.show()
    """

    images: np.ndarray
    y_true: np.ndarray
    y_pred: np.ndarray
    probability: np.ndarray
    _: KW_ONLY
    n_samples: int | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_images: int = 12,
        image_shape: Sequence[int] | None = None,
        ax: AxesOrNone = None,
        **kwargs: Any,
    ) -> Self:
        """Predict images with a fitted classifier, and draw its mistakes.

        Parameters
        ----------
        estimator : classifier
            Fitted, with `predict_proba` and `classes_`; a pipeline or a search, too.
        X : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            The images, in a form that `estimator` takes.
        y : array-like of shape (n,)
            Their true labels.
        n_images : int, default=12
            How many mistakes to draw at most.
        image_shape : tuple of 2 or 3 int, default=None
            ``(height, width)`` or ``(height, width, n_channels)`` of the images that
            rows of pixels hold. None takes `estimator.image_shape_` if there is one,
            else infers it: a square if possible.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : MistakesDisplay
            With everything drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `estimator` is not a classifier with `predict_proba`, or if `X`, `y` and
            `image_shape` do not fit together.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        if not (is_classifier(estimator) and hasattr(estimator, "predict_proba")):
            needed = f"{cls.__name__} needs a classifier with predict_proba"
            raise ValueError(f"{needed}; got {estimator}.")
        check_is_fitted(estimator)
        if image_shape is None:
            image_shape = getattr(estimator, "image_shape_", None)
        return cls.from_predictions(
            X,
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            n_images=n_images,
            image_shape=image_shape,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        classes: ArrayLike | None = None,
        n_images: int = 12,
        image_shape: Sequence[int] | None = None,
        ax: AxesOrNone = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the mistakes in given predictions.

        Parameters
        ----------
        X : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            The images.
        y_true : array-like of shape (n,)
            Their true labels.
        y_proba : array-like of shape (n, n_classes)
            The predicted probabilities of the classes.
        classes : array-like of shape (n_classes,), default=None
            The labels of the columns of `y_proba`; None for 0, 1, 2, ...
        n_images : int, default=12
            How many mistakes to draw at most.
        image_shape : tuple of 2 or 3 int, default=None
            ``(height, width)`` or ``(height, width, n_channels)`` of the images that
            rows of pixels hold. None infers it: a square if possible.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : MistakesDisplay
            With everything drawn.

        Raises
        ------
        ValueError
            If `X`, `y_true`, `y_proba`, `classes` and `image_shape` do not fit
            together.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        images, true = as_images(X, image_shape), column_or_1d(y_true)
        proba = check_array(y_proba)
        check_consistent_length(images, true, proba)
        n_columns = proba.shape[1]
        labels = np.arange(n_columns) if classes is None else column_or_1d(classes)
        if len(labels) != n_columns:
            raise ValueError(
                f"y_proba has {n_columns} columns; expected {len(labels)}, one for "
                "each of classes."
            )
        y_pred, probability = labels[proba.argmax(axis=1)], proba.max(axis=1)
        mistakes = np.flatnonzero(y_pred != true)
        mistakes = mistakes[np.argsort(-probability[mistakes], kind="stable")]
        drawn = (values[mistakes] for values in (images, true, y_pred, probability))
        display = cls(*drawn, n_samples=len(images))
        return display.plot(ax, n_images=n_images, **kwargs)

    def plot(self, ax: AxesOrNone = None, *, n_images: int = 12, **kwargs: Any) -> Self:
        """Draw the first, most confident mistakes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        n_images : int, default=12
            How many to draw at most.
        **kwargs : dict
            Passed to :meth:`DigitsDisplay.plot`: `n_columns`, `cmap`, `im_kw` and
            `text_kw`.

        Returns
        -------
        display : MistakesDisplay
            Itself.

        Raises
        ------
        ValueError
            If `n_images` or `n_columns` is not positive.
        TypeError
            If one of them is not an integer.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        predicted = zip(self.y_true, self.y_pred, self.probability, strict=True)
        captions = [
            f"{true} \N{RIGHTWARDS ARROW} {pred}\n{probability:.1%}"
            for true, pred, probability in predicted
        ]
        grid = DigitsDisplay(self.images, captions)
        grid.plot(ax, n_images=n_images, **kwargs)
        self.ax_, self.figure_ = grid.ax_, grid.figure_
        self.images_, self.text_ = grid.images_, grid.text_
        n_mistakes = len(self.images)
        title = f"{n_mistakes:,} mistake{'s' * (n_mistakes != 1)}"
        if self.n_samples is not None:
            title += f" in {self.n_samples:,} images"
        self.ax_.set_title(title, fontsize="medium")
        return self
