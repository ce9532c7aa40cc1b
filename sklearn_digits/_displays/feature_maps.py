"""FeatureMapDisplay: what kernels see in an image."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._displays.grid import Keywords, color_scale, draw_grid, signed_scale
from sklearn_digits._displays.kernels import convolution_layer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from numpy.typing import ArrayLike


def _maps_of_transformer(
    transformer: Any, X: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Return maps (n_maps, height, width) of the one image in `X`, and their names."""
    maps = transformer.feature_maps(X)[0]
    features = transformer.get_feature_names_out()[:: maps[0].size]
    return maps, [feature.removesuffix("_r0_c0") for feature in features]


def _maps_of_network(
    classifier: Any, X: np.ndarray, layer: int
) -> tuple[np.ndarray, list[str]]:
    """Return what a convolution layer makes of the one image in `X`."""
    passed = []
    # A copy: the layers behind may work in place.
    hook = convolution_layer(classifier, layer).register_forward_hook(
        lambda module, inputs, output: passed.append(output.detach().double().cpu())
    )
    try:
        classifier.predict_proba(X)
    finally:
        hook.remove()
    maps = passed[0][0].numpy()
    return maps, [str(i) for i in range(len(maps))]


class FeatureMapDisplay:
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
    image_ : matplotlib AxesImage or None
        The image, if there is one.
    maps_ : list of matplotlib AxesImage
        The maps drawn, row by row.
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

    def __init__(
        self,
        maps: np.ndarray,
        names: Sequence[str] | None = None,
        image: np.ndarray | None = None,
    ) -> None:
        self.maps = maps
        self.names = names
        self.image = image

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        image: ArrayLike,
        *,
        layer: int = 0,
        ax: Axes | None = None,
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
            normalisation and activation.
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
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        X = np.asarray(image)[np.newaxis]
        if hasattr(estimator, "feature_maps"):
            maps, names = _maps_of_transformer(estimator, X)
        elif hasattr(estimator, "module_"):
            maps, names = _maps_of_network(estimator, X, layer)
        else:
            raise ValueError(
                f"{estimator} has neither feature_maps nor a module_; expected a "
                "ConvolutionFeatureTransformer or a network: the step of a pipeline, "
                "the best_estimator_ of a search."
            )
        if hasattr(estimator, "image_shape_"):
            X = X.reshape(1, *estimator.image_shape_)
        return cls(maps, names, X[0]).plot(ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        n_maps: int = 32,
        n_columns: int | None = None,
        cmap: str | Colormap | None = None,
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
            The colours of the maps. None means ``"RdBu_r"`` if there are negative
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
            If one of them is no integer.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        check_scalar(n_maps, "n_maps", Integral, min_val=1)
        maps = np.asarray(self.maps)[:n_maps]
        names = [] if self.names is None else list(self.names)[:n_maps]
        signed = maps.min() < 0
        scale = signed_scale(maps) if signed else {"vmin": 0, "vmax": maps.max()}
        im_kw = {
            "cmap": cmap or ("RdBu_r" if signed else "gray"),
            "interpolation": "nearest",
            **scale,
            **(im_kw or {}),
        }
        tiles, cell = [(one, im_kw) for one in maps], maps.shape[1:]
        if self.image is not None:
            [image], grey = color_scale(self.image[np.newaxis])
            tiles = [
                (image, {"cmap": "gray", "interpolation": "nearest", **grey}),
                *tiles,
            ]
            names, cell = names and ["image", *names], image.shape[:2]
        self.ax_, drawn, self.text_ = draw_grid(
            ax, cell, tiles, names, n_columns, text_kw
        )
        self.image_ = None if self.image is None else drawn.pop(0)
        self.maps_, self.figure_ = drawn, self.ax_.figure
        return self
