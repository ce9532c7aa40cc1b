"""TrainingCurveDisplay: a fit, epoch by epoch."""

from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted


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
