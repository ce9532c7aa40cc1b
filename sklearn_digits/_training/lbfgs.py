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
    settings : FitSettings
        Evaluating the function sets the weights of its module. Its ``chunk_size`` rows
        pass through the module at once, so that memory stays flat.
    rows : Rows
    """

    def __init__(self, settings, rows):
        self.settings = settings
        self.rows = rows
        self._parameters = list(settings.module.parameters())
        self._total = rows.total_weight()

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
        settings = self.settings
        settings.module.zero_grad()
        loss = 0.0
        batches = self.rows.batches(settings.chunk_size, settings.device)
        for X, (target, weight, weight_sum) in batches:
            logits = settings.module(settings.prepare(X))
            mean = settings.criterion(logits, target, weight)
            part = mean * (weight_sum / self._total)
            part.backward()
            loss += part.item()
        if settings.alpha:
            penalized = penalized_weights(self._parameters)
            weights = [each.detach() for each in penalized]
            gradients = [each.grad for each in penalized]
            alpha = settings.alpha / self._total
            loss += add_l2_penalty(weights, gradients, alpha).item()
        gradient = parameters_to_vector([part.grad for part in self._parameters])
        settings.module.zero_grad()
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
        L-BFGS has no epochs after which to score rows, and no state to go on from.
    record : FitRecord
        Is written, an iteration as an epoch that sees no rows.
    observer : Observer
    max_fun : int
        Most evaluations of the loss.
    """
    module = settings.module.eval()
    settings.criterion.eval()
    loss = FullLoss(settings, rows)
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

    limits = {"maxfun": max_fun, "maxiter": settings.n_epochs, "gtol": settings.tol}
    observer.training_begins(record, None)
    try:
        with threads_for(3 * settings.row_flops * min(len(rows), settings.chunk_size)):
            result = minimize(
                loss,
                reached,
                method="L-BFGS-B",
                jac=True,
                callback=end_iteration,
                options=limits,
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
