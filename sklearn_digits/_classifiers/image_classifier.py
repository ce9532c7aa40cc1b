"""ImageClassifier: what every network of small images shares.

What a row means as an image, the scale of its pixels, random changes of the training
images, averaged weights, and views of an image at prediction.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import ClassVar, Literal

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn.parameter import is_lazy

from sklearn_digits._classifiers.auto_settings import AutoSettings
from sklearn_digits._classifiers.torch_classifier import (
    NOT_NEGATIVE,
    POSITIVE_INTEGER,
    SHARE,
)
from sklearn_digits._images.augmentation import RandomAffine, augment
from sklearn_digits._images.channel_order import (
    CLEAR_FACTOR,
    are_channels_first,
    expected_roughness,
)
from sklearn_digits._images.random_augmentation import RandomAugmentation
from sklearn_digits._images.shape import (
    channels_last,
    check_same_images,
    resolve_image_shape,
)
from sklearn_digits._images.standardize import Standardize
from sklearn_digits._images.statistics import largest_pixel, pixel_statistics
from sklearn_digits._images.views import average_views
from sklearn_digits._training.features import feature_function
from sklearn_digits._training.loss import LogLoss
from sklearn_digits._training.optimizers import AdamW, Muon
from sklearn_digits._training.record import FitRecord
from sklearn_digits._training.runtime import weight_dtype
from sklearn_digits._training.targets import class_weights, find_classes, row_weights
from sklearn_digits._warnings import warn_user

AUTO_EMA_DECAY = 0.99
# Pixels at predict this many times larger or smaller than at fit raise a warning.
SCALE_FACTOR = 8


class ImageClassifier(ClassNamePrefixFeaturesOutMixin, TransformerMixin, AutoSettings):
    """Base of classifiers of small images: bring a module, get the rest.

    A subclass writes :meth:`build_module`. Training, augmentation and prediction are
    those of :class:`ConvNetClassifier`, which adds the parameters of its own network.

    Parameters
    ----------
    solver : {"auto", "muon", "adamw", "adam", "sgd"}, default="auto"
        Optimizer of the weights. "muon" learns the kernels of convolutions by Muon, all
        other weights by AdamW. "auto" is "muon" for images with sides of 20 pixels or
        more, and else "adamw".
    batch_size : int or "auto", default="auto"
        Images of a step; "auto" is the smaller of 128 and the number of images.
    learning_rate : {"onecycle", "cosine", "constant", "adaptive"}, default="onecycle"
        Schedule of the learning rate. The first two run over all epochs of the fit;
        "adaptive" divides it by 5 whenever patience runs out.
    learning_rate_init : float, default=0.01
        Initial learning rate. Under "onecycle" and "cosine" it is the highest one.
    max_iter : int or "auto", default="auto"
        Epochs of a fit. "auto" gives it about 300 steps where a linear model of edges
        learns the classes well, and up to 800 where it does not; at least 16 epochs, or
        7 to 15 for 10,000 images and more; and at most 300.
    shuffle : bool, default=True
        Whether to shuffle the training rows before each epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the order of the rows, augmentation, dropout and
        the held-out rows. None takes a seed from the operating system. No global
        generator is read or changed.
    tol : float, default=1e-4
        Smallest improvement of the training loss, or of the validation score with
        `early_stopping`, that counts.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement after which training stops. Under "onecycle" and
        "cosine" only `early_stopping` stops training; under "onecycle" it waits until
        the learning rate has reached its highest value.
    verbose : bool, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether ``fit`` continues from the weights of the previous fit. With other
        classes it learns a new last layer, and tunes the old features.
    momentum : float, default=0.9
        Momentum of the solver "sgd".
    nesterovs_momentum : bool, default=True
        Whether the momentum of the solver "sgd" is Nesterov's.
    early_stopping : bool, default=False
        Whether to hold out part of the training data, stop when its score no longer
        improves, and keep the weights that scored best.
    validation_fraction : float, default=0.1
        Share of the training data that `early_stopping` holds out: the same share of
        each class, where the rows suffice for that.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes. "balanced" weighs each class by the inverse of its
        frequency; None weighs all rows alike. The weights act on the probabilities, by
        a shift of the logits in training, not on the rows: a few rows of a rare class
        are not learned by heart.
    device : str, default="auto"
        Device to train on, for example "cpu" or "cuda:0". "auto" is CUDA where it is
        available, else the CPU.
    compute_dtype : {"auto", "float32", "bfloat16", "float64"}, default="auto"
        Precision of convolutions and matrix products in training. "auto" is bfloat16
        for steps large enough to profit, where the device multiplies it natively,
        else float32. Weights and predictions are float32, or float64.
    skorch_callbacks : list of skorch.callbacks.Callback or None, default=None
        Callbacks of skorch, or tuples ``(name, callback)``. The fit clones them and
        tells the clones of every batch, which is slower than training without
        callbacks. To callbacks, targets are positions in `classes_`; ``valid_loss`` and
        scores on validation data exist with `early_stopping` or `X_val`. Callbacks that
        schedule the learning rate want ``learning_rate="constant"``.
    image_shape : tuple of 2 or 3 int, default=None
        ``(height, width)`` or ``(height, width, n_channels)`` of flattened images. None
        takes the shape from image-shaped `X`; rows are read as gray squares, or else as
        gray images of height 1.
    augmentation : "auto", RandomAffine, callable or None, default="auto"
        Random changes of the training images. "auto" is ``RandomAugmentation()``, with
        less change of light and less noise for images with a side under 16 pixels, and
        nothing under 5 pixels. Where a linear model of edges does not learn the classes
        well, and each image is seen fewer than 30 times, "auto" only shifts and flips.
        Where it learns them, but confuses some of them, and each image is seen fewer
        than 16 times, "auto" is ``RandomAffine()``: light does not vary, and nothing
        adds noise.
        ``set_params(augmentation__rotation=15)`` sets a parameter; it turns "auto" into
        ``RandomAugmentation(rotation=15)``. A callable takes
        ``(images, generator)``, a tensor of shape (n, n_channels, height, width) with
        pixels on their own scale and a ``torch.Generator``, and returns a tensor of the
        same shape.
    weight_decay : float, default=0.01
        Decoupled decay of weights, biases and norms excepted: each step shrinks them
        by ``learning rate * weight_decay``. With "adam" and "sgd" it is their L2 term.
    label_smoothing : float or "auto", default="auto"
        Share of each label that training spreads evenly over all classes, which makes
        the network more accurate. Training sharpens the logits to make up for it, which
        suits correct labels of clear images only. So "auto" is 0.05 where a linear
        model of edges learns the classes well and confuses few, and less elsewhere.
    mixup : float or "auto", default="auto"
        Share of the training images that are blended with another image of the batch,
        and their labels too. It keeps a network from memorizing few or wrong labels.
        "auto" is at most 0.5; less where a linear model of edges learns the classes
        well and confuses few, or where each image is seen fewer than 30 times.
    ema_decay : float, "auto" or None, default="auto"
        Predictions are made with an average of the weights over the steps, in which
        the past decays by this factor a step; "auto" is 0.99. None averages nothing.
    n_views : int or "auto", default="auto"
        Probabilities are averaged over this many views of each image: shifts by whole
        pixels, the least first. 5 are the image and its four neighbors, 9 also the
        diagonal ones. Where training flipped images left to right, every second view is
        the one before it, flipped. "auto" is 2 there, and else 1. Prediction takes that
        many times longer. May be set after ``fit``. Images with a side under 5 pixels
        have one view.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    image_shape_ : tuple of 3 int
        ``(height, width, n_channels)`` of the images.
    solver_ : {"muon", "adamw", "adam", "sgd"}
        Optimizer of the weights.
    augmentation_ : RandomAffine, callable or None
        The changes that training made. Flips and turns that were "auto" are decided:
        True where the training images show that they keep the class of an image.
    label_smoothing_ : float
        Label smoothing of the last fit.
    mixup_ : float
        Share of blended images in the last fit.
    pixel_mean_ : float
        Mean of the training pixels.
    pixel_std_ : float
        Standard deviation of the training pixels.
    module_ : torch.nn.Module
        The trained module, in evaluation mode; takes float images of shape
        (n, n_channels, height, width) with pixels as in `X`, gives logits.
    device_ : str
        Device that the module is on, for example ``"cpu"``.
    compute_dtype_ : {"float32", "bfloat16", "float64"}
        Precision of the matrix products in training.
    n_features_in_ : int
        Number of features seen in ``fit``: of an image, height times width times
        channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`. Exists only if `X` was a data frame with string
        column names.
    n_iter_ : int
        Number of epochs of the last fit.
    t_ : int
        Number of rows seen in training, with repetition.
    loss_ : float
        Mean training loss of the last epoch.
    best_loss_ : float or None
        Lowest training loss of all epochs; None with `early_stopping`.
    loss_curve_ : list of float
        Mean training loss of each epoch, on augmented images where there is
        augmentation.
    validation_scores_ : list of float or None
        Accuracy on the validation data after each epoch; None without `early_stopping`
        and `X_val`.
    validation_loss_curve_ : list of float or None
        Loss on the validation data after each epoch; None without `early_stopping` and
        `X_val`.
    best_validation_score_ : float or None
        Highest accuracy on the validation data; None without `early_stopping` and
        `X_val`.
    history_ : skorch.history.History
        History of the skorch callbacks, one row an epoch. Exists only with
        `skorch_callbacks`.

    See Also
    --------
    ConvNetClassifier : The network that comes with this package.
    TorchClassifier : The same for rows that are not images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from torch import nn
    >>> from sklearn_digits import ImageClassifier
    >>> class OneLayer(ImageClassifier):
    ...     def build_module(self, n_features, n_classes):
    ...         height, width, n_channels = self.image_shape_
    ...         return nn.Sequential(
    ...             nn.Conv2d(n_channels, 16, 3, padding=1),
    ...             nn.ReLU(),
    ...             nn.Flatten(),
    ...             nn.Linear(16 * height * width, n_classes),
    ...         )
    >>> digits = load_digits()
    >>> clf = OneLayer(max_iter=5, random_state=0)
    >>> clf.fit(digits.images, digits.target).score(digits.images, digits.target) > 0.9
    True
    """

    image_shape: Sequence[int] | None = None
    augmentation: Literal["auto"] | RandomAffine | Callable | None = "auto"
    solver: str = "auto"
    learning_rate: str = "onecycle"
    learning_rate_init: float = 0.01
    weight_decay: float = 0.01
    label_smoothing: float | str = "auto"
    mixup: float | str = "auto"
    max_iter: int | str = "auto"
    ema_decay: float | str | None = "auto"
    n_views: int | str = "auto"

    _parameter_constraints: ClassVar[dict] = {
        **AutoSettings._parameter_constraints,
        "image_shape": ["array-like", None],
        "augmentation": [StrOptions({"auto"}), RandomAffine, callable, None],
        "solver": [StrOptions({"auto", "muon", "adamw", "adam", "sgd"})],
        "weight_decay": [NOT_NEGATIVE],
        "max_iter": [StrOptions({"auto"}), POSITIVE_INTEGER],
        "label_smoothing": [StrOptions({"auto"}), SHARE],
        "mixup": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "ema_decay": [StrOptions({"auto"}), SHARE, None],
        "n_views": [StrOptions({"auto"}), POSITIVE_INTEGER],
    }

    _chunk_size = 128
    _bfloat16_step = 1e9
    _accepts_sparse = False

    def transform(self, X):
        """Return the features that the module has learned, a row an image.

        They serve neighbors, clustering and other classifiers, also for classes that
        the network has not seen. The features of images that it was trained on look
        better than those of new images: fit what comes next on other images, or by
        cross-validation.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, height, width) or \
                (n, height, width, n_channels)
            Images of the shape seen in :meth:`fit`.

        Returns
        -------
        X_new : ndarray of shape (n, n_features_out)
            What the module's method ``features`` returns, or else the input of its last
            linear layer. Of the dtype of the weights: float32, or float64.

        Raises
        ------
        AttributeError
            If the module has neither a method ``features`` nor a linear layer.
        """
        check_is_fitted(self)
        features = self._features()
        return self._apply(X, lambda flops: features)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features that :meth:`transform` makes.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of `X`. They are checked, and change nothing.

        Returns
        -------
        names : ndarray of shape (n_features_out,), dtype object
            For example ``"convnetclassifier0"``.
        """
        check_is_fitted(self)
        self._features()  # raises if the module has none
        return super().get_feature_names_out(input_features)

    @property
    def _n_features_out(self):
        height, width, n_channels = self.image_shape_
        dtype = weight_dtype(self.compute_dtype_)
        with torch.inference_mode(), torch.device(self.device_):
            example = torch.zeros(1, n_channels, height, width, dtype=dtype)
            return self._features()(example).shape[1]

    def _features(self):
        """Return what makes features of prepared images."""
        standardize, module = super()._forward(0)
        features = feature_function(module)
        return lambda images: features(standardize(images))

    def set_params(self, **params):
        """Set parameters of the estimator, and of the augmentation.

        Parameters
        ----------
        **params : dict
            Names and values. A parameter of ``RandomAugmentation``, for example
            ``augmentation__rotation``, may be set where `augmentation` is "auto".

        Returns
        -------
        self : object
            The estimator.
        """
        nested = any(name.startswith("augmentation__") for name in params)
        if nested and params.get("augmentation", self.augmentation) == "auto":
            params["augmentation"] = RandomAugmentation()
        return super().set_params(**params)

    def _check_same_classes(self, y):
        classes = find_classes(y, False)
        if not np.array_equal(classes, self.classes_):
            self.classes_, self._has_new_classes = classes, True
            self._survey = None  # it describes the old classes

    def _continued_module(self, generator):
        if "_has_new_classes" in vars(self):
            return self._module_for_new_classes(generator)
        return super()._continued_module(generator)

    def _past(self):
        past = super()._past()
        if self.__dict__.pop("_has_new_classes", False):
            return FitRecord(t=past.t)  # scores of other classes do not compare
        return past

    def _row_weights(self, y, sample_weight):
        self._class_weight = None
        if self.class_weight is None or self._multilabel:
            return super()._row_weights(y, sample_weight)
        sample_weight, exponent = row_weights(
            y, self.classes_, sample_weight, None, False
        )
        by_class = class_weights(y, self.classes_, sample_weight, self.class_weight)
        # Training leaves out the rows of a class of weight zero.
        self._class_weight = np.where(by_class > 0, by_class, 1.0)
        present = np.where(by_class > 0, 1.0, 0.0)[np.searchsorted(self.classes_, y)]
        if sample_weight is not None:
            present = present * sample_weight
        return present, exponent

    def _learn_input(self, rows, seen_shape):
        super()._learn_input(rows, seen_shape)
        X = rows.X
        self.image_shape_ = resolve_image_shape(
            X.shape[1], self.image_shape, seen_shape
        )
        self.pixel_mean_, self.pixel_std_ = pixel_statistics(X, rows.weight)
        self._largest_pixel = largest_pixel(X)
        self._channel_order = None
        if self.image_shape_[2] > 1:
            self._channel_order = expected_roughness(X, self.image_shape_)
            if seen_shape is None and self._channel_order[0] > CLEAR_FACTOR:
                self._warn_of_channel_order()

    def _check_shape(self, seen_shape):
        check_same_images(seen_shape, self.image_shape_)

    def _check_input(self, X, seen_shape):
        super()._check_input(X, seen_shape)
        order = self._channel_order if self.image_shape_[2] > 1 else None
        if order and not seen_shape and are_channels_first(X, self.image_shape_, order):
            self._warn_of_channel_order()
        largest = largest_pixel(X)
        if not largest or not self._largest_pixel:
            return
        ratio = largest / self._largest_pixel
        if not 1 / SCALE_FACTOR < ratio < SCALE_FACTOR:
            warn_user(
                f"The largest pixel of X is {largest:g}, that of the training images "
                f"was {self._largest_pixel:g}. {type(self).__name__} learns the scale "
                "of the pixels in fit; X seems to be on another one."
            )

    def _warn_of_channel_order(self):
        warn_user(
            f"The rows of X seem to hold channel-first images. {type(self).__name__} "
            f"reads them as images of shape {self.image_shape_}, channels last. Pass "
            f"{channels_last(self.image_shape_)}."
        )

    def _complete_module(self, module):
        standardize = Standardize(self.pixel_mean_, self.pixel_std_)
        for parameter in module.parameters():  # ``Module.to`` refuses lazy ones
            if not is_lazy(parameter) and parameter.dim() == 4:
                parameter.data = parameter.to(memory_format=torch.channels_last)
        return nn.Sequential(standardize, module)

    def _images(self, X):
        """Return rows as images of their own dtype."""
        height, width, n_channels = self.image_shape_
        return X.view(-1, height, width, n_channels).permute(0, 3, 1, 2)

    def _prepare(self, X):
        return self._images(X).to(weight_dtype(self.compute_dtype_))

    def _auto_batch(self, n_rows):
        return min(128, n_rows)

    def _optimizer(self):
        decoupled = {"muon": Muon, "adamw": AdamW}
        return decoupled.get(self.solver_) or super()._optimizer()

    def _forward(self, flops):
        module = super()._forward(flops)
        # It may have been set since the fit, which checks all parameters.
        constraint = {"n_views": self._parameter_constraints["n_views"]}
        params = {"n_views": self.n_views}
        validate_parameter_constraints(constraint, params, type(self).__name__)
        flipped = bool(getattr(self.augmentation_, "horizontal_flip", False))
        n_views = 1 + flipped if self.n_views == "auto" else int(self.n_views)
        if n_views == 1 or self._tiny:
            return module
        return partial(average_views, module, n_views=n_views, flipped=flipped)

    def _settings(self, module, generator, rows, incremental):
        self.solver_ = self._decide_solver()
        settings = super()._settings(module, generator, rows, incremental)
        self.augmentation_ = self._decide_augmentation(rows, settings.n_epochs)
        self.label_smoothing_ = self._decide_label_smoothing(rows)
        self.mixup_ = self._decide_mixup(rows, settings.n_epochs)
        augment_ = self.augmentation_ and partial(augment, self.augmentation_)
        settings = replace(
            settings,
            criterion=LogLoss(
                self._multilabel, self.label_smoothing_, self._class_weight
            ),
            weight_decay=self.weight_decay,
            ema_decay=AUTO_EMA_DECAY if self.ema_decay == "auto" else self.ema_decay,
            augment=augment_,
            mixup=self.mixup_,
        )
        if not incremental:
            self._warn_of_cost(settings, rows)
        return settings

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # features have that of the weights
        return tags
