"""TrainingCurveDisplay: a fit, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from sklearn.base import BaseEstimator
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._displays.grid import Keywords

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

Curve: TypeAlias = Sequence[float]


def _draw_curves(
    ax: Axes,
    what: str,
    curves: dict[str, Curve | None],
    color: str,
    line_kw: Keywords | None,
) -> list[Line2D | None]:
    """Draw curves of one value an epoch into an Axes that has their colour.

    Parameters
    ----------
    ax : matplotlib Axes
    what : str
        What the curves show.
    curves : dict of str to sequence of float or None
        Curves by where they were measured, "training" or "validation".
    color : str
    line_kw : dict or None

    Returns
    -------
    lines : list of Line2D or None
        One for each of `curves`, None for None.
    """
    lines: list[Line2D | None] = []
    for where, values in curves.items():
        if values is None:
            lines.append(None)
            continue
        style = {
            "color": color,
            "linestyle": "--" if where == "validation" else "-",
            # A single epoch is a point, which a line alone would not show.
            "marker": "o" if len(values) <= 20 else None,
            "markersize": 4,
            **(line_kw or {}),
        }
        epochs = range(1, len(values) + 1)
        lines += ax.plot(epochs, values, label=f"{where} {what}", **style)
    drawn = [line for line in lines if line is not None]
    label = str(drawn[0].get_label()) if len(drawn) == 1 else what
    ax.set_ylabel(label, color=drawn[0].get_color())
    ax.tick_params(axis="y", labelcolor=drawn[0].get_color())
    return lines


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
        the right; None if there is no score.
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

    def __init__(
        self,
        loss_curve: Curve,
        validation_scores: Curve | None = None,
        *,
        validation_loss_curve: Curve | None = None,
        training_scores: Curve | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.validation_loss_curve = validation_loss_curve
        self.training_scores = training_scores

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        training_scores: Curve | None = None,
        ax: Axes | None = None,
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
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
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
        ax: Axes | None = None,
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
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            ax = plt.figure(layout="constrained").add_subplot()
        self.ax_, self.figure_ = ax, ax.figure
        losses = {"training": self.loss_curve, "validation": self.validation_loss_curve}
        scores = {
            "training": self.training_scores,
            "validation": self.validation_scores,
        }
        self.line_, self.validation_line_ = _draw_curves(
            ax, "loss", losses, "C0", line_kw
        )
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.spines[["top", "right"]].set_visible(False)
        self.score_ax_ = self.training_score_line_ = self.score_line_ = None
        if any(curve is not None for curve in scores.values()):
            self.score_ax_ = ax.twinx()
            self.score_ax_.spines["top"].set_visible(False)
            self.training_score_line_, self.score_line_ = _draw_curves(
                self.score_ax_, "score", scores, "C1", score_line_kw
            )
        self.legend_ = self._name_lines()
        return self

    def _name_lines(self) -> Legend | None:
        """Add a legend if an Axes has two lines, which its label cannot name."""
        lines = [
            line
            for line in (
                self.line_,
                self.validation_line_,
                self.training_score_line_,
                self.score_line_,
            )
            if line is not None
        ]
        n_axes = 1 if self.score_ax_ is None else 2
        if len(lines) == n_axes:
            return None
        # On the Axes drawn last, so that no line crosses it.
        ax = self.ax_ if self.score_ax_ is None else self.score_ax_
        return ax.legend(handles=lines, loc="center right", fontsize="small")
