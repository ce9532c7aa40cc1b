"""TorchClassifier: scikit-learn's contract around a torch module."""

from abc import ABCMeta
from functools import partial
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import torch
from numpy.random import RandomState
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._classifiers.draft import draft_of
from sklearn_digits._classifiers.fit_observer import FitObserver
from sklearn_digits._classifiers.module_owner import ModuleOwner
from sklearn_digits._classifiers.row_encoder import RowEncoder
from sklearn_digits._images.statistics import largest_pixel
from sklearn_digits._training.loop import train
from sklearn_digits._training.loss import LogLoss
from sklearn_digits._training.optimizers import SGD, Adam
from sklearn_digits._training.prediction import forward_in_chunks
from sklearn_digits._training.random_numbers import draw_seed, new_generator
from sklearn_digits._training.record import FitRecord
from sklearn_digits._training.runtime import (
    COMPUTE_DTYPES,
    default_modes,
    heed_fork,
    threads_for,
    weight_dtype,
    without_autocast,
)
from sklearn_digits._training.schedule import SCHEDULES
from sklearn_digits._training.settings import FitSettings
from sklearn_digits._training.targets import (
    decode_targets,
    probabilities,
)
from sklearn_digits._training.validation import hold_out
from sklearn_digits._warnings import warn_user

# Limits of parameters that several classifiers share.
POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="left")


def can_fit_partially(classifier):
    """Tell whether there is a ``partial_fit`` with these parameters."""
    return classifier._can_fit_partially()


class TorchClassifier(
    CallbackSupportMixin, ClassifierMixin, RowEncoder, ModuleOwner, metaclass=ABCMeta
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
        Precision of the matrix products in training. "auto" is bfloat16 for steps
        large enough to profit, where the device multiplies it natively, else float32.
    skorch_callbacks : list of skorch.callbacks.Callback or None, default=None
        Callbacks of skorch, or tuples ``(name, callback)``. The fit clones them and
        tells the clones of every batch, which is slower than training without
        callbacks. To callbacks, targets are positions in `classes_`; ``valid_loss`` and
        scores on validation data exist with `early_stopping` or `X_val`. Callbacks that
        schedule the learning rate want ``learning_rate="constant"``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    module_ : torch.nn.Module
        The trained module, in evaluation mode; takes prepared rows, gives logits.
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
    loss_ : float
        Mean training loss of the last epoch.
    loss_curve_ : list of float
        Mean training loss of each epoch, on augmented images where there is
        augmentation.
    best_loss_ : float or None
        Lowest training loss of all epochs; None with `early_stopping`.
    validation_scores_ : list of float or None
        Accuracy on the validation data after each epoch; None without `early_stopping`
        and `X_val`.
    validation_loss_curve_ : list of float or None
        Loss on the validation data after each epoch; None without `early_stopping` and
        `X_val`.
    best_validation_score_ : float or None
        Highest accuracy on the validation data; None without `early_stopping` and
        `X_val`.
    t_ : int
        Number of rows seen in training, with repetition.
    history_ : skorch.history.History
        History of the skorch callbacks, one row an epoch. Exists only with
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

    solver: str = "adam"
    batch_size: int | str = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    max_iter: int | str = 200
    shuffle: bool = True
    random_state: int | RandomState | None = None
    tol: float = 1e-4
    n_iter_no_change: float = 10
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    class_weight: dict | str | None = None
    device: str = "auto"
    compute_dtype: str = "auto"
    skorch_callbacks: list | None = None

    _parameter_constraints: ClassVar[dict] = {
        "solver": [StrOptions({"adam", "sgd"})],
        "batch_size": [StrOptions({"auto"}), POSITIVE_INTEGER],
        "learning_rate": [StrOptions(set(SCHEDULES) - {"invscaling"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [POSITIVE_INTEGER],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [NOT_NEGATIVE],
        "n_iter_no_change": [POSITIVE_INTEGER, Options(Real, {np.inf})],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [SHARE],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "device": [str],
        "compute_dtype": [StrOptions({"auto", *COMPUTE_DTYPES})],
        "skorch_callbacks": [list, None],
    }

    # Rows that pass through the module at once at prediction.
    _chunk_size = 1024

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
            A separate validation set, like `X`. With `early_stopping` it takes the
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
        validation_set = (X_val, y_val, sample_weight_val)
        with draft_of(self) as draft:
            draft._fit(self, X, y, sample_weight, resume, validation_set)
        return self

    @available_if(can_fit_partially)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one more epoch, on rows that may be new.

        Parameters that were set since the last call take effect, except `compute_dtype`
        and those that shape the network. The optimizer continues where it was; another
        `solver` starts anew. Schedules of a fixed length do not apply: the learning
        rate stays at `learning_rate_init`. There is no ``partial_fit`` with
        ``class_weight="balanced"``, or with a solver that needs all rows at once.

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
        if resume:  # scikit-learn checks parameters before the first call only
            self._validate_params()
        with draft_of(self) as draft:
            _check_partial_fit_first_call(draft, classes)
            draft._fit(self, X, y, sample_weight, resume, incremental=True)
        return self

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

    # What a subclass may change

    def _forward(self, flops):
        """Return what makes logits of prepared rows, in evaluation mode.

        `flops` are the floating-point operations of a call.
        """
        return self.module_.eval() if self.module_.training else self.module_

    def _auto_batch(self, n_rows):
        """Return the rows of an "auto" batch, `n_rows` at most."""
        return min(200, n_rows)

    def _n_epochs(self, rows, batch_size):
        """Return the epochs of a fit to `rows`."""
        return self.max_iter

    def _can_fit_partially(self):
        if self.class_weight == "balanced":
            raise AttributeError(
                "class_weight='balanced' is not supported for partial_fit, which never "
                "sees all rows; pass the weights as a dict."
            )
        return True

    def _holds_out(self):
        """Tell whether scores of held-out rows decide when to stop."""
        return self.early_stopping

    def _optimizer(self):
        """Return what makes an optimizer of groups of parameters and a rate."""
        if self.solver == "sgd":
            nesterov = self.nesterovs_momentum and self.momentum > 0
            return partial(SGD, momentum=self.momentum, nesterov=nesterov)
        return Adam

    def _schedule(self):
        return SCHEDULES[self.learning_rate](self.learning_rate_init)

    def _settings(self, module, generator, rows, incremental):
        """Return the settings of a fit to `rows`.

        Parameters
        ----------
        module : torch.nn.Module
            Built; training changes it.
        generator : torch.Generator
        rows : Rows
        incremental : bool
            Whether this is an epoch of ``partial_fit``.
        """
        n_rows = len(rows)
        batch_size = self._clipped_batch_size(n_rows)
        schedule = self._schedule()
        return FitSettings(
            module=module,
            prepare=self._prepare,
            criterion=LogLoss(self._multilabel),
            optimizer=self._optimizer(),
            schedule=schedule.without_end() if incremental else schedule,
            n_epochs=1 if incremental else self._n_epochs(rows, batch_size),
            batch_size=batch_size,
            shuffle=self.shuffle,
            generator=generator,
            device=torch.device(self.device_),
            compute_dtype=self.compute_dtype_,
            row_flops=self._row_flops,
            n_classes=len(self.classes_),
            chunk_size=self._chunk_size,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=self._holds_out(),
            skorch_callbacks=self.skorch_callbacks,
        )

    def _trainer(self, validation):
        """Return the function that trains."""
        return train

    # How a fit goes

    @default_modes()
    def _fit(
        self,
        estimator,
        X,
        y,
        sample_weight,
        resume,
        validation_set=(None, None, None),
        incremental=False,
    ):
        """Fit this draft of `estimator`."""
        (X, y), seen_shape = self._validate_rows(
            X, y, multi_output=True, reset=not resume
        )
        rows = self._encode(X, y, sample_weight, incremental, resume)
        generator = new_generator(self.random_state)
        if resume:
            self._check_input(X, seen_shape)
            module = self._continued_module(generator)
        else:
            self._learn_input(rows, seen_shape)
            module = self._first_module(X, generator, len(rows))
        rows = rows.with_weight_dtype(weight_dtype(self.compute_dtype_))
        validation = self._encode_validation_set(X, *validation_set)
        trainer = self._trainer(validation)
        if self._holds_out() and validation is None:
            rows, validation = self._hold_out(rows, generator)
        settings = self._settings(module, generator, rows, incremental)
        past = self._past() if resume else None
        early = settings.early_stopping
        record = FitRecord.started(early, validation is not None, past)
        history = self.__dict__.pop("history_", None)
        state = self.__dict__.pop("_training_state", None)
        if not incremental:
            history = state = None
        if self.skorch_callbacks is not None:
            record.history = history
        observer = FitObserver(estimator, self, settings, rows, validation, y)
        try:
            trainer(settings, rows, validation, record, observer, state)
        finally:
            self._keep(record, incremental)
        if not incremental:
            self._check_convergence(settings, rows, record)

    def _past(self):
        """Return the record of the fits that this one continues."""
        return FitRecord.from_attributes(vars(self))

    def _hold_out(self, rows, generator):
        """Split rows into those to train on, and those to score."""
        return hold_out(
            rows,
            self.validation_fraction,
            draw_seed(generator),
            self.classes_,
            self._multilabel,
        )

    def _keep(self, record, incremental):
        """Take over what a fit has written into its record."""
        if record.module is None:
            return
        self.module_ = record.module
        if record.history is not None:
            self.history_ = record.history
        if incremental:  # the weights that predict are in module_
            state = {k: v for k, v in record.state.items() if k != "weights"}
            self._training_state = state
        # n_iter_ comes last: it says that the rest is there, also to Ctrl-C.
        self.__dict__.update(record.attributes())

    def _check_convergence(self, settings, rows, record):
        """Warn if training ended before loss or score stopped improving."""
        schedule = settings.schedule
        if not (record.stopped or schedule is None or schedule.fixed_length):
            warn_user(
                f"Stochastic Optimizer: Maximum iterations ({record.n_iter}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )

    def _clipped_batch_size(self, n_rows):
        if self.batch_size == "auto":
            return self._auto_batch(n_rows)
        if self.batch_size > n_rows:
            warn_user(
                f"Got `batch_size` less than 1 or larger than sample size, "
                f"{self.batch_size} for {n_rows} rows. It is going to be clipped."
            )
        return int(min(self.batch_size, n_rows))  # torch refuses NumPy's integers

    def _logits(self, X):
        return self._apply(X, self._forward)

    @without_autocast()
    def _apply(self, X, make_forward):
        """Return what a function makes of rows of `X`, in chunks.

        `make_forward` takes the floating-point operations of a call, and returns the
        function.
        """
        check_is_fitted(self)
        heed_fork()
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
