"""Pictures of digits, of a fit and of its mistakes, after scikit-learn's displays.

A display stores what it shows, and `plot` draws it into one matplotlib Axes; what was
drawn stays reachable, to be changed, as attributes. Estimators are read by their
fitted attributes alone.
"""

from math import ceil, sqrt
from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_scalar,
    column_or_1d,
)
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._images import flatten_images, resolve_image_shape


def _as_images(X, image_shape):
    """Return `X` as an array of shape (n, height, width, n_channels)."""
    X, seen_shape = flatten_images(X)
    X = check_array(X, input_name="X")
    return X.reshape(-1, *resolve_image_shape(X.shape[1], image_shape, seen_shape))


def _color_scale(images):
    """Return `images` as matplotlib takes them, and the range of the grey ones.

    One scale for all, so that a faint image looks faint beside the others.
    """
    low, high = (images.min(), images.max()) if images.size else (0, 1)
    if images.shape[3] == 1:
        return images[..., 0], {"vmin": low, "vmax": high}
    if images.dtype != np.uint8 and (low < 0 or high > 1):
        images = (images - float(low)) / (float(high) - float(low) or 1.0)
    return images, {}


def _draw_grid(ax, images, captions, n_columns, cmap, im_kw, text_kw):
    """Draw images row by row into one Axes, each with its caption above.

    Returns the Axes, new if `ax` is None, and the lists of what it now holds.
    """
    import matplotlib.pyplot as plt

    height, width = images.shape[1:3]
    n_rows = max(1, round(sqrt(len(images) / 2)))  # about twice as wide as high
    n_columns = n_columns or max(1, ceil(len(images) / n_rows))
    n_rows = max(1, ceil(len(images) / n_columns))
    lines = [text.split("\n") for text in captions]
    n_lines = max(map(len, lines), default=0)
    n_letters = max((len(line) for text in lines for line in text), default=1)
    gap, line = 0.16 * max(height, width), 0.2 * max(height, width)
    cell_width, cell_height = width + gap, height + gap + n_lines * line
    grid_width, grid_height = n_columns * cell_width - gap, n_rows * cell_height
    if ax is None:
        inch = 0.85 / max(height, width)
        size = (max(grid_width * inch, 3), grid_height * inch + 0.3)
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    else:
        box = ax.get_window_extent()
        inch = min(box.width / grid_width, box.height / grid_height) / ax.figure.dpi
    # Captions fit their cells: a letter takes about 0.65 of the font size.
    room = min(0.85 * line, cell_width / (0.65 * max(n_letters, 1)))
    fontsize = min(10, 72 * inch * room)
    text_kw = {"ha": "center", "va": "bottom", "fontsize": fontsize, **(text_kw or {})}
    images, scale = _color_scale(images)
    im_kw = {"cmap": cmap, "interpolation": "nearest", **scale, **(im_kw or {})}
    images_, text_ = [], []
    for i, image in enumerate(images):
        left, bottom = i % n_columns * cell_width, (i // n_columns + 1) * cell_height
        extent = (left, left + width, bottom, bottom - height)
        images_.append(ax.imshow(image, extent=extent, **im_kw))
        if captions:
            x, y = left + width / 2, bottom - height - gap / 3
            text_.append(ax.text(x, y, captions[i], **text_kw))
    ax.set(xlim=(0, grid_width), ylim=(grid_height, 0), aspect="equal")
    ax.set_axis_off()
    return ax, images_, text_


def _draw_curve(ax, values, label, color, line_kw):
    """Draw one value an epoch; return the line, whose colour names its axis."""
    epochs = range(1, len(values) + 1)
    # A single epoch is a point, which a line alone would not show.
    marker = "o" if len(values) <= 20 else None
    style = {"color": color, "marker": marker, "markersize": 4, **(line_kw or {})}
    [line] = ax.plot(epochs, values, label=label, **style)
    ax.set_ylabel(label, color=line.get_color())
    ax.tick_params(axis="y", labelcolor=line.get_color())
    return line


class DigitsDisplay:
    """A grid of images with their labels.

    It is recommended to use :meth:`from_images`. All parameters are stored as
    attributes.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
        Of any real dtype and scale. Grey images share one scale, the lowest of all
        their pixels to the highest. Colours of uint8 are 0 to 255 and others 0 to 1;
        colours that leave this range are scaled into it, all alike.
    labels : ndarray of shape (n,), default=None
        What to write above each image.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with all the images.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    images_ : list of matplotlib AxesImage
        The images drawn, row by row.
    text_ : list of matplotlib Text
        Their labels; empty without `labels`.

    See Also
    --------
    MistakesDisplay : The images that a classifier gets wrong.

    Notes
    -----
    Built as the displays of scikit-learn, such as
    :class:`~sklearn.metrics.ConfusionMatrixDisplay`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_digits import DigitsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = DigitsDisplay.from_images(X, y, n_images=10)
    >>> [text.get_text() for text in display.text_[:3]]
    ['0', '1', '2']
    >>> plt.show()
    """

    def __init__(self, images, labels=None):
        self.images = images
        self.labels = labels

    @classmethod
    def from_images(
        cls, images, labels=None, *, n_images=32, image_shape=None, ax=None, **kwargs
    ):
        """Draw the first of some images.

        Parameters
        ----------
        images : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            Grey or colour, of any real dtype and scale.
        labels : array-like of shape (n,), default=None
            What to write above each image.
        n_images : int, default=32
            How many to draw at most.
        image_shape : tuple of 2 or 3 int, default=None
            ``(height, width)`` or ``(height, width, n_channels)`` of the images that
            rows of pixels hold. None infers it: a square if possible.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : DigitsDisplay

        Raises
        ------
        ValueError
            If `images` holds none, or no numbers, or does not fit `image_shape` or the
            number of `labels`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_images")
        images = _as_images(images, image_shape)
        if labels is not None:
            labels = column_or_1d(labels)
            check_consistent_length(images, labels)
        return cls(images, labels).plot(ax, n_images=n_images, **kwargs)

    def plot(
        self,
        ax=None,
        *,
        n_images=32,
        n_columns=None,
        cmap="gray",
        im_kw=None,
        text_kw=None,
    ):
        """Draw the first images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        n_images : int, default=32
            How many to draw at most.
        n_columns : int, default=None
            How many to draw side by side. None makes the grid about twice as wide as
            high.
        cmap : str or matplotlib Colormap, default="gray"
            The colours of grey images: low values dark, as they are stored.
            ``"gray_r"`` shows digits as ink on paper.
        im_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.imshow`.
        text_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.text`.

        Returns
        -------
        display : DigitsDisplay
            Itself.

        Raises
        ------
        ValueError
            If `n_images` or `n_columns` is not positive.
        TypeError
            If one of them is no integer.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        check_scalar(n_images, "n_images", Integral, min_val=1)
        if n_columns is not None:
            check_scalar(n_columns, "n_columns", Integral, min_val=1)
        labels = [] if self.labels is None else self.labels[:n_images]
        self.ax_, self.images_, self.text_ = _draw_grid(
            ax,
            self.images[:n_images],
            [str(label) for label in labels],
            n_columns,
            cmap,
            im_kw,
            text_kw,
        )
        self.figure_ = self.ax_.figure
        return self


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

    def __init__(self, images, y_true, y_pred, probability, *, n_samples=None):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.probability = probability
        self.n_samples = n_samples

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, n_images=12, image_shape=None, ax=None, **kwargs
    ):
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

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `estimator` is no classifier with `predict_proba`, or if `X`, `y` and
            `image_shape` do not fit together.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        if not (is_classifier(estimator) and hasattr(estimator, "predict_proba")):
            raise ValueError(
                f"{cls.__name__} needs a classifier with predict_proba; got "
                f"{estimator}."
            )
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
        X,
        y_true,
        y_proba,
        *,
        classes=None,
        n_images=12,
        image_shape=None,
        ax=None,
        **kwargs,
    ):
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

        Raises
        ------
        ValueError
            If `X`, `y_true`, `y_proba`, `classes` and `image_shape` do not fit
            together.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        images, y_true = _as_images(X, image_shape), column_or_1d(y_true)
        y_proba = check_array(y_proba)
        check_consistent_length(images, y_true, y_proba)
        classes = (
            np.arange(y_proba.shape[1]) if classes is None else column_or_1d(classes)
        )
        if len(classes) != y_proba.shape[1]:
            raise ValueError(
                f"y_proba has {y_proba.shape[1]} columns; expected {len(classes)}, one "
                "for each of classes."
            )
        y_pred, probability = classes[y_proba.argmax(axis=1)], y_proba.max(axis=1)
        mistakes = np.flatnonzero(y_pred != y_true)
        mistakes = mistakes[np.argsort(-probability[mistakes], kind="stable")]
        return cls(
            images[mistakes],
            y_true[mistakes],
            y_pred[mistakes],
            probability[mistakes],
            n_samples=len(images),
        ).plot(ax, n_images=n_images, **kwargs)

    def plot(self, ax=None, *, n_images=12, **kwargs):
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
            If one of them is no integer.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        captions = [
            f"{true} \N{RIGHTWARDS ARROW} {pred}\n{probability:.1%}"
            for true, pred, probability in zip(
                self.y_true, self.y_pred, self.probability, strict=True
            )
        ]
        grid = DigitsDisplay(self.images, captions).plot(
            ax, n_images=n_images, **kwargs
        )
        self.ax_, self.figure_ = grid.ax_, grid.figure_
        self.images_, self.text_ = grid.images_, grid.text_
        n_mistakes = len(self.images)
        title = f"{n_mistakes:,} mistake{'s' * (n_mistakes != 1)}"
        if self.n_samples is not None:
            title += f" in {self.n_samples:,} images"
        self.ax_.set_title(title, fontsize="medium")
        return self


class TrainingCurveDisplay:
    """The loss of a network, epoch by epoch, and its validation score if it has one.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as
    attributes.

    Parameters
    ----------
    loss_curve : sequence of float
        The training loss of each epoch.
    validation_scores : sequence of float, default=None
        The score on the validation set after each epoch.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes of the loss.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    line_ : matplotlib Line2D
        The loss.
    score_ax_ : matplotlib Axes or None
        The Axes of the validation score, which shares the epochs of `ax_` and has its
        scale on the right; None if there is no score.
    score_line_ : matplotlib Line2D or None
        The validation score.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Score by the number of samples.

    Notes
    -----
    Built as the displays of scikit-learn, such as
    :class:`~sklearn.model_selection.LearningCurveDisplay`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn_digits import TrainingCurveDisplay
    >>> display = TrainingCurveDisplay([1.2, 0.6, 0.4], [0.81, 0.9, 0.93]).plot()
    >>> display.ax_.get_ylabel(), display.score_ax_.get_ylabel()
    ('training loss', 'validation score')
    >>> plt.show()
    """

    def __init__(self, loss_curve, validation_scores=None):
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **kwargs):
        """Draw the curve of a fitted network.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `loss_curve_` and maybe `validation_scores_`: those of this
            package, and scikit-learn's own.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `estimator` has no `loss_curve_`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "loss_curve_"):
            raise ValueError(
                f"{estimator} has no loss_curve_; expected a network fitted epoch by "
                "epoch: the last step of a pipeline, the best_estimator_ of a search."
            )
        scores = getattr(estimator, "validation_scores_", None)
        return cls(estimator.loss_curve_, scores).plot(ax, **kwargs)

    def plot(self, ax=None, *, line_kw=None, score_line_kw=None):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure.
        line_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.plot` for the loss.
        score_line_kw : dict, default=None
            The same for the validation score.

        Returns
        -------
        display : TrainingCurveDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            ax = plt.figure(layout="constrained").add_subplot()
        self.ax_, self.figure_ = ax, ax.figure
        self.line_ = _draw_curve(ax, self.loss_curve, "training loss", "C0", line_kw)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.spines[["top", "right"]].set_visible(False)
        self.score_ax_ = self.score_line_ = None
        if self.validation_scores is not None:
            self.score_ax_ = ax.twinx()
            self.score_ax_.spines["top"].set_visible(False)
            self.score_line_ = _draw_curve(
                self.score_ax_,
                self.validation_scores,
                "validation score",
                "C1",
                score_line_kw,
            )
        return self
