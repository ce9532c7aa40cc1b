"""TorchClassifier: scikit-learn's contract around a torch module."""

import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_digits._classifiers.assembly import assemble_module, new_net
from sklearn_digits._classifiers.monitor import FitMonitor, start_curves
from sklearn_digits._documentation import DocumentedEstimator
from sklearn_digits._estimator import StorableEstimator
from sklearn_digits._images.shape import (
    accepted_dtypes,
    flatten_images,
    from_torch,
    largest_pixel,
)
from sklearn_digits._persistence import pickling as _state
from sklearn_digits._training.lbfgs import train_by_lbfgs
from sklearn_digits._training.optimizers import Adam
from sklearn_digits._training.random_numbers import draw_seed, new_generator
from sklearn_digits._training.rows import Rows, forward_in_chunks
from sklearn_digits._training.runtime import (
    COMPUTE_DTYPES,
    default_modes,
    resolve_compute_dtype,
    threads_for,
    weight_dtype,
    without_autocast,
)
from sklearn_digits._training.schedule import CLOSED_SCHEDULES
from sklearn_digits._training.targets import (
    check_targets,
    decode_targets,
    encode_targets,
    find_classes,
    probabilities,
    row_weights,
)
from sklearn_digits._training.validation import encode_validation_set, hold_out


def can_fit_partially(estimator):
    """Tell whether there is a ``partial_fit`` with these parameters."""
    if estimator.class_weight == "balanced":
        raise AttributeError(
            "class_weight='balanced' is not supported for partial_fit, which never "
            "sees all rows; pass the weights as a dict."
        )
    return estimator.solver != "lbfgs"


class TorchClassifier(
    DocumentedEstimator,
    CallbackSupportMixin,
    ClassifierMixin,
    StorableEstimator,
    metaclass=ABCMeta,
):
    """Base of the classifiers: a torch module behind scikit-learn's interface.

    A subclass writes :meth:`build_module`; everything else is here: validation,
    labels, weights, training, prediction, pickling. For skops, which loads what it is
    told to trust, clear callbacks with ``set_callbacks()`` and
    ``set_params(skorch_callbacks=None)``: names of the package are enough then.

    Parameters
    ----------
    solver : {"adam", "sgd"}, default="adam"
        Optimizer of the weights.
    batch_size : int or "auto", default="auto"
        Rows of a step; "auto" is the smaller of 200 and the number of rows.
    learning_rate : {"constant", "adaptive", "onecycle", "cosine"}, default="constant"
        Schedule of the learning rate. "adaptive" divides it by 5 whenever patience
        runs out; "onecycle" and "cosine" run over all `max_iter` epochs.
    learning_rate_init : float, default=0.001
        The learning rate; under "onecycle" and "cosine" the highest one.
    max_iter : int, default=200
        Most epochs of a fit.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, order of rows and held-out rows. None takes a seed
        from the operating system; no global generator is touched.
    tol : float, default=1e-4
        What counts as an improvement of loss or validation score.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement after which a fit stops.
    verbose : bool, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether ``fit`` starts from the weights of the fit before.
    momentum : float, default=0.9
        Momentum of "sgd".
    nesterovs_momentum : bool, default=True
        Whether the momentum of "sgd" is Nesterov's.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their score no longer improves, and keep
        the weights that scored best.
    validation_fraction : float, default=0.1
        Share of the rows held out by `early_stopping`, of each class the same share
        where they suffice for that.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
    device : str, default="auto"
        Where to train: "auto" is CUDA where there is one, else "cpu".
    compute_dtype : {"auto", "float32", "bfloat16", "float64"}, default="auto"
        Precision of the matrix products in training. "auto" is bfloat16 for steps
        large enough to profit, where the device multiplies it natively, else float32.
    skorch_callbacks : list of skorch.callbacks.Callback or None, default=None
        Callbacks of skorch's, or tuples ``(name, callback)``. Clones of them are told
        of every batch, which is slower than training without. Targets are positions
        in `classes_` to them; ``valid_loss`` and scores on validation data exist with
        `early_stopping` or `X_val`. A learning rate that callbacks schedule wants
        ``learning_rate="constant"``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    module_ : torch.nn.Module
        The trained module, in evaluation mode; takes prepared rows, gives logits.
    device_ : str
        Where it is.
    compute_dtype_ : {"float32", "bfloat16", "float64"}
        Precision of the matrix products in training.
    n_features_in_ : int
        Features of a row.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where `X` was a data frame.
    n_iter_ : int
        Epochs of the last fit.
    loss_ : float
        Mean loss of the last epoch.
    loss_curve_ : list of float
        Mean loss of each epoch.
    best_loss_ : float or None
        The least of them; None with `early_stopping`.
    validation_scores_ : list of float or None
        Accuracy on the held-out rows after each epoch.
    validation_loss_curve_ : list of float or None
        Loss on them.
    best_validation_score_ : float or None
        The best of the scores.
    t_ : int
        Rows seen in training, with repetition.
    history_ : skorch.history.History
        What skorch and its callbacks recorded, a row an epoch; only with
        `skorch_callbacks`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from torch import nn
    >>> from sklearn_digits import TorchClassifier
    >>> class SoftmaxClassifier(TorchClassifier):
    ...     def build_module(self, n_features, n_classes):
    ...         return nn.Linear(n_features, n_classes)
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SoftmaxClassifier(learning_rate_init=0.01, tol=0.1, random_state=0)
    >>> clf.fit(X, y).score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "solver": [StrOptions({"adam", "sgd"})],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [StrOptions({"constant", "adaptive", *CLOSED_SCHEDULES})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "device": [str],
        "compute_dtype": [StrOptions({"auto", *COMPUTE_DTYPES})],
        "skorch_callbacks": [list, None],
    }

    # Rows that pass through the module at once at prediction, the floating-point
    # operations of a step from which on "auto" means bfloat16, and whether X may be
    # sparse: it is made dense a batch at a time.
    _chunk_size = 1024
    _bfloat16_step = 1e8
    _accepts_sparse = True

    def __init__(
        self,
        *,
        solver="adam",
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        class_weight=None,
        device="auto",
        compute_dtype="auto",
        skorch_callbacks=None,
    ):
        self.solver = solver
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.device = device
        self.compute_dtype = compute_dtype
        self.skorch_callbacks = skorch_callbacks

    # What users call

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train on `X` and `y`.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, height, width) or \
                (n, height, width, n_channels)
            Used as they are if float32, float64 or uint8; other types are converted
            to float32. Rows may be a sparse array of SciPy's, if the classifier's tags
            say so: they are converted to CSR, and made dense a batch at a time.
        y : array-like of shape (n,) or (n, n_labels)
            Labels of any kind that sorts, or an indicator matrix.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, not negative. Rows of weight 0 are left out.
        X_val : array-like, default=None
            A validation set of one's own, like `X`. With `early_stopping` it takes the
            place of the rows that would be held out. Without, score and loss on it are
            recorded after each epoch, and it changes nothing. In a ``Pipeline`` it is
            transformed as `X` is by ``transform_input=["X_val"]``.
        y_val : array-like, default=None
            Labels of `X_val`, all of them among those of `y`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the rows of `X_val`. `class_weight` does not touch them.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is invalid, or the loss is not finite. The
            estimator then stays as it was before.
        KeyboardInterrupt
            On Ctrl-C. The epochs done so far stay usable.
        """
        resume = self.warm_start and hasattr(self, "module_")
        with _state.kept_on_error(self, resume):
            return self._fit(
                X, y, sample_weight, resume, (X_val, y_val, sample_weight_val)
            )

    @available_if(can_fit_partially)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train one epoch more, on rows that need not be the same as before.

        The learning rate stays at `learning_rate_init`, since there is no end that a
        schedule could run to. There is no such method with ``solver="lbfgs"`` and with
        ``class_weight="balanced"``, which want to see all rows.

        Parameters
        ----------
        X : array-like
            As in :meth:`fit`.
        y : array-like of shape (n,) or (n, n_labels)
            As in :meth:`fit`; need not have all classes.
        sample_weight : array-like of shape (n,), default=None
            As in :meth:`fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        resume = hasattr(self, "module_")
        with _state.kept_on_error(self, resume):
            _check_partial_fit_first_call(self, classes)
            return self._fit(X, y, sample_weight, resume, incremental=True)

    def predict(self, X):
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like
            As in :meth:`fit`.

        Returns
        -------
        y : ndarray of shape (n,) or (n, n_labels)
            Labels out of `classes_`, or an indicator matrix.
        """
        return decode_targets(self._logits(X), self.classes_, self._multilabel)

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like
            As in :meth:`fit`.

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes)
            Columns in the order of `classes_`; float64 or float32, as the weights.
        """
        with np.errstate(over="ignore"):  # logits as far apart as floats can be
            return probabilities(self._logits(X), self._multilabel)

    def predict_log_proba(self, X):
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like
            As in :meth:`fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n, n_classes)
            The logarithm of ``predict_proba(X)``, -inf where that is rounded to 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X):
        """Return the logits, from which the probabilities are made.

        Parameters
        ----------
        X : array-like
            As in :meth:`fit`.

        Returns
        -------
        scores : ndarray of shape (n, n_classes), or (n,) if there are two classes
            With two classes, the logit of ``classes_[1]``: positive if it is the
            more probable one.
        """
        logits = self._logits(X)
        if len(self.classes_) == 2 and not self._multilabel:
            return logits[:, 1] - logits[:, 0]
        return logits

    # What a subclass writes

    @abstractmethod
    def build_module(self, n_features, n_classes):
        """Return a new, untrained module.

        It is called in ``fit``, with torch's default generator seeded from
        `random_state`.

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
            (n, n_classes), also for a single row.
        """

    def _prepare(self, X):
        """Make a batch of rows, as a tensor of any dtype, the input of the module."""
        return X.to(weight_dtype(self.compute_dtype_))

    def _learn_input(self, X, seen_shape, weight):
        """Learn what the rows of `X` are, before the module is built."""

    def _check_input(self, X, seen_shape):
        """Check rows that come to a fitted estimator."""

    def _forward(self, flops):
        """Return what makes logits of prepared rows, in evaluation mode.

        `flops` are the floating-point operations of a call.
        """
        return self.module_.eval() if self.module_.training else self.module_

    def _complete_module(self, module):
        """Add to a newly built module what training it needs."""
        return module

    def _resolve_compute_dtype(self, dtype, device, step_flops):
        return resolve_compute_dtype(
            self.compute_dtype, device, step_flops, self._bfloat16_step
        )

    def _auto_batch(self, n_rows):
        """Return the rows of an "auto" batch, `n_rows` at most."""
        return min(200, n_rows)

    def _n_epochs(self, n_steps):
        """Return the epochs of a fit that has `n_steps` steps an epoch."""
        return self.max_iter

    def _optimizer(self):
        """Return the optimizer's class and its arguments."""
        if self.solver == "sgd":
            return torch.optim.SGD, {
                "momentum": self.momentum,
                "nesterov": self.nesterovs_momentum and self.momentum > 0,
                "fused": True,
            }
        return Adam, {}

    def _training_options(self):
        """Return the options of loss and training that subclasses decide."""
        return {
            "schedule": self.learning_rate,
            "label_smoothing": 0.0,
            "alpha": 0.0,
            "weight_decay": 0.0,
            "ema_decay": None,
            "distort": None,
            "differentiate": None,
        }

    # How a fit goes

    @default_modes()
    def _fit(
        self,
        X,
        y,
        sample_weight,
        resume,
        validation_set=(None, None, None),
        incremental=False,
    ):
        (X, y), seen_shape = self._validate_rows(
            X, y, multi_output=True, reset=not resume
        )
        rows = self._encode(X, y, sample_weight, incremental, resume)
        if resume:
            self._check_input(X, seen_shape)
            generator = new_generator(self.random_state)
        else:
            self._learn_input(X, seen_shape, rows.weight)
            generator = assemble_module(self, X)
        validation = encode_validation_set(self, *validation_set)
        dtype = weight_dtype(self.compute_dtype_)
        rows = rows.weighing_in(dtype)
        if validation is not None:
            validation = validation.weighing_in(dtype)
        self.__dict__.pop("history_", None)
        if not incremental:
            self.__dict__.pop("_net", None)
        if self.solver == "lbfgs":  # only of subclasses that have its parameters
            train_by_lbfgs(self, rows, validation, y, resume)
        else:
            self._train(rows, validation, y, generator, resume, incremental)
        return self

    def _validate_rows(self, X, y="no_validation", *, reset=False, **options):
        """Return `X`, or `X` and `y`, validated, and the shape of images in `X`."""
        X, seen_shape = flatten_images(X)
        validated = validate_data(
            self,
            X,
            from_torch(y),
            dtype=accepted_dtypes(X),
            accept_sparse="csr" if self._accepts_sparse else False,
            reset=reset,
            **options,
        )
        return validated, seen_shape

    def _encode(self, X, y, sample_weight, incremental, resume):
        """Turn targets and weights into :class:`Rows`; learn the classes."""
        y, self._multilabel = check_targets(y)
        if self._multilabel and not get_tags(self).classifier_tags.multi_label:
            raise ValueError(
                f"{type(self).__name__} takes one label a row; y is an indicator "
                f"matrix of shape {y.shape}. Expected y of shape (n,)."
            )
        if not resume and (self._multilabel or not incremental):
            self.classes_ = find_classes(y, self._multilabel)
        elif not incremental:
            self._check_same_classes(y)
        target = encode_targets(y, self.classes_, self._multilabel)
        weight = row_weights(
            y, self.classes_, sample_weight, self.class_weight, self._multilabel
        )
        return Rows.weighted(X, target, weight)

    def _check_same_classes(self, y):
        classes = find_classes(y, self._multilabel)
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has "
                f"{classes}"
            )

    def _clip_batch_size(self, n_rows):
        if self.batch_size == "auto":
            return self._auto_batch(n_rows)
        if self.batch_size > n_rows:
            warnings.warn(
                f"Got `batch_size` less than 1 or larger than sample size, "
                f"{self.batch_size} for {n_rows} rows. It is going to be clipped.",
                stacklevel=6,
            )
        return min(self.batch_size, n_rows)

    def _train(self, rows, validation, y, generator, resume, incremental):
        """Train the module on `rows`, in epochs of batches."""
        net = getattr(self, "_net", None)
        if net is None:
            net = new_net(self, generator, incremental)
            net.n_steps_ = np.inf if resume else 0  # unknown, but many
        if self.skorch_callbacks is not None:
            self.history_ = net.history
        if self.early_stopping and validation is None:
            rows, validation = hold_out(
                rows,
                self.validation_fraction,
                draw_seed(net.generator),
                self.classes_,
                self._multilabel,
            )
        net.set_params(batch_size=self._clip_batch_size(len(rows)))
        n_epochs = 1
        if not incremental:
            n_epochs = self._n_epochs(-(-len(rows) // net.batch_size))
        start_curves(self, resume, validation is not None)
        monitor = FitMonitor(self, n_epochs, len(rows), validation, rows.X, y)
        self._run_epochs(net, rows, n_epochs, monitor)
        if incremental:
            self._net = net
        elif not monitor.stopped and self.learning_rate not in CLOSED_SCHEDULES:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({n_epochs}) reached and "
                "the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _run_epochs(self, net, rows, n_epochs, monitor):
        """Run the epochs, and keep what they made of the module."""
        try:
            with threads_for(3 * self._row_flops * net.batch_size):
                net.partial_fit(rows, epochs=n_epochs, monitor=monitor)
        except KeyboardInterrupt:
            if monitor.epochs_done:
                monitor.restore_best(net)
                self.module_ = net.evaluated_module.eval()
            raise
        monitor.restore_best(net)
        self.module_ = net.evaluated_module.eval()
        monitor.check_result(self.module_, rows)
        monitor.close(self.module_)

    @without_autocast()
    def _logits(self, X):
        return self._apply(X, self._forward)

    def _apply(self, X, make_forward):
        """Return what a function makes of rows of `X`, in chunks.

        `make_forward` takes the floating-point operations of a call, and returns the
        function.
        """
        check_is_fitted(self)
        X, seen_shape = self._validate_rows(X)
        self._check_input(X, seen_shape)
        flops = self._row_flops * min(X.shape[0], self._chunk_size)
        with threads_for(flops), np.errstate(over="ignore", invalid="ignore"):
            outputs = forward_in_chunks(
                make_forward(flops),
                X,
                self._prepare,
                self._chunk_size,
                torch.device(self.device_),
            )
        if not np.isfinite(outputs).all():
            raise ValueError(
                f"X holds values as large as {largest_pixel(X):g}, with which "
                f"{type(self).__name__} computes no finite result. Expected values on "
                "the scale of those in fit."
            )
        return outputs

    # How an estimator is stored

    def __sklearn_is_fitted__(self):
        return hasattr(self, "module_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = self._accepts_sparse
        return tags

    def __getstate__(self):
        return _state.to_arrays(super().__getstate__(), self)

    @default_modes()
    def __setstate__(self, state):
        super().__setstate__(state)
        _state.from_arrays(self)
