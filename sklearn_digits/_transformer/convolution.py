"""Fixed kernels as a transformer: images in, maps of edges out.

A convolution layer whose weights are not learned, and what usually follows one:
rectification, pooling, a power. All of it works on a few images at a time.
"""

from collections.abc import Sequence
from dataclasses import field
from math import prod
from numbers import Integral, Real
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_digits._estimator import Estimator, copied
from sklearn_digits._images.conversion import flatten_images
from sklearn_digits._images.shape import (
    BORDER_MODES,
    ImageShape,
    check_same_images,
    refuse_single_image,
    resolve_image_shape,
)
from sklearn_digits._images.statistics import largest_pixel, no_less_than_pixels
from sklearn_digits._transformer.correlation import BatchedCorrelation, Geometry
from sklearn_digits._transformer.kernels import Kernels, frame_kernels, kernel_bank
from sklearn_digits._transformer.pooling import (
    count_windows,
    pool_max,
    pool_mean,
    rectify,
)

# Converted piece by piece, never as a whole; anything else becomes float64.
_INPUT_DTYPES = (np.float64, np.float32, np.uint8)
# What the work on one piece of X may take: large enough to hide the cost of calling
# NumPy, small enough for a core's caches.
_PIECE_BYTES = 2**21


class ConvolutionFeatureTransformer(TransformerMixin, Estimator):
    """Filter images with fixed kernels and use the responses as features.

    Each image is cross-correlated with each kernel, as a convolution layer does it,
    but with kernels chosen by name instead of learned. The responses are then, in
    this order and each as asked for: rectified, pooled, raised to a power, clipped.

    A setting that is good without thought, for digits of 8x8 and of 28x28 pixels::

        ConvolutionFeatureTransformer("gabor", rectify="abs", pooling="mean", power=0.5)

    On the 8x8 digits of scikit-learn, in five stratified folds, an ``SVC()`` on top
    reaches 99.2 %, and ``StandardScaler`` with ``LogisticRegression(C=0.01)`` 98.8 %.

    Parameters
    ----------
    kernels : str, list of str, dict or array-like, default="edges"
        Names of kernels or of sets ("edges", "edges4", "edges8", "lines8", "gabor",
        "sobel", "prewitt", "scharr", "roberts"), a dict from names to arrays of
        shape (height, width), or one array of shape (n_kernels, height, width). See
        :func:`kernel_bank` for all of them. Kernels of unequal size are laid with
        their centers on one another.

    image_shape : tuple of 2 or 3 int, default=None
        ``(height, width)`` or ``(height, width, n_channels)`` of the images that the
        rows of `X` hold. None takes it from image-shaped input, and reads rows as
        gray squares, or as signals of height 1 where no square fits.

    padding : {"same", "valid"}, default="same"
        "same" gives every pixel a response; "valid" only those on which the kernel
        lies wholly inside the image.

    border_mode : {"constant", "nearest", "reflect", "mirror", "wrap"}, \
            default="constant"
        What "same" sees beyond the border, in the words of :mod:`scipy.ndimage`:
        zeros, the last pixel, a mirror image with and without the last pixel
        repeated, the other side of the image.

    stride : int, default=1
        Keep every `stride`-th response along both axes.

    rectify : {"abs", "relu", "split"}, default=None
        Keep magnitudes, positive parts, or positive and negative parts as two maps.
        None keeps the sign.

    pooling : {"mean", "max"}, default=None
        Summarize windows of the responses. Responses behind the last whole window
        are left out.

    pool_size : int or "auto", default="auto"
        Side of the square windows. "auto" takes a quarter of the side of the
        responses, 2 at least. Windows larger than the responses are cut to them.

    pool_stride : int, default=None
        Distance from one window to the next. None is `pool_size`, so that windows
        touch; under ``pool_size="auto"`` it is half of it, so that they overlap.

    power : float, default=1.0
        Raise magnitudes to this power and keep the sign. 0.5, the square root, lets
        faint edges count nearly as much as strong ones.

    clip : tuple of 2 float, default=None
        Limit the output to ``(low, high)``; ``(0, 255)`` makes it displayable as
        bytes.

    Attributes
    ----------
    image_shape_ : tuple of 3 int
        ``(height, width, n_channels)``.

    kernels_ : ndarray of shape (n_kernels, kernel_height, kernel_width)
        The kernels as they are applied, float64.

    kernel_names_ : list of str
        Their names.

    n_features_in_ : int
        Pixels times channels of an image.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, where all of them are strings.

    See Also
    --------
    kernel_bank : What the names of kernels mean.

    Notes
    -----
    Parameters that are set after a fit count from the next fit on.

    Each channel of a color image is filtered alone. float64 images give float64
    features; float32 and uint8 images give float32, and are converted a piece at a
    time, so that no copy of `X` is made; other integers become float64 first. Work
    is done in pieces that fit into a core's cache, by small matrix products.

    The convolution is a matrix product of the kernels with shifted copies of the
    images [1]_. Rectified, pooled and square-rooted responses of oriented kernels
    follow the model of complex cells, as in [2]_.

    References
    ----------
    .. [1] K. Chellapilla, S. Puri, P. Simard, "High performance convolutional neural
       networks for document processing", 2006.
    .. [2] K. Jarrett, K. Kavukcuoglu, M. Ranzato, Y. LeCun, "What is the best
       multi-stage architecture for object recognition?", 2009.

    Examples
    --------
    An edge between a bright and a dark part, and where the kernel finds it:

    >>> import numpy as np
    >>> from sklearn_digits import ConvolutionFeatureTransformer
    >>> image = np.array([[[60, 60, 60, 0, 0, 0]] * 3])
    >>> edges = ConvolutionFeatureTransformer("vertical", padding="valid")
    >>> edges.fit_transform(image)
    array([[  0., 180., 180.,   0.]])
    >>> edges.get_feature_names_out()[1]
    'vertical_r0_c1'

    Features with which a linear model reads digits:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> features = ConvolutionFeatureTransformer(
    ...     "gabor", rectify="abs", pooling="mean", power=0.5
    ... )
    >>> model = make_pipeline(features, RidgeClassifier()).fit(X[:600], y[:600])
    >>> bool(model.score(X[600:900], y[600:900]) > 0.9)
    True
    """

    kernels: Kernels = field(default="edges", kw_only=False)
    image_shape: Sequence[int] | None = None
    padding: str = "same"
    border_mode: str = "constant"
    stride: int = 1
    rectify: str | None = None
    pooling: str | None = None
    pool_size: int | str = "auto"
    pool_stride: int | None = None
    power: float = 1.0
    clip: Sequence[float] | None = None

    _parameter_constraints: ClassVar[dict] = {
        "kernels": [str, dict, "array-like"],
        "image_shape": ["array-like", None],
        "padding": [StrOptions({"same", "valid"})],
        "border_mode": [StrOptions(set(BORDER_MODES))],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "rectify": [StrOptions({"abs", "relu", "split"}), None],
        "pooling": [StrOptions({"mean", "max"}), None],
        "pool_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "pool_stride": [Interval(Integral, 1, None, closed="left"), None],
        "power": [Interval(Real, 0, None, closed="neither")],
        "clip": [tuple, list, None],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn the shape of the images and check that the parameters fit it.

        Parameters
        ----------
        X : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            Real numbers. Nothing but the shape is learned.
        y : None
            Ignored.

        Returns
        -------
        self : ConvolutionFeatureTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            If `X` holds NaN or infinity, if `image_shape` does not match it, if
            `kernels` or `clip` mean nothing, or if the output would be empty.
        TypeError
            If a kernel does not hold real numbers.
        """
        bank = kernel_bank(self.kernels)
        kernels = frame_kernels(bank)
        self._check_clip()
        rows, seen_shape = flatten_images(X)
        n_features = check_array(rows, dtype=_INPUT_DTYPES, estimator=self).shape[1]
        image_shape = resolve_image_shape(n_features, self.image_shape, seen_shape)
        self._geometry(image_shape, kernels)
        # Attributes come after everything that may raise: a failed fit leaves the
        # estimator as it was.
        validate_data(self, rows, skip_check_array=True)
        self.image_shape_ = image_shape
        self.kernels_ = kernels
        self.kernel_names_ = list(bank)
        self._fitted_with = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in ("kernels", "image_shape")  # attributes hold these
        }
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Filter images into rows of features.

        Parameters
        ----------
        X : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            Images of the shape seen in :meth:`fit`.

        Returns
        -------
        X_new : ndarray of shape (n, n_features_out)
            The maps of :meth:`feature_maps`, flattened.

        Raises
        ------
        ValueError
            As in :meth:`feature_maps`.
        """
        maps = self.feature_maps(X)
        return maps.reshape(len(maps), -1)

    def feature_maps(self, X: ArrayLike) -> np.ndarray:
        """Filter images into maps, which can be looked at.

        Parameters
        ----------
        X : array-like of shape (n, n_pixels), (n, height, width) or \
                (n, height, width, n_channels)
            Images of the shape seen in :meth:`fit`.

        Returns
        -------
        maps : ndarray of shape (n, n_maps, map_height, map_width)
            Of float64 for float64 and large integers, of float32 for float32 and uint8.
            All maps of the first channel come first, in the order of
            ``kernel_names_``.

        Raises
        ------
        ValueError
            If `X` holds NaN or infinity, values so large that maps may overflow, or
            images of another shape.
        """
        return self._as_fitted()._make_maps(X)

    def _make_maps(self, X: ArrayLike) -> np.ndarray:
        flat, seen_shape = flatten_images(X)
        refuse_single_image(np.shape(flat), self.n_features_in_, type(self).__name__)
        check_same_images(seen_shape, self.image_shape_)
        flat = validate_data(self, flat, dtype=_INPUT_DTYPES, reset=False)
        geometry = self._geometry(self.image_shape_, self.kernels_)
        dtype = np.float64 if flat.dtype == np.float64 else np.float32
        maps = np.empty((len(flat), len(self._map_names()), *geometry.maps), dtype)
        # Every channel is an image of its own.
        n_channels = self.image_shape_[2]
        unit_bytes = maps.itemsize * n_channels * prod(geometry.responses)
        n_units = sum(self.kernels_.shape[::2]) + 1
        piece = min(len(flat), max(1, _PIECE_BYTES // (unit_bytes * n_units)))
        n_images = piece * n_channels
        correlation = BatchedCorrelation(n_images, self.kernels_, geometry, maps.dtype)
        gain = np.abs(self.kernels_).sum(axis=(1, 2)).max()
        for start in range(0, len(flat), piece):
            rows = slice(start, start + piece)
            self._check_range(flat[rows], gain, np.finfo(maps.dtype).max)
            self._filter(flat[rows], correlation, maps[rows])
        return maps

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> np.ndarray:
        """Name the features by kernel, row and column, as in ``vertical_r3_c5``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Compared with the names or the number of features seen in :meth:`fit`.

        Returns
        -------
        names : ndarray of shape (n_features_out,) of object
            One for each column of :meth:`transform`, in their order.
        """
        from sklearn.utils.validation import _check_feature_names_in  # private

        fitted = self._as_fitted()
        _check_feature_names_in(fitted, input_features)
        places = np.ndindex(fitted._geometry(self.image_shape_, self.kernels_).maps)
        suffixes = [f"_r{row}_c{column}" for row, column in places]
        names = [name + suffix for name in fitted._map_names() for suffix in suffixes]
        return np.array(names, dtype=object)

    def _as_fitted(self) -> Self:
        """Return this transformer with the parameters that it was fitted with.

        Parameters that were set since then count from the next fit on.
        """
        check_is_fitted(self)
        # The first files of format 1 did not store them.
        return copied(self, **getattr(self, "_fitted_with", {}))

    def _map_names(self) -> list[str]:
        n_channels = self.image_shape_[2]
        channels = [f"_ch{i}" for i in range(n_channels)] if n_channels > 1 else [""]
        signs = ["_pos", "_neg"] if self.rectify == "split" else [""]
        return [
            f"{name}{channel}{sign}"
            for channel in channels
            for name in self.kernel_names_
            for sign in signs
        ]

    def _check_clip(self) -> None:
        if self.clip is not None and not (
            len(self.clip) == 2
            and all(isinstance(bound, Real) for bound in self.clip)
            and self.clip[0] <= self.clip[1]
        ):
            raise ValueError(
                f"clip={self.clip!r}; expected (low, high), two numbers with low <= "
                "high, or None."
            )

    def _check_range(self, X: np.ndarray, gain: float, highest: float) -> None:
        """Raise if maps of `X` may exceed `highest`, under kernels of some gain."""

        def is_safe(largest: float) -> bool:
            return bool(np.float64(largest * gain) ** max(self.power, 1) < highest)

        with np.errstate(over="ignore"):
            if X.dtype != np.uint8 and is_safe(no_less_than_pixels(X)):
                return
            largest = largest_pixel(X)
            if is_safe(largest):
                return
        raise ValueError(
            f"X holds values as large as {largest:g}, of which kernels and "
            f"power={self.power} may make more than {highest:g}, the largest number of "
            "the output's dtype; scale X down."
        )

    def _geometry(self, image_shape: ImageShape, kernels: np.ndarray) -> Geometry:
        """Work out the sides from image to maps; raise where nothing would be left."""
        image, sides = image_shape[:2], kernels.shape[1:]
        same = self.padding == "same"
        margins = tuple((k // 2, k - 1 - k // 2) if same else (0, 0) for k in sides)
        responses = tuple(
            count_windows(size + sum(margin), k, self.stride)
            for size, margin, k in zip(image, margins, sides, strict=True)
        )
        if min(responses) < 1:
            raise ValueError(
                f"padding='valid' leaves nothing of images of {image[0]}x{image[1]} "
                f"pixels under kernels of {sides[0]}x{sides[1]}; expected images at "
                "least as large as the kernels, or padding='same'."
            )
        unpooled = (1, 1), (1, 1), responses
        geometry = Geometry(
            image, margins, self.border_mode, self.stride, responses, *unpooled
        )
        if self.pooling is None:
            return geometry
        if isinstance(self.pool_size, str):
            window = tuple(max(2, side // 4) for side in responses)
            step = tuple(side // 2 for side in window)
        else:
            window = step = (self.pool_size,) * 2
        if self.pool_stride is not None:
            step = (self.pool_stride,) * 2
        # A window larger than the responses is cut down to them: a signal of height
        # 1 can be pooled along its length.
        window = tuple(map(min, window, responses))
        maps = tuple(map(count_windows, responses, window, step))
        return geometry._replace(window=window, step=step, maps=maps)

    def _filter(
        self, rows: np.ndarray, correlation: BatchedCorrelation, out: np.ndarray
    ) -> None:
        """Filter a few rows of `X` into their part of the maps."""
        height, width, n_channels = self.image_shape_
        images = rows.reshape(-1, height, width, n_channels).transpose(0, 3, 1, 2)
        maps = correlation.correlate(images.reshape(-1, height, width))
        if self.rectify is not None:
            maps = rectify(maps, self.rectify)
        if self.pooling is not None:
            pool = pool_mean if self.pooling == "mean" else pool_max
            maps = pool(maps, correlation.geometry)
        maps = maps[..., : correlation.geometry.maps[1]].transpose(2, 1, 0, 3)
        out.reshape(maps.shape)[...] = maps
        if self.power != 1:
            np.copysign(np.abs(out) ** self.power, out, out=out)
        if self.clip is not None:
            np.clip(out, *self.clip, out=out)
