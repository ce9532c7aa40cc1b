"""MLPClassifier: scikit-learn's multi-layer perceptron, trained by torch.

Rows of pixels through fully connected layers. It is the network that the tutorial
behind this package starts with, and a drop-in for scikit-learn's class of the same
name: the same parameters, initial weights and penalty.
"""

from collections.abc import Sequence
from dataclasses import field, replace
from functools import partial
from itertools import pairwise
from math import ldexp, log2, sqrt
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional

from sklearn_digits._classifiers.torch_classifier import (
    NOT_NEGATIVE,
    POSITIVE_INTEGER,
    SHARE,
    TorchClassifier,
)
from sklearn_digits._persistence import sklearn_weights
from sklearn_digits._training.backpropagation import (
    ACTIVATE,
    Backpropagation,
    arrays_of,
    propagate,
)
from sklearn_digits._training.layers import Dropout
from sklearn_digits._training.lbfgs import train_by_lbfgs
from sklearn_digits._training.optimizers import Adam
from sklearn_digits._training.runtime import ONE_THREAD_STEP, weight_dtype
from sklearn_digits._training.schedule import SCHEDULES, Constant, InverseScaling

ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}

# Below this many operations a step, float64 input trains in float64: precision
# costs nothing there, and scikit-learn's results are met to the last digits.
FLOAT64_STEP = 5e7


class MLP(nn.Module):
    """Fully connected layers.

    Parameters
    ----------
    widths : sequence of int
        Of the input, the hidden layers and the output.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}
        After each hidden layer.
    dropout : sequence of float
        Share of the values that training sets to zero, of each hidden layer.
    binary : bool
        Whether the one output is the logit of the second of two classes; the first
        class then gets the logit 0, which makes softmax the logistic function.
    """

    def __init__(self, widths, activation, dropout, binary):
        super().__init__()
        self.activation = activation
        self.binary = binary
        layers: list[nn.Module] = []
        for depth, (n_in, n_out) in enumerate(pairwise(widths)):
            if depth:
                layers.append(ACTIVATIONS[activation]())
                layers.append(Dropout(dropout[depth - 1]))
            linear = nn.Linear(n_in, n_out)
            glorot_uniform_(linear, factor=2.0 if activation == "logistic" else 6.0)
            layers.append(linear)
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        """Return logits (n, n_classes) of rows (n, n_features)."""
        logits = self.layers(x)
        return functional.pad(logits, (1, 0)) if self.binary else logits

    def forward_in_numpy(self, x):
        """Return the logits of rows on the CPU, in evaluation mode.

        They are those of :meth:`forward`, to rounding.
        """
        weights, biases = arrays_of(self.linear_layers())
        *_, logits = propagate(weights, biases, self.activation, x.numpy())
        logits = torch.from_numpy(logits)
        return functional.pad(logits, (1, 0)) if self.binary else logits

    def linear_layers(self):
        """Return the layers that have weights, from input to output."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def glorot_uniform_(linear, factor):
    """Draw weights and intercepts uniformly, within bounds by the layer's widths.

    References
    ----------
    .. [1] Glorot, Bengio (2010). Understanding the difficulty of training deep
       feedforward neural networks. AISTATS.
    """
    bound = sqrt(factor / (linear.in_features + linear.out_features))
    nn.init.uniform_(linear.weight, -bound, bound)
    nn.init.uniform_(linear.bias, -bound, bound)


def shares_of_layers(dropout, n_hidden):
    """Return the share that each of `n_hidden` layers drops, as a list.

    Parameters
    ----------
    dropout : float or sequence of float
        One share for all layers, or one a layer.
    n_hidden : int

    Raises
    ------
    ValueError
        If there is another number of shares, or one of them outside [0, 1).
    """
    shares = [dropout] * n_hidden if np.ndim(dropout) == 0 else list(dropout)
    if len(shares) != n_hidden:
        raise ValueError(
            f"dropout={dropout!r} has {len(shares)} values for {n_hidden} hidden "
            "layers; expected a number, or one for each of them."
        )
    if not all(isinstance(share, Real) and 0 <= float(share) < 1 for share in shares):
        raise ValueError(
            f"dropout={dropout!r} must be in [0, 1), as a number or one a hidden layer."
        )
    return [float(share) for share in shares]


class MLPClassifier(TorchClassifier):
    """Multi-layer perceptron with scikit-learn's parameters, trained by torch.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Widths of the hidden layers; ``()`` has none.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}, \
            default="relu"
        Activation of the hidden layers.
    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        Optimizer of the weights. "lbfgs" is SciPy's L-BFGS-B on all rows at once, for
        small data: `tol` then bounds the gradient, `max_iter` counts its iterations,
        and what belongs to epochs, batches and learning rates has no meaning, nor has
        `early_stopping`. There is no ``partial_fit`` with it.
    batch_size : int or "auto", default="auto"
        Rows of a step; "auto" is the smaller of 200 and the number of rows.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Schedule of the learning rate of "sgd"; "adam" adapts steps by itself and
        keeps it constant. "invscaling" divides it by ``t ** power_t`` after each
        epoch, t being the rows seen; "adaptive" by 5 when patience runs out.
    learning_rate_init : float, default=0.001
        Initial learning rate. Under "onecycle" and "cosine" it is the highest one.
    max_iter : int, default=200
        Most epochs of a fit.
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
        Whether ``fit`` continues from the weights of the previous fit.
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
        frequency; None weighs all rows alike.
    device : str, default="auto"
        Device to train on, for example "cpu" or "cuda:0". "auto" is CUDA where it is
        available, else the CPU.
    compute_dtype : {"auto", "float32", "bfloat16", "float64"}, default="auto"
        Precision of the matrix products in training. "auto" is float64 for float64
        input while a step is small, bfloat16 for large steps where the device
        multiplies it natively, else float32. Weights and predictions are float64 or
        float32.
    skorch_callbacks : list of skorch.callbacks.Callback or None, default=None
        Callbacks of skorch, or tuples ``(name, callback)``. The fit clones them and
        tells the clones of every batch, which is slower than training without
        callbacks. To callbacks, targets are positions in `classes_`; ``valid_loss`` and
        scores on validation data exist with `early_stopping` or `X_val`. Callbacks that
        schedule the learning rate want ``learning_rate="constant"``.
    alpha : float, default=0.0001
        L2 penalty: ``alpha / 2`` times the sum of the squared weights, intercepts
        excepted, over the sum of the batch's sample weights, is added to the loss.
    power_t : float, default=0.5
        Exponent of "invscaling".
    beta_1 : float, default=0.9
        Decay of the mean of gradients in "adam".
    beta_2 : float, default=0.999
        Decay of the mean of squared gradients in "adam".
    epsilon : float, default=1e-8
        Added to the denominator in "adam".
    max_fun : int, default=15000
        Most evaluations of the loss by "lbfgs".
    dropout : float or sequence of float, default=0.0
        Share of each hidden layer's values that training sets to zero; one for all
        hidden layers, or one a layer.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer. They share memory with `module_` if it is on the CPU,
        and can be set: the values are copied into it.
    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of each layer. They share memory with `module_` if it is on the CPU,
        and can be set: the values are copied into it.
    n_layers_ : int
        Layers with input and output.
    n_outputs_ : int
        Units of the output.
    out_activation_ : {"softmax", "logistic"}
        Activation of the output.
    module_ : torch.nn.Module
        The trained module, in evaluation mode.
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
    ConvNetClassifier : Sees images, not rows: more accurate on them.
    sklearn.neural_network.MLPClassifier : The class this one stands in for.

    References
    ----------
    .. [1] Kingma, Ba (2015). Adam: a method for stochastic optimization. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_digits import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MLPClassifier(max_iter=20, tol=0.1, random_state=0).fit(X, y)
    >>> clf.score(X, y) > 0.95
    True
    """

    hidden_layer_sizes: int | Sequence[int] = field(default=(100,), kw_only=False)
    activation: str = field(default="relu", kw_only=False)
    alpha: float = 0.0001
    power_t: float = 0.5
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    max_fun: int = 15000
    dropout: float | Sequence[float] = 0.0

    _parameter_constraints: ClassVar[dict] = {
        **TorchClassifier._parameter_constraints,
        "hidden_layer_sizes": ["array-like", POSITIVE_INTEGER],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({"adam", "sgd", "lbfgs"})],
        "alpha": [NOT_NEGATIVE],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "power_t": [NOT_NEGATIVE],
        "beta_1": [SHARE],
        "beta_2": [SHARE],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "max_fun": [POSITIVE_INTEGER],
        "dropout": [SHARE, "array-like"],
    }

    def build_module(self, n_features, n_classes):
        """Return a new, untrained :class:`MLP`.

        Parameters
        ----------
        n_features : int
            Features of a row.
        n_classes : int
            Columns of the logits.

        Returns
        -------
        module : torch.nn.Module
            Takes float rows of shape (n, n_features), gives logits of shape
            (n, n_classes).
        """
        hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object))
        if not all(isinstance(width, Integral) and int(width) > 0 for width in hidden):
            raise ValueError(
                f"hidden_layer_sizes must be > 0, got {self.hidden_layer_sizes}; "
                "expected an integer or a sequence of integers."
            )
        binary = n_classes == 2 and not self._multilabel
        widths = [n_features, *(int(width) for width in hidden)]
        return MLP(
            [*widths, 1 if binary else n_classes],
            self.activation,
            shares_of_layers(self.dropout, len(hidden)),
            binary,
        )

    @classmethod
    def from_sklearn(cls, estimator):
        """Return a fitted classifier with the weights of scikit-learn's.

        Parameters
        ----------
        estimator : sklearn.neural_network.MLPClassifier
            Fitted. It is not changed.

        Returns
        -------
        classifier : MLPClassifier
            With the same parameters, weights, precision, curves and probabilities.
            The state of the optimizer is not carried over: ``partial_fit`` goes on
            with a new one.

        Raises
        ------
        TypeError
            If `estimator` is anything else.
        ValueError
            If `estimator` has seen one class only: the two libraries then predict
            different things.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
        >>> from sklearn_digits import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> theirs = SklearnMLPClassifier(solver="lbfgs", tol=0.1).fit(X, y)
        >>> ours = MLPClassifier.from_sklearn(theirs)
        >>> bool((ours.predict(X) == theirs.predict(X)).all())
        True
        """
        return sklearn_weights.from_sklearn(cls, estimator)

    def to_sklearn(self):
        """Return a fitted classifier of scikit-learn's with the same weights.

        Returns
        -------
        classifier : sklearn.neural_network.MLPClassifier
            Parameters that it does not have are left out: `dropout`,
            `class_weight`, `device`, `compute_dtype`.

        Raises
        ------
        ValueError
            If scikit-learn does not have the `activation`, or if there is one class
            only.
        """
        check_is_fitted(self)
        return sklearn_weights.to_sklearn(self)

    @property
    def coefs_(self):
        """Weights of each layer, of shape (n_in, n_out)."""
        layers = self._fitted("coefs_").linear_layers()
        return [layer.weight.detach().cpu().numpy().T for layer in layers]

    @coefs_.setter
    def coefs_(self, coefs):
        layers = self._fitted("coefs_").linear_layers()
        sklearn_weights.set_weights(
            "coefs_", [layer.weight.T for layer in layers], coefs
        )

    @property
    def intercepts_(self):
        """Intercepts of each layer, of shape (n_out,)."""
        layers = self._fitted("intercepts_").linear_layers()
        return [layer.bias.detach().cpu().numpy() for layer in layers]

    @intercepts_.setter
    def intercepts_(self, intercepts):
        layers = self._fitted("intercepts_").linear_layers()
        sklearn_weights.set_weights(
            "intercepts_", [layer.bias for layer in layers], intercepts
        )

    @property
    def n_layers_(self):
        """Number of layers, input and output included."""
        return len(self._fitted("n_layers_").linear_layers()) + 1

    @property
    def n_outputs_(self):
        """Units of the output: one for two classes."""
        return self._fitted("n_outputs_").linear_layers()[-1].out_features

    @property
    def out_activation_(self):
        """Activation of the output."""
        binary = self._fitted("out_activation_").binary
        return "logistic" if binary or self._multilabel else "softmax"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _fitted(self, attribute):
        if not hasattr(self, "module_"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {attribute!r} before fit."
            )
        return self.module_

    def _resolve_compute_dtype(self, dtype, device, step_flops):
        exact = self.solver == "lbfgs"  # whose line search must see small differences
        if (
            self.compute_dtype == "auto"
            and dtype == np.float64
            and (exact or step_flops < FLOAT64_STEP)
            and device.type != "mps"
        ):
            return "float64"
        if self.compute_dtype == "auto" and exact:
            return "float32"
        return super()._resolve_compute_dtype(dtype, device, step_flops)

    def _can_fit_partially(self):
        return super()._can_fit_partially() and self.solver != "lbfgs"

    def _holds_out(self):
        return super()._holds_out() and self.solver != "lbfgs"

    def _optimizer(self):
        if self.solver == "sgd":
            return super()._optimizer()
        return partial(Adam, betas=(self.beta_1, self.beta_2), eps=self.epsilon)

    def _schedule(self):
        rate = self.learning_rate_init
        if self.solver != "sgd":  # adam adapts its steps by itself
            return Constant(rate)
        if self.learning_rate == "invscaling":
            return InverseScaling(rate, self.power_t)
        return SCHEDULES[self.learning_rate](rate)

    def _settings(self, module, generator, rows, incremental):
        settings = super()._settings(module, generator, rows, incremental)
        settings = replace(settings, alpha=self._relative_alpha(rows))
        if self.solver == "lbfgs":
            return replace(settings, optimizer=None, schedule=None)
        backward = self._hand_written_backward(module, settings.step_flops())
        return replace(settings, backward=backward)

    def _relative_alpha(self, rows):
        """Return the L2 penalty that suits the weights of `rows`, as they are scaled.

        The penalty is divided by the sum of the weights that the user passed.
        """
        if not self.alpha:
            return 0.0
        largest = torch.finfo(weight_dtype(self.compute_dtype_)).max ** 0.25
        total, exponent = rows.total_weight(), rows.weight_exponent
        if log2(self.alpha) - log2(total) - exponent > log2(largest):
            raise ValueError(
                f"The sample weights sum to {ldexp(total, exponent):.2g}. The L2 "
                f"penalty, alpha={self.alpha} divided by that sum, is too large to "
                "train with. Expected larger sample weights, or alpha=0."
            )
        return ldexp(self.alpha, -exponent)

    def _trainer(self, validation):
        if self.solver != "lbfgs":
            return super()._trainer(validation)
        self._check_lbfgs(validation)
        return partial(train_by_lbfgs, max_fun=self.max_fun)

    def _check_lbfgs(self, validation):
        """Raise where something is asked for that one loss over all rows cannot do."""
        if np.any(self.dropout):
            raise ValueError(
                f"dropout={self.dropout!r} makes the loss a random one, which "
                "solver='lbfgs' cannot follow; expected dropout=0, or 'adam' or 'sgd'."
            )
        if self.skorch_callbacks is not None:
            raise ValueError(
                "skorch_callbacks follow epochs and batches, which solver='lbfgs' does "
                "not have; expected None, or 'adam' or 'sgd'."
            )
        if self.compute_dtype == "bfloat16":
            raise ValueError(
                "compute_dtype='bfloat16' is too coarse for the line search of "
                "solver='lbfgs'; expected 'auto', 'float32' or 'float64'."
            )
        if validation is not None:
            raise ValueError(
                "solver='lbfgs' has no epochs after which X_val could be scored; "
                "expected X_val=None, or 'adam' or 'sgd'."
            )

    def _forward(self, flops):
        if flops < ONE_THREAD_STEP and self._suits_numpy(self.module_):
            return self.module_.forward_in_numpy
        return super()._forward(flops)

    def _suits_numpy(self, module):
        """Tell whether NumPy may do what `module` does, on one thread.

        On several, its threads and torch's wait for one another.
        """
        return (
            self.device_ == "cpu"
            and isinstance(module, MLP)
            and module.activation in ACTIVATE
        )

    def _hand_written_backward(self, module, step_flops):
        """Return the backward pass of small steps, or None: autograd's."""
        if (
            step_flops >= ONE_THREAD_STEP
            or not self._suits_numpy(module)
            or any(getattr(layer, "p", 0) for layer in module.layers)
            or self.compute_dtype_ == "bfloat16"
        ):
            return None
        return Backpropagation(
            module.linear_layers(), module.activation, module.binary, self._multilabel
        )
