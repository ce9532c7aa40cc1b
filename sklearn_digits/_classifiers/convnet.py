"""ConvNetClassifier: a small convolutional network for small images.

Stages of convolutions halve the image and widen the channels; global pooling turns
what is left into features for a linear layer.
"""

from collections.abc import Sequence
from dataclasses import field
from functools import partial
from numbers import Integral
from typing import ClassVar

import torch
from sklearn.utils._param_validation import StrOptions
from torch import nn
from torch.nn import functional

from sklearn_digits._classifiers.auto_settings import LARGE_SIDE, MANY_IMAGES, UNCLEAR
from sklearn_digits._classifiers.image_classifier import ImageClassifier
from sklearn_digits._classifiers.torch_classifier import POSITIVE_INTEGER, SHARE
from sklearn_digits._images.reduction import reduce_images
from sklearn_digits._images.whitening import N_IMAGES, whitening_kernels
from sklearn_digits._training.layers import BatchNorm2d, Dropout

# Channels that "auto" stands for: more for many unclear images.
THREE_STAGES, FOUR_STAGES = (24, 48, 96), (32, 64, 128, 256)
# Features are means over so many parts of the image along each side, for the first
# middle convolution and for the later ones.
N_PARTS_OF_FIRST, N_PARTS = 3, 2
# The features of the first middle convolution have length 1. These are the lengths for
# the last middle convolution, and for the input of the last layer.
LENGTH_OF_MIDDLE, LENGTH_OF_LAST = 0.7, 0.35


def convolution(n_in, n_out, kernel_size, identity):
    """Return a convolution that keeps the size of an image.

    Parameters
    ----------
    n_in, n_out : int
        Channels of the input and of the output.
    kernel_size : int
    identity : bool
        Whether its first kernels pass the channels of the input on, until training
        changes them: gradients reach all stages from the first step on [1]_.

    References
    ----------
    .. [1] Zagoruyko, Komodakis (2017). DiracNets: training very deep neural networks
       without skip-connections. arXiv:1706.00388.
    """
    layer = nn.Conv2d(n_in, n_out, kernel_size, padding="same", bias=False)
    if identity:
        nn.init.dirac_(layer.weight[: min(n_in, n_out)])
    return layer


def whitening_convolution(kernels):
    """Return a convolution with kernels that training does not change.

    Parameters
    ----------
    kernels : torch.Tensor of shape (n_kernels, n_channels, height, width)
    """
    n_out, n_in, *sides = kernels.shape
    layer = nn.Conv2d(n_in, n_out, tuple(sides))
    layer.weight = nn.Parameter(kernels, requires_grad=False)
    layer.bias = nn.Parameter(torch.zeros(n_out))
    return layer


def halving_convolution(n_in, n_out, kernel_size):
    """Return a convolution that halves the sides of an image.

    Parameters
    ----------
    n_in, n_out : int
        Channels of the input and of the output.
    kernel_size : int
        Side of the kernels, in steps of two pixels.
    """
    return nn.Conv2d(
        n_in, n_out, 2 * kernel_size, stride=2, padding=kernel_size - 1, bias=False
    )


class ConvNet(nn.Module):
    """Stages of convolutions, global pooling, a linear layer.

    Parameters
    ----------
    image_shape : tuple of 3 int
        ``(height, width, n_channels)`` of the images.
    n_classes : int
    channels : sequence of int
        Channels of each stage. All stages but the last have two convolutions, of which
        the first halves the image: what follows works on a quarter of the pixels. The
        last stage has one convolution. Each is followed by batch normalization and
        ReLU.
    kernel_size : int
        Side of the convolutions' kernels.
    dropout : float
        Share of the pooled features that training sets to zero.
    largest_side : int or None
        Images with more pixels than a square of this side are averaged down first.
    whitening : torch.Tensor of shape (n_kernels, n_channels, 2, 2) or None
        Kernels of a first layer, which training does not change.

    Notes
    -----
    Without whitening, the first convolution halves images with sides of 20 pixels or
    more by itself: its kernels are twice as large and move by two pixels. Everywhere
    else, the largest of two by two pixels is kept.
    """

    def __init__(
        self,
        image_shape,
        n_classes,
        channels,
        kernel_size,
        dropout,
        largest_side,
        whitening=None,
    ):
        super().__init__()
        self.largest_side = largest_side
        example = torch.empty(1, 1, *image_shape[:2], device="meta")
        height, width = reduce_images(example, largest_side).shape[2:]
        strided = len(channels) > 1 and min(height, width) >= LARGE_SIDE
        n_in = image_shape[2]
        layers: list[nn.Module] = []
        ends: list[int] = []  # of each convolution with its normalization and ReLU
        if whitening is not None:
            layers += [whitening_convolution(whitening), nn.ReLU(inplace=True)]
            n_in, strided = len(whitening), False
            height -= whitening.shape[2] - 1
            width -= whitening.shape[3] - 1
        for stage, n_out in enumerate(channels, start=1):
            if stage == 1 and strided:
                layers.append(halving_convolution(n_in, n_out, kernel_size))
                height, width = height // 2, width // 2
            else:
                layers.append(convolution(n_in, n_out, kernel_size, bool(layers)))
                if stage < len(channels):
                    window = (min(2, height), min(2, width))
                    height, width = height // window[0], width // window[1]
                    layers.append(nn.MaxPool2d(window))
            layers += [BatchNorm2d(n_out), nn.ReLU(inplace=True)]
            ends.append(len(layers))
            if stage < len(channels):
                layers.append(convolution(n_out, n_out, kernel_size, identity=True))
                layers += [BatchNorm2d(n_out), nn.ReLU(inplace=True)]
                ends.append(len(layers))
            n_in = n_out
        self.stages = nn.Sequential(*layers)
        self.middle = ends[1:-1]
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(2 * n_in, n_classes)

    def features(self, x):
        """Return features of images (n, n_channels, height, width) for new classes.

        Two kinds of values stand side by side: the maps of the middle convolutions,
        averaged over parts of the image, and the input of the last layer. Features are
        their square roots. Each convolution contributes a vector, and later vectors are
        shorter, because later layers know the training classes too well.
        """
        found: list[torch.Tensor] = []
        maps = reduce_images(x, self.largest_side)
        for position, layer in enumerate(self.stages, start=1):
            maps = layer(maps)
            if position in self.middle:
                parts = N_PARTS if found else N_PARTS_OF_FIRST
                found.append(functional.adaptive_avg_pool2d(maps, parts).flatten(1))
        lengths = torch.linspace(1, LENGTH_OF_MIDDLE, len(found)).tolist()
        pairs = zip([*found, self.pool(maps)], [*lengths, LENGTH_OF_LAST], strict=True)
        features = [
            length * functional.normalize(part.sqrt()) for part, length in pairs
        ]
        return torch.cat(features, dim=1)

    def pool(self, maps):
        """Return the input of the last layer, from the maps of the last convolution.

        The maximum and the mean of each channel over the image, side by side: what is
        somewhere, and how much of it there is.
        """
        largest = functional.max_pool2d(maps, maps.shape[2:]).flatten(1)
        # In the order that the channels have in memory, so that gradients keep it.
        mean = maps.permute(0, 2, 3, 1).flatten(1, 2).mean(dim=1)
        return torch.cat([largest, mean], dim=1)

    def forward(self, x):
        """Return logits (n, n_classes) of images (n, n_channels, height, width)."""
        maps = self.stages(reduce_images(x, self.largest_side))
        return self.head(self.dropout(self.pool(maps)))


class ConvNetClassifier(ImageClassifier):
    """Convolutional network for small images, accurate without tuning.

    Parameters
    ----------
    channels : sequence of int or "auto", default="auto"
        Channels of each stage. All stages but the last have two convolutions and halve
        the image; the last has one. More channels are slower and more accurate. "auto"
        is (24, 48, 96); or (32, 64, 128, 256), for at least 10,000 images whose
        classes a linear model of edges does not learn well.
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
    kernel_size : int, default=3
        Side of the convolutions' kernels, an odd number: kernels have a middle.
    dropout : float, default=0.0
        Share of the pooled features that training sets to zero.
    largest_side : int or None, default=64
        Images with more pixels than a square of this side are averaged down, by a whole
        factor, before they are augmented and trained on: images of 300×300 pixels to
        60×60. None leaves images as they are.
    whitening : bool, default=False
        Whether a first layer decorrelates the pixels and channels of patches of 2×2
        pixels, by kernels of their principal components, which it finds in the training
        images and keeps [3]_. All pixels then reach the first stage: a fit takes
        several times longer, and reads photographs better.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    image_shape_ : tuple of 3 int
        ``(height, width, n_channels)`` of the images.
    channels_ : tuple of int
        Channels of each stage of the network.
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
    MLPClassifier : For rows that are not images.
    ConvolutionFeatureTransformer : Fixed kernels for a linear model or an SVM.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio, Haffner (1998). Gradient-based learning applied to
       document recognition. Proceedings of the IEEE 86.
    .. [2] Loshchilov, Hutter (2019). Decoupled weight decay regularization. ICLR.
    .. [3] Jordan (2024). 94% on CIFAR-10 in 3.29 seconds on a single GPU.
       arXiv:2404.00498.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_digits import ConvNetClassifier
    >>> digits = load_digits()
    >>> clf = ConvNetClassifier(max_iter=5, random_state=0)
    >>> clf.fit(digits.images, digits.target).score(digits.images, digits.target) > 0.9
    True
    """

    channels: Sequence[int] | str = field(default="auto", kw_only=False)
    kernel_size: int = 3
    dropout: float = 0.0
    largest_side: int | None = 64
    whitening: bool = False

    # Kernels of the first layer; files of format 1 have none.
    _whitening: ClassVar = None

    _parameter_constraints: ClassVar[dict] = {
        **ImageClassifier._parameter_constraints,
        "channels": [StrOptions({"auto"}), "array-like"],
        "kernel_size": [POSITIVE_INTEGER],
        "dropout": [SHARE],
        "largest_side": [POSITIVE_INTEGER, None],
        "whitening": ["boolean"],
    }

    def build_module(self, n_features, n_classes):
        """Return a new, untrained :class:`ConvNet`.

        For another network, derive from :class:`ImageClassifier`.

        Parameters
        ----------
        n_features : int
            Pixels times channels of an image.
        n_classes : int
            Columns of the logits.

        Returns
        -------
        module : torch.nn.Module
            Takes floats of shape (n, n_channels, height, width), gives logits of
            shape (n, n_classes).
        """
        auto = isinstance(self.channels, str)
        channels = list(self.channels_ if auto else self.channels)
        if not channels or not all(
            isinstance(width, Integral) and int(width) > 0 for width in channels
        ):
            raise ValueError(
                f"channels={self.channels!r} must be a sequence of at least one "
                "positive integer, the channels of each stage."
            )
        if self.kernel_size % 2 == 0:  # without a middle, it would shift the image
            raise ValueError(
                f"kernel_size={self.kernel_size} must be an odd number; expected "
                f"{self.kernel_size - 1} or {self.kernel_size + 1}, for example."
            )
        return ConvNet(
            self.image_shape_,
            n_classes,
            channels,
            self.kernel_size,
            self.dropout,
            self._largest_side,
            None if self._whitening is None else torch.tensor(self._whitening),
        )

    def _learn_input(self, rows, seen_shape):
        super()._learn_input(rows, seen_shape)
        self._largest_side = self.largest_side
        self.channels_ = self._decide_channels(rows)
        self._whitening = self._find_whitening(rows) if self.whitening else None

    def _decide_channels(self, rows):
        """Return the channels of each stage."""
        if not isinstance(self.channels, str):
            return tuple(self.channels)
        many = len(rows) >= MANY_IMAGES
        if many and not self._tiny and self._clearness(rows) < UNCLEAR:
            return FOUR_STAGES
        return THREE_STAGES

    def _find_whitening(self, rows):
        """Return whitening kernels of the training images."""
        reduce_ = partial(reduce_images, largest_side=self.largest_side)
        sample, images = self._sample(rows, N_IMAGES, reduce_)
        weight = None if rows.weight is None else rows.weight[sample.index]
        return whitening_kernels(images, weight).numpy()

    def _prepare(self, X):
        return reduce_images(super()._prepare(X), self._largest_side)
