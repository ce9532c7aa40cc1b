"""DigitsDisplay: a grid of images with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length, check_scalar, column_or_1d

from sklearn_digits._displays.grid import (
    AxesOrNone,
    Cmap,
    GridDisplay,
    Keywords,
    check_matplotlib,
    color_scale,
)
from sklearn_digits._images.conversion import as_images


@dataclass(eq=False, repr=False)
class DigitsDisplay(GridDisplay):
    """A grid of images with their labels.

    It is recommended to use :meth:`from_images`. All parameters are stored as
    attributes.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
        Of any real dtype and scale. Gray images share one scale, the lowest of all
        their pixels to the highest. Colors of uint8 are 0 to 255 and others 0 to 1;
        colors that leave this range are scaled into it, all alike.
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

    images: np.ndarray
    labels: np.ndarray | Sequence[str] | None = None

    @classmethod
    def from_images(
        cls,
        images: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        n_images: int = 32,
        image_shape: Sequence[int] | None = None,
        ax: AxesOrNone = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the first of some images.

        Parameters
        ----------
        images : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            Gray or color, of any real dtype and scale.
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
            With everything drawn.

        Raises
        ------
        ValueError
            If `images` holds none, or no numbers, or does not fit `image_shape` or the
            number of `labels`.
        """
        check_matplotlib(f"{cls.__name__}.from_images")
        checked_images = as_images(images, image_shape)
        checked_labels = None if labels is None else column_or_1d(labels)
        check_consistent_length(checked_images, checked_labels)
        return cls(checked_images, checked_labels).plot(ax, n_images=n_images, **kwargs)

    def plot(
        self,
        ax: AxesOrNone = None,
        *,
        n_images: int = 32,
        n_columns: int | None = None,
        cmap: Cmap = "gray",
        im_kw: Keywords | None = None,
        text_kw: Keywords | None = None,
    ) -> Self:
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
            The colors of gray images: low values dark, as they are stored.
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
            If one of them is not an integer.
        """
        check_scalar(n_images, "n_images", Integral, min_val=1)
        images, scale = color_scale(self.images[:n_images])
        im_kw = {"cmap": cmap, **scale, **(im_kw or {})}
        tiles = [(image, im_kw) for image in images]
        return self._draw(ax, tiles, self.labels, n_columns, text_kw)
