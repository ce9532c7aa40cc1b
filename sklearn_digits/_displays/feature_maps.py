"""FeatureMapDisplay: what kernels see in an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._displays.grid import (
    AxesOrNone,
    Cmap,
    GridDisplay,
    Keywords,
    check_matplotlib,
    color_scale,
    signed_scale,
)
from sklearn_digits._displays.kernels import convolution_layer

NamedMaps: TypeAlias = tuple[np.ndarray, list[str]]


def _maps_of_transformer(transformer: Any, X: np.ndarray) -> NamedMaps:
    """Return maps (n_maps, height, width) of the one image in `X`, and their names."""
    maps = transformer.feature_maps(X)[0]
    features = transformer.get_feature_names_out()[:: maps[0].size]
    return maps, [feature.removesuffix("_r0_c0") for feature in features]


def _maps_of_network(classifier: Any, X: np.ndarray, layer: int) -> NamedMaps:
    """Return what a convolution layer makes of the one image in `X`."""
    passed = []
    # A copy: the layers behind may work in place.
    with convolution_layer(classifier, layer, "feature_maps").register_forward_hook(
        lambda module, inputs, output: passed.append(output.detach().double().cpu())
    ):
        classifier.predict_proba(X)
    maps = passed[0][0].numpy()
    return maps, [*map(str, range(len(maps)))]


@dataclass(eq=False, repr=False)
class FeatureMapDisplay(GridDisplay):
    """An image, and the maps that kernels make of it.

    All maps share one scale, so that a faint response looks faint. Maps with negative
    values are drawn red and blue, white at zero; others from dark to bright.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as
    attributes.

    Parameters
    ----------
    maps : ndarray of shape (n_maps, map_height, map_width)
        The maps of one image.
    names : sequence of str, default=None
        What to write above each of them.
    image : ndarray of shape (height, width, n_channels), default=None
        The image, drawn before the maps.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the image and all the maps.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    images_ : list of matplotlib AxesImage
        The image, if there is one, and the maps, row by row.
    image_ : matplotlib AxesImage or None
        The image, if there is one.
    maps_ : list of matplotlib AxesImage
        The maps alone.
    text_ : list of matplotlib Text
        What is written above image and maps; empty without `names`.

    See Also
    --------
    ConvolutionFeatureTransformer.feature_maps : The maps as an array.
    KernelDisplay : The kernels that make the maps.

    Notes
    -----
    Built as the displays of scikit-learn, such as
    :class:`~sklearn.metrics.ConfusionMatrixDisplay`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_digits import ConvolutionFeatureTransformer, FeatureMapDisplay
    >>> images = load_digits().images
    >>> edges = ConvolutionFeatureTransformer("edges").fit(images)
    >>> display = FeatureMapDisplay.from_estimator(edges, images[0])
    >>> [text.get_text() for text in display.text_]
    ['image', 'vertical', 'horizontal']
    >>> plt.show()
    """

    maps: np.ndarray
    names: Sequence[str] | None = None
    image: np.ndarray | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        image: ArrayLike,
        *,
        layer: int = 0,
        ax: AxesOrNone = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the maps that a fitted estimator makes of an image.

        Parameters
        ----------
        estimator : estimator
            A fitted :class:`ConvolutionFeatureTransformer`, or a classifier whose
            `module_` has convolution layers.
        image : array-like of shape (n_pixels,), (height, width) or \
                (height, width, n_channels)
            One image, of the shape and on the scale that `estimator` was fitted with.
        layer : int, default=0
            Which convolution layer of a network, counted from 0; negative numbers
            count from the last. The maps are what this layer gives, before
            normalization and activation.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : FeatureMapDisplay
            With everything drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `estimator` makes no maps, has no such layer, or was fitted with images
            of another shape.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        X = np.asarray(image)[np.newaxis]
        if hasattr(estimator, "feature_maps"):
            maps, names = _maps_of_transformer(estimator, X)
        else:
            maps, names = _maps_of_network(estimator, X, layer)
        if hasattr(estimator, "image_shape_"):
            X = X.reshape(1, *estimator.image_shape_)
        return cls(maps, names, X[0]).plot(ax, **kwargs)

    def plot(
        self,
        ax: AxesOrNone = None,
        *,
        n_maps: int = 32,
        n_columns: int | None = None,
        cmap: Cmap | None = None,
        im_kw: Keywords | None = None,
        text_kw: Keywords | None = None,
    ) -> Self:
        """Draw the image and the first maps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        n_maps : int, default=32
            How many maps to draw at most.
        n_columns : int, default=None
            How many to draw side by side. None makes the grid about twice as wide as
            high.
        cmap : str or matplotlib Colormap, default=None
            The colors of the maps. None means ``"RdBu_r"`` if there are negative
            values, else ``"gray"``.
        im_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.imshow` for the maps.
        text_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.text`.

        Returns
        -------
        display : FeatureMapDisplay
            Itself.

        Raises
        ------
        ValueError
            If `n_maps` or `n_columns` is not positive.
        TypeError
            If one of them is not an integer.
        """
        check_scalar(n_maps, "n_maps", Integral, min_val=1)
        maps = np.asarray(self.maps)[:n_maps]
        names = [] if self.names is None else list(self.names)
        if maps.min() < 0:
            style = {"cmap": cmap or "RdBu_r", **signed_scale(maps)}
        else:
            style = {"cmap": cmap or "gray", "vmin": 0, "vmax": maps.max()}
        tiles = [(one, {**style, **(im_kw or {})}) for one in maps]
        if self.image is not None:
            [image], gray = color_scale(self.image[np.newaxis])
            tiles = [(image, {"cmap": "gray", **gray}), *tiles]
            names = names and ["image", *names]
        self._draw(ax, tiles, names, n_columns, text_kw)
        self.image_ = None if self.image is None else self.images_[0]
        self.maps_ = self.images_[-len(maps) :]
        return self
