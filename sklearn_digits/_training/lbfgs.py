"""Training on all rows at once, by SciPy's L-BFGS-B."""

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from torch.nn.utils import parameters_to_vector

from sklearn_digits._training.penalty import add_l2_penalty, penalized_weights
from sklearn_digits._training.prediction import check_finite
from sklearn_digits._training.runtime import threads_for
from sklearn_digits._warnings import warn_user


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
        if self.alpha:
            penalized = penalized_weights(self._parameters)
            loss += add_l2_penalty(penalized, self.alpha / self._total).item()
        gradient = parameters_to_vector([part.grad for part in self._parameters])
        self.module.zero_grad()
        return loss, gradient.cpu().double().numpy()


def train_by_lbfgs(
    settings, rows, validation, record, observer, state=None, *, max_fun
):
    """Train ``settings.module`` until the gradient of its loss is below ``tol``.

    On Ctrl-C, the weights of the last finished iteration stay.

    Parameters
    ----------
    settings : FitSettings
        Schedule, optimizer and patience have no meaning here.
    rows : Rows
    validation, state : None
        There are no epochs to score rows after, and no state to go on from.
    record : FitRecord
        Is written, an iteration as an epoch that sees no rows.
    observer : Observer
    max_fun : int
        Most evaluations of the loss.
    """
    module = settings.module.eval()
    loss = FullLoss(
        module,
        settings.criterion.eval(),
        rows,
        settings.prepare,
        settings.alpha,
        settings.chunk_size,
    )
    reached = loss.weights

    def end_iteration(intermediate_result):
        nonlocal reached
        loss.weights = reached = intermediate_result.x.copy()
        value = float(intermediate_result.fun)
        settings.check_finite(value, record.n_iter + 1)
        observer.epoch_begins()
        record.add_epoch(value, 0)
        record.stopped = observer.epoch_ends(record, module)
        if record.stopped:
            raise StopIteration

    observer.training_begins(record, None)
    try:
        with threads_for(3 * settings.row_flops * min(len(rows), loss.chunk_size)):
            result = minimize(
                loss,
                reached,
                method="L-BFGS-B",
                jac=True,
                callback=end_iteration,
                options={
                    "maxfun": max_fun,
                    "maxiter": settings.n_epochs,
                    "gtol": settings.tol,
                },
            )
        reached = result.x
    finally:
        loss.weights, record.module = reached, module
    record.n_iter, record.loss = result.nit, float(result.fun)
    fault = check_finite(module, rows, settings.prepare, settings.device)
    if fault is not None:
        raise settings.not_finite(fault, record.n_iter)
    if not record.stopped and result.status != 0:
        warn_user(
            f"lbfgs failed to converge after {result.nit} iteration(s) (status="
            f"{result.status}): {result.message}. You might also want to scale the "
            "data, or to raise max_iter or max_fun.",
            ConvergenceWarning,
        )
    observer.training_ends(module)
