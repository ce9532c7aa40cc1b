"""TrainingCurveDisplay: a fit, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from sklearn.utils.validation import check_is_fitted

from sklearn_digits._displays.grid import (
    AxesOrNone,
    Keywords,
    check_matplotlib,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

Curve: TypeAlias = Sequence[float]


def _draw_curves(
    ax: Axes, what: str, curves: tuple[Curve | None, Curve | None], line_kw: Keywords
) -> dict[str, Line2D]:
    """Draw one or two curves of a value by epoch into an Axes that has their color.

    Parameters
    ----------
    ax : matplotlib Axes
    what : str
        What the curves show.
    curves : tuple of 2
        What was measured on the training rows and on the validation set, or None.
    line_kw : dict

    Returns
    -------
    lines : dict of str to Line2D
        The lines drawn, by where they were measured, "training" or "validation".
    """
    lines: dict[str, Line2D] = {}
    places = ("training", "-"), ("validation", "--")
    for (where, linestyle), values in zip(places, curves, strict=True):
        if values is not None:
            style: Keywords = {"label": f"{where} {what}", "linestyle": linestyle}
            # A single epoch is a point, which a line alone would not show.
            style |= {"marker": "o" if len(values) <= 20 else None, "markersize": 4}
            epochs = range(1, len(values) + 1)
            [lines[where]] = ax.plot(epochs, values, **(style | line_kw))
    first, *others = lines.values()
    color = first.get_color()
    ax.set_ylabel(what if others else str(first.get_label()), color=color)
    ax.tick_params(axis="y", labelcolor=color)
    return lines


@dataclass(eq=False, repr=False)
class TrainingCurveDisplay:
    """The loss and the score of a network, epoch by epoch.

    What was measured on the training rows is drawn as a solid line, on the validation
    set as a dashed one: where they part, the network begins to learn by heart.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as
    attributes.

    Parameters
    ----------
    loss_curve : sequence of float
        The training loss of each epoch.
    validation_scores : sequence of float, default=None
        The score on the validation set after each epoch.
    validation_loss_curve : sequence of float, default=None
        The loss on the validation set after each epoch.
    training_scores : sequence of float, default=None
        The score on the training rows after each epoch.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes of the loss.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    line_ : matplotlib Line2D
        The training loss.
    validation_line_ : matplotlib Line2D or None
        The validation loss, if there is one.
    score_ax_ : matplotlib Axes or None
        The Axes of the scores, which shares the epochs of `ax_` and has its scale on
        the right; None if the fit has no score.
    score_line_ : matplotlib Line2D or None
        The validation score, if there is one.
    training_score_line_ : matplotlib Line2D or None
        The training score, if there is one.
    legend_ : matplotlib Legend or None
        Names the lines; None where the labels of the axes do.

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

    loss_curve: Curve
    validation_scores: Curve | None = None
    _: KW_ONLY
    validation_loss_curve: Curve | None = None
    training_scores: Curve | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        training_scores: Curve | None = None,
        ax: AxesOrNone = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the curves of a fitted network.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `loss_curve_` and maybe `validation_loss_curve_` and
            `validation_scores_`: those of this package, and scikit-learn's own.
        training_scores : sequence of float, default=None
            The score on the training rows after each epoch, which a fit does not
            record by itself: a column of `history_`, say, that a callback of skorch's
            wrote.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            With everything drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `estimator` has no `loss_curve_`.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "loss_curve_"):
            raise ValueError(
                f"{estimator} has no loss_curve_; expected a network fitted epoch by "
                "epoch: the last step of a pipeline, the best_estimator_ of a search."
            )
        return cls(
            estimator.loss_curve_,
            getattr(estimator, "validation_scores_", None),
            validation_loss_curve=getattr(estimator, "validation_loss_curve_", None),
            training_scores=training_scores,
        ).plot(ax, **kwargs)

    def plot(
        self,
        ax: AxesOrNone = None,
        *,
        line_kw: Keywords | None = None,
        score_line_kw: Keywords | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure.
        line_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.plot` for the losses.
        score_line_kw : dict, default=None
            The same for the scores.

        Returns
        -------
        display : TrainingCurveDisplay
            Itself.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            ax = plt.figure(layout="constrained").add_subplot()
        self.ax_, self.figure_ = ax, ax.figure
        losses = self.loss_curve, self.validation_loss_curve
        scores = self.training_scores, self.validation_scores
        lines = _draw_curves(ax, "loss", losses, {"color": "C0", **(line_kw or {})})
        drawn = [*lines.values()]
        self.line_, self.validation_line_ = lines["training"], lines.get("validation")
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.spines[["top", "right"]].set_visible(False)
        self.score_ax_ = self.training_score_line_ = self.score_line_ = None
        if any(curve is not None for curve in scores):
            self.score_ax_ = ax.twinx()
            self.score_ax_.spines["top"].set_visible(False)
            style = {"color": "C1", **(score_line_kw or {})}
            lines = _draw_curves(self.score_ax_, "score", scores, style)
            drawn += lines.values()
            self.training_score_line_ = lines.get("training")
            self.score_line_ = lines.get("validation")
        self.legend_ = None
        # A label of an Axes names one line, not two.
        if len(drawn) > len({line.axes for line in drawn}):
            # On the Axes drawn last, so that no line crosses it.
            top = self.score_ax_ or ax
            self.legend_ = top.legend(
                handles=drawn, loc="center right", fontsize="small"
            )
        return self
