"""KernelDisplay: what the kernels of a convolution look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._displays.grid import (
    AxesOrNone,
    Cmap,
    GridDisplay,
    Keywords,
    check_matplotlib,
    signed_scale,
)
from sklearn_digits._transformer.kernels import Kernels, frame_kernels, kernel_bank


def convolution_layer(estimator: Any, layer: int, instead: str) -> Any:
    """Return the `layer`-th submodule of `estimator.module_` that has 2-D kernels.

    Raises
    ------
    ValueError
        If `estimator` lacks a module, or the module such a submodule. `instead` names
        the attribute that a :class:`ConvolutionFeatureTransformer` has in its place.
    """
    if not hasattr(estimator, "module_"):
        raise ValueError(
            f"{estimator} has neither {instead} nor a module_; expected a "
            "ConvolutionFeatureTransformer or a network: the step of a pipeline, "
            "the best_estimator_ of a search."
        )
    layers = [
        module
        for module in estimator.module_.modules()
        if getattr(getattr(module, "weight", None), "ndim", 0) == 4
    ]
    if not -len(layers) <= layer < len(layers):
        raise ValueError(
            f"layer={layer}; the network of {estimator} has {len(layers)} convolution "
            "layers, counted from 0."
        )
    return layers[layer]


@dataclass(eq=False, repr=False)
class KernelDisplay(GridDisplay):
    """Kernels as pictures: red where they count bright pixels, blue where dark ones.

    White is zero. Each kernel has a scale of its own, since only its pattern says what
    it responds to.

    It is recommended to use :meth:`from_kernels` or :meth:`from_estimator`. All
    parameters are stored as attributes.

    Parameters
    ----------
    kernels : ndarray of shape (n_kernels, kernel_height, kernel_width)
        The kernels, of any real dtype.
    names : sequence of str, default=None
        What to write above each of them.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with all the kernels.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    images_ : list of matplotlib AxesImage
        The kernels drawn, row by row.
    text_ : list of matplotlib Text
        Their names; empty without `names`.

    See Also
    --------
    kernel_bank : The kernels that have names.
    FeatureMapDisplay : What kernels see in an image.
    PixelGridDisplay : A kernel over an image, in numbers.

    Notes
    -----
    Built as the displays of scikit-learn, such as
    :class:`~sklearn.metrics.ConfusionMatrixDisplay`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn_digits import KernelDisplay
    >>> display = KernelDisplay.from_kernels("edges4")
    >>> [text.get_text() for text in display.text_]
    ['vertical', 'horizontal', 'diagonal', 'antidiagonal']
    >>> plt.show()
    """

    kernels: np.ndarray
    names: Sequence[str] | None = None

    @classmethod
    def from_kernels(
        cls, kernels: Kernels | None = None, *, ax: AxesOrNone = None, **kwargs: Any
    ) -> Self:
        """Draw kernels by name, or one's own.

        Parameters
        ----------
        kernels : str, list of str, dict or array-like, default=None
            What :func:`kernel_bank` takes; None means every kernel that has a name.
            Kernels of unequal size are laid with their centers on one another.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : KernelDisplay
            With everything drawn.

        Raises
        ------
        ValueError
            If `kernels` is nothing that :func:`kernel_bank` takes.
        TypeError
            If a kernel does not hold real numbers.
        """
        check_matplotlib(f"{cls.__name__}.from_kernels")
        bank = kernel_bank(kernels)
        return cls(frame_kernels(bank), list(bank)).plot(ax, **kwargs)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, layer: int = 0, ax: AxesOrNone = None, **kwargs: Any
    ) -> Self:
        """Draw the kernels of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted :class:`ConvolutionFeatureTransformer`, or a classifier whose
            `module_` has convolution layers: those kernels are learned.
        layer : int, default=0
            Which convolution layer of a network, counted from 0; negative numbers
            count from the last. Kernel ``i`` of a layer with several input channels
            is drawn as ``i_ch0``, ``i_ch1``, ...
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : KernelDisplay
            With everything drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `estimator` has no kernels, or no such layer.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if hasattr(estimator, "kernels_"):
            kernels, names = estimator.kernels_, list(estimator.kernel_names_)
        else:
            weight = convolution_layer(estimator, layer, instead="kernels_").weight
            n_kernels, n_channels, *sides = weight.shape
            kernels = weight.detach().cpu().double().numpy().reshape(-1, *sides)
            names = [
                f"{i}_ch{channel}" if n_channels > 1 else str(i)
                for i, channel in np.ndindex(n_kernels, n_channels)
            ]
        return cls(kernels, names).plot(ax, **kwargs)

    def plot(
        self,
        ax: AxesOrNone = None,
        *,
        n_kernels: int = 32,
        n_columns: int | None = None,
        cmap: Cmap = "RdBu_r",
        im_kw: Keywords | None = None,
        text_kw: Keywords | None = None,
    ) -> Self:
        """Draw the first kernels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        n_kernels : int, default=32
            How many to draw at most.
        n_columns : int, default=None
            How many to draw side by side. None makes the grid about twice as wide as
            high.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colors from negative to positive, zero in the middle.
        im_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.imshow`.
        text_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.text`.

        Returns
        -------
        display : KernelDisplay
            Itself.

        Raises
        ------
        ValueError
            If `n_kernels` or `n_columns` is not positive.
        TypeError
            If one of them is not an integer.
        """
        check_scalar(n_kernels, "n_kernels", Integral, min_val=1)
        tiles = [
            (kernel, {"cmap": cmap, **signed_scale(kernel), **(im_kw or {})})
            for kernel in np.asarray(self.kernels)[:n_kernels]
        ]
        return self._draw(ax, tiles, self.names, n_columns, text_kw)
