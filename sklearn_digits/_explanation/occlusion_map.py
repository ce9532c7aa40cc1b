"""occlusion_map: which pixels a prediction hangs on."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_digits._explanation.class_score import ClassScore
from sklearn_digits._explanation.fill import fill_colors
from sklearn_digits._explanation.integrated_gradients import (
    integrate_gradients,
    logit_gradients,
)
from sklearn_digits._explanation.occlusion import lay_windows, occlude, window_sides
from sklearn_digits._images.conversion import as_images, layout_of

_POSITIVE = Interval(Integral, 1, None, closed="left")


@validate_params(
    {
        "method": [StrOptions({"occlusion", "integrated_gradients"})],
        "response_method": [StrOptions({"auto", "predict_proba", "decision_function"})],
        "window": [StrOptions({"auto"}), _POSITIVE],
        "stride": [StrOptions({"auto"}), _POSITIVE],
        "fill": [StrOptions({"background", "mean"}), Real, "array-like"],
        "n_steps": [_POSITIVE],
        "image_shape": ["array-like", None],
        "batch_size": [_POSITIVE],
        "verbose": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def occlusion_map(
    estimator: Any,
    X: ArrayLike,
    *,
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
) -> np.ndarray:
    """Map which pixels of images a classifier's prediction hangs on.

    A window of the image is covered, and the class is scored again: where its score
    drops, the class hangs on what was there [1]_. The window goes over the whole image.
    That works for every classifier. Networks can be differentiated instead [2]_.

    Parameters
    ----------
    estimator : classifier
        Fitted, with `predict_proba` or `decision_function`; a pipeline or a search,
        too.
    X : array-like of shape (n, n_pixels), (n, height, width) or \
            (n, height, width, n_channels)
        The images to explain, in the form that `estimator` takes. It is given covered
        images of the same form and dtype, also data frames.
    target : label, array-like of shape (n,) or None, default=None
        The class to explain, or one for each image. None explains the predicted class.
    method : {"occlusion", "integrated_gradients"}, default="occlusion"
        "integrated_gradients" is for a network, an estimator with `module_`. It tells
        how much each pixel adds to the logit of the class.
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        The score that occlusion watches. "auto" is `predict_proba` if there is one.
        The decision values of a classifier that is very sure tell more than its
        probabilities, which hardly drop.
    window : int or "auto", default="auto"
        Side of the square that covers a part of the image, in pixels. "auto" is a
        quarter of the image's shorter side. Small windows find small parts, and miss
        what is still to be seen beside them.
    stride : int or "auto", default="auto"
        Largest distance between neighboring windows, `window` at most. "auto" is a
        quarter of `window`, rounded up. With 1 the map is finest and takes longest.
    fill : {"background", "mean"}, float or array-like of shape (n_channels,), \
            default="background"
        Color of what is covered. "background" is the median of the pixels at the border
        of the image: the paper around a digit, and one of the colors of a photograph.
        "mean" is the mean of the image. Both are taken from each image and channel.
    n_steps : int, default=64
        Images between a blank one, of the color `fill`, and the image itself, at which
        "integrated_gradients" differentiates the network. The more, the closer the map
        sums to the difference of the two logits.
    image_shape : tuple of 2 or 3 int, default=None
        ``(height, width)`` or ``(height, width, n_channels)`` of the images that rows
        of pixels hold. None takes `estimator.image_shape_` if there is one, else infers
        it: a square if possible.
    batch_size : int, default=256
        Images that `estimator` is given at once. Fewer take less memory.
    verbose : bool, default=False
        Whether to show a progress bar, which needs rich.

    Returns
    -------
    maps : ndarray of shape (n, height, width), dtype float64
        Of occlusion, the drop of the score, averaged over the windows that cover the
        pixel. Of integrated gradients, what the pixel adds to the logit, summed over
        its channels; with two classes, to the logit of the class less the other one's.
        Positive values speak for the class, negative ones against it.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If `estimator` is not fitted.
    ValueError
        If `estimator` is not a classifier that scores each of its classes, or not a
        network where one is needed; if `X`, `image_shape`, `target` or `fill` do not
        fit it; if `window` is larger than the images, or `stride` larger than `window`.
    ImportError
        If a progress bar is asked for, and rich is not installed.

    See Also
    --------
    OcclusionDisplay : The maps as pictures, beside their images.
    sklearn.inspection.permutation_importance : Which features matter in a whole data
        set.

    Notes
    -----
    A map tells about the classifier, not about the images. Three of its limits:

    - Where the image has the color `fill`, covering it changes nothing. A map on the
      background of a digit is 0, also where ink would change the class. Another `fill`
      shows that.
    - What is there twice, or still to be seen beside a window, drops little.
    - Covered images are unlike those of the training. Part of a drop may be surprise.

    Integrated gradients explain `module_`, for one view of an image: test-time
    augmentation (`n_views`) does not count.

    References
    ----------
    .. [1] Zeiler, Fergus (2014). Visualizing and understanding convolutional networks.
       ECCV.
    .. [2] Sundararajan, Taly, Yan (2017). Axiomatic attribution for deep networks.
       ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.svm import SVC
    >>> from sklearn_digits import occlusion_map
    >>> X, y = load_digits(return_X_y=True)
    >>> maps = occlusion_map(SVC().fit(X[100:], y[100:]), X[:20])
    >>> maps.shape
    (20, 8, 8)
    """
    score = ClassScore.of(estimator, X, target, response_method)
    images = as_images(X, image_shape, estimator)
    colors = fill_colors(images, fill)
    if method == "integrated_gradients":
        gradients = logit_gradients(estimator, score.two_classes)
        return integrate_gradients(
            images, colors, score.columns, gradients, n_steps, batch_size, verbose
        )
    height, width = images.shape[1:3]
    sides = window_sides(height, width, window, stride)
    windows = lay_windows(height, width, *sides)
    restore = layout_of(X)
    return occlude(
        images,
        colors,
        windows,
        lambda covered, origins: score(restore(covered), score.columns[origins]),
        batch_size,
        verbose,
    )
