"""OcclusionDisplay: which pixels a prediction hangs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from math import ceil, sqrt
from numbers import Integral
from textwrap import wrap
from typing import Any, Literal, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import (
    _safe_indexing,
    check_consistent_length,
    check_scalar,
    column_or_1d,
)

from sklearn_digits._displays.grid import (
    AxesOrNone,
    Cmap,
    GridDisplay,
    Keywords,
    check_matplotlib,
    color_scale,
    signed_scale,
)
from sklearn_digits._explanation.class_score import ClassScore
from sklearn_digits._explanation.occlusion_map import occlusion_map
from sklearn_digits._images.conversion import as_images

COLORBAR_INCHES, TITLE_INCHES = 1.05, 0.6
LABEL_LETTERS = 15  # of a line beside the color bar, which may be one image high
# What the values of maps are called.
MAP_NAMES = {
    "occlusion": "drop of the {}",
    "integrated_gradients": "part of the logit",
}


@dataclass(eq=False, repr=False)
class OcclusionDisplay(GridDisplay):
    """Images, and beside each a map of what its prediction hangs on.

    Red pixels speak for the class that is named above the map, blue ones against it;
    white is zero. All maps share one scale. A thin line is the outline of a gray image.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as
    attributes.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
        The images that are explained.
    maps : ndarray of shape (n, height, width)
        Their maps, as :func:`occlusion_map` returns them.
    target : ndarray of shape (n,)
        The class that each map explains.
    score : ndarray of shape (n,)
        The score of that class for the whole image.
    y_true : ndarray of shape (n,), default=None
        The true classes, written above the images.
    score_name : {"probability", "decision value"}, default="probability"
        What `score` is. Probabilities are written as percentages.
    map_name : str, default="drop of the probability"
        What the values of the maps are, written beside the color bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with all images and maps.
    axes_ : list of matplotlib Axes
        `ax_`, and the Axes of the color bar if there is one.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    images_ : list of matplotlib AxesImage
        The images and the maps, each map behind its image, row by row.
    maps_ : list of matplotlib AxesImage
        The maps alone.
    colorbar_ : matplotlib Colorbar or None
        The color bar of the maps.
    text_ : list of matplotlib Text
        What is written above images and maps.

    See Also
    --------
    occlusion_map : The maps as an array.
    MistakesDisplay : The images that a classifier gets wrong.

    Notes
    -----
    Built as the displays of scikit-learn, such as
    :class:`~sklearn.metrics.ConfusionMatrixDisplay`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_digits import OcclusionDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = GaussianNB().fit(X[100:], y[100:])
    >>> display = OcclusionDisplay.from_estimator(classifier, X, y, n_images=3)
    >>> [text.get_text() for text in display.text_[:2]]
    ['true: 0', '0: 100.0%']
    >>> plt.show()
    """

    images: np.ndarray
    maps: np.ndarray
    target: np.ndarray
    score: np.ndarray
    y_true: np.ndarray | None = None
    _: KW_ONLY
    score_name: str = "probability"
    map_name: str = "drop of the probability"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        n_images: int = 6,
        target: ArrayLike | None = None,
        method: Literal["occlusion", "integrated_gradients"] = "occlusion",
        response_method: Literal["auto", "predict_proba", "decision_function"] = "auto",
        window: int | Literal["auto"] = "auto",
        stride: int | Literal["auto"] = "auto",
        fill: ArrayLike | Literal["background", "mean"] = "background",
        n_steps: int = 64,
        image_shape: Sequence[int] | None = None,
        batch_size: int = 256,
        verbose: bool = False,
        ax: AxesOrNone = None,
        **kwargs: Any,
    ) -> Self:
        """Explain the first of some images, and draw them with their maps.

        Parameters
        ----------
        estimator : classifier
            Fitted, with `predict_proba` or `decision_function`; a pipeline or a search,
            too.
        X : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            The images, in the form that `estimator` takes.
        y : array-like of shape (n,), default=None
            The true classes, to be written above the images.
        n_images : int, default=6
            How many to explain and draw at most.
        target : label, array-like of shape (n,) or None, default=None
            The class to explain, or one for each image. None explains the predicted
            class.
        method : {"occlusion", "integrated_gradients"}, default="occlusion"
            "integrated_gradients" is for a network, an estimator with `module_`. It
            tells how much each pixel adds to the logit of the class.
        response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
            The score that occlusion watches. "auto" is `predict_proba` if there is one.
            The decision values of a classifier that is very sure tell more than its
            probabilities, which hardly drop.
        window : int or "auto", default="auto"
            Side of the square that covers a part of the image, in pixels. "auto" is a
            quarter of the image's shorter side. Small windows find small parts, and
            miss what is still to be seen beside them.
        stride : int or "auto", default="auto"
            Largest distance between neighboring windows, `window` at most. "auto" is a
            quarter of `window`, rounded up. With 1 the map is finest and takes longest.
        fill : {"background", "mean"}, float or array-like of shape (n_channels,), \
                default="background"
            Color of what is covered. "background" is the median of the pixels at the
            border of the image: the paper around a digit, and one of the colors of a
            photograph. "mean" is the mean of the image. Both are taken from each image
            and channel.
        n_steps : int, default=64
            Images between a blank one, of the color `fill`, and the image itself, at
            which "integrated_gradients" differentiates the network. The more, the
            closer the map sums to the difference of the two logits.
        image_shape : tuple of 2 or 3 int, default=None
            ``(height, width)`` or ``(height, width, n_channels)`` of the images that
            rows of pixels hold. None takes `estimator.image_shape_` if there is one,
            else infers it: a square if possible.
        batch_size : int, default=256
            Images that `estimator` is given at once. Fewer take less memory.
        verbose : bool, default=False
            Whether to show a progress bar, which needs rich.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : OcclusionDisplay
            With everything drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` is not fitted.
        ValueError
            If :func:`occlusion_map` does not take `estimator` and `X` with these
            options, if `y` has another length than `X`, or if `n_images` is not
            positive.
        TypeError
            If `n_images` is not an integer.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        check_scalar(n_images, "n_images", Integral, min_val=1)
        several_targets = np.ndim(cast(ArrayLike, target)) > 0
        check_consistent_length(X, y, target if several_targets else None)
        first = slice(n_images)
        X = _safe_indexing(X, first)
        y_true = None if y is None else column_or_1d(y)[first]
        if several_targets:
            target = column_or_1d(target)[first]
        maps = occlusion_map(
            estimator,
            X,
            target=target,
            method=method,
            response_method=response_method,
            window=window,
            stride=stride,
            fill=fill,
            n_steps=n_steps,
            image_shape=image_shape,
            batch_size=batch_size,
            verbose=verbose,
        )
        score = ClassScore.of(estimator, X, target, response_method)
        return cls(
            as_images(X, image_shape, estimator),
            maps,
            score.labels,
            score(X, score.columns),
            y_true,
            score_name=score.name,
            map_name=MAP_NAMES[method].format(score.name),
        ).plot(ax, n_images=n_images, **kwargs)

    def plot(
        self,
        ax: AxesOrNone = None,
        *,
        n_images: int = 6,
        n_columns: int | None = None,
        cmap: Cmap = "RdBu_r",
        colorbar: bool = True,
        im_kw: Keywords | None = None,
        text_kw: Keywords | None = None,
    ) -> Self:
        """Draw the first images and their maps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        n_images : int, default=6
            How many images to draw at most, each with its map.
        n_columns : int, default=None
            How many images to draw side by side, each with its map. None makes the grid
            about twice as wide as high.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colors of the maps from negative to positive, zero in the middle.
        colorbar : bool, default=True
            Whether to draw a color bar for the maps.
        im_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.imshow` for the maps.
        text_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.text`.

        Returns
        -------
        display : OcclusionDisplay
            Itself.

        Raises
        ------
        ValueError
            If `n_images` or `n_columns` is not positive.
        TypeError
            If one of them is not an integer.
        """
        check_scalar(n_images, "n_images", Integral, min_val=1)
        images, gray = color_scale(self.images[:n_images])
        maps = np.asarray(self.maps)[:n_images]
        if n_columns is None:
            n_columns = ceil(sqrt(len(images)))
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
        style = {"cmap": cmap, **signed_scale(maps), **(im_kw or {})}
        tiles, captions = [], []
        for image, one, of_image, of_map in zip(
            images, maps, *self._captions(), strict=False
        ):
            tiles += [(image, {"cmap": "gray", **gray}), (one, style)]
            captions += [of_image, of_map]
        margins = (COLORBAR_INCHES * colorbar, TITLE_INCHES)
        self._draw(ax, tiles, captions, 2 * n_columns, text_kw, margins)
        self.maps_ = self.images_[1::2]
        self.ax_.set_title(
            "Red speaks for the class,\nblue against it", fontsize="medium"
        )
        self._draw_outlines(images)
        self.axes_, self.colorbar_ = [self.ax_], None
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(
                self.maps_[0],
                ax=self.ax_,
                label="\n".join(wrap(self.map_name, LABEL_LETTERS)),
            )
            self.axes_.append(self.colorbar_.ax)
        return self

    def _captions(self) -> tuple[list[str], list[str]]:
        """Return what is written above the images, and above the maps."""
        if self.y_true is None:
            above_images = [""] * len(self.images)
        else:
            above_images = [f"true: {label}" for label in self.y_true]
        style = ".1%" if self.score_name == "probability" else ".2f"
        scored = zip(self.target, self.score, strict=True)
        return above_images, [f"{label}: {score:{style}}" for label, score in scored]

    def _draw_outlines(self, images: np.ndarray) -> None:
        """Draw the outline of each gray image over its map."""
        for image, drawn in zip(images, self.maps_, strict=True):
            if image.ndim == 2 and min(image.shape) > 1 and image.min() < image.max():
                left, right, bottom, top = drawn.get_extent()
                height, width = image.shape
                self.ax_.contour(
                    left + (np.arange(width) + 0.5) * (right - left) / width,
                    top + (np.arange(height) + 0.5) * (bottom - top) / height,
                    image,
                    levels=[(float(image.min()) + float(image.max())) / 2],
                    colors="black",
                    linewidths=0.7,
                )
