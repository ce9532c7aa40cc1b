"""Training on all rows at once, by SciPy's L-BFGS-B."""

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result
from torch.nn.utils import parameters_to_vector

from sklearn_digits._classifiers.monitor import FitMonitor, start_curves
from sklearn_digits._training.runtime import threads_for
from sklearn_digits._training.targets import LogLoss


class FullLoss:
    """The loss over all rows as a function of one vector, the weights.

    Parameters
    ----------
    module : torch.nn.Module
        Evaluating the function sets its weights.
    criterion : torch.nn.Module
        Takes logits, target and weight.
    rows : Rows
    prepare : callable
        Makes a batch of rows, as a tensor, the input of the module.
    alpha : float
        L2 penalty on weights, ``alpha / 2 * ||W||² / sum(sample weights)``.
    chunk_size : int
        Rows that pass through the module at once; memory stays flat.
    """

    def __init__(self, module, criterion, rows, prepare, alpha, chunk_size):
        self.module = module
        self.criterion = criterion
        self.rows = rows
        self.prepare = prepare
        self.alpha = alpha
        self.chunk_size = chunk_size
        self._parameters = list(module.parameters())
        self._device = self._parameters[0].device
        self._total = float(len(rows))
        if rows.weight is not None:
            self._total = rows.weight[rows.index].sum().item()

    @property
    def weights(self):
        """The weights of the module as one vector of float64."""
        vector = parameters_to_vector(self._parameters).detach()
        return vector.cpu().double().numpy()

    @weights.setter
    def weights(self, vector):
        parts = torch.from_numpy(np.array(vector)).split(
            [parameter.numel() for parameter in self._parameters]
        )
        with torch.no_grad():
            for parameter, part in zip(self._parameters, parts, strict=True):
                parameter.copy_(part.view_as(parameter))

    def __call__(self, vector):
        """Return loss and gradient at `vector`."""
        self.weights = vector
        self.module.zero_grad()
        loss = 0.0
        for X, (target, weight, weight_sum) in self.rows.batches(
            self.chunk_size, self._device
        ):
            mean = self.criterion(self.module(self.prepare(X)), target, weight)
            part = mean * (weight_sum / self._total)
            part.backward()
            loss += part.item()
        penalised = [matrix for matrix in self._parameters if matrix.ndim > 1]
        penalty = sum(matrix.square().sum() for matrix in penalised)
        penalty = penalty * (self.alpha / 2 / self._total)
        penalty.backward()
        gradient = parameters_to_vector([part.grad for part in self._parameters])
        self.module.zero_grad()
        return loss + penalty.item(), gradient.cpu().double().numpy()


def train_by_lbfgs(estimator, rows, validation, y, resume):
    """Train the module of an MLPClassifier until its gradient is below `tol`.

    On Ctrl-C, the weights of the last finished iteration stay.

    Parameters
    ----------
    estimator : MLPClassifier
        Its module is built.
    rows, validation : Rows
        There may be no validation set.
    y : array-like
        What scikit-learn's callbacks are shown.
    resume : bool
        Whether the fit goes on with another.
    """
    _check_parameters(estimator, validation)
    start_curves(estimator, resume, validated=False)
    monitor = FitMonitor(estimator, estimator.max_iter, 0, None, rows.X, y)
    module = estimator.module_.eval()
    loss = FullLoss(
        module,
        LogLoss(estimator._multilabel),
        rows,
        estimator._prepare,
        estimator.alpha,
        estimator._chunk_size,
    )
    reached = loss.weights

    def end_iteration(intermediate_result):
        nonlocal reached
        loss.weights = reached = intermediate_result.x.copy()
        if monitor.end_iteration(float(intermediate_result.fun), module):
            raise StopIteration

    try:
        with threads_for(3 * estimator._row_flops * min(len(rows), loss.chunk_size)):
            result = minimize(
                loss,
                reached,
                method="L-BFGS-B",
                jac=True,
                callback=end_iteration,
                options={
                    "maxfun": estimator.max_fun,
                    "maxiter": estimator.max_iter,
                    "gtol": estimator.tol,
                },
            )
        reached = result.x
    finally:
        loss.weights = reached
    estimator.n_iter_, estimator.loss_ = result.nit, float(result.fun)
    monitor.check_result(module, rows)
    if not monitor.stopped:
        _check_optimize_result("lbfgs", result, estimator.max_iter)
    monitor.close(module)


def _check_parameters(estimator, validation):
    """Raise where something is asked for that one loss over all rows cannot do."""
    if np.any(estimator.dropout):
        raise ValueError(
            f"dropout={estimator.dropout!r} makes the loss a random one, which "
            "solver='lbfgs' cannot follow; expected dropout=0, or 'adam' or 'sgd'."
        )
    if estimator.skorch_callbacks is not None:
        raise ValueError(
            "skorch_callbacks follow epochs and batches, which solver='lbfgs' does "
            "not have; expected None, or 'adam' or 'sgd'."
        )
    if estimator.compute_dtype == "bfloat16":
        raise ValueError(
            "compute_dtype='bfloat16' is too coarse for the line search of "
            "solver='lbfgs'; expected 'auto', 'float32' or 'float64'."
        )
    if validation is not None:
        raise ValueError(
            "solver='lbfgs' has no epochs after which X_val could be scored; expected "
            "X_val=None, or 'adam' or 'sgd'."
        )
