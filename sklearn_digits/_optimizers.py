"""Adam and SGD as scikit-learn writes them down, Adam and AdamW as torch does.

torch's own optimizers import its compiler at the first use, a second of every process
that fits, and cost a small step a fifth of its time.
"""

from math import sqrt

import numpy as np
import torch
from torch.optim.adam import adam

# From this many weights on, torch's Adam is faster: one pass over them instead of six.
MANY_WEIGHTS = 5e4


def suits_light_adam(module, device):
    """Tell whether Adam as it is here suits a module: few weights, on the CPU."""
    n_weights = sum(weight.numel() for weight in module.parameters())
    return device == "cpu" and n_weights < MANY_WEIGHTS


class LightOptimizer(torch.optim.Optimizer):
    """An optimizer that does not load torch's compiler.

    The wrappers around these methods of ``torch.optim.Optimizer`` are what loads it.
    """

    add_param_group = torch.optim.Optimizer.add_param_group.__wrapped__  # type: ignore[attr-defined]
    zero_grad = torch.optim.Optimizer.zero_grad.__wrapped__  # type: ignore[attr-defined]
    state_dict = torch.optim.Optimizer.state_dict.__wrapped__  # type: ignore[attr-defined]
    load_state_dict = torch.optim.Optimizer.load_state_dict.__wrapped__  # type: ignore[attr-defined]

    def _moving(self):
        """Yield the groups, their parameters that have a gradient, and the gradients.

        Groups in which nothing has a gradient are passed over.
        """
        for group in self.param_groups:
            parameters = [
                weight for weight in group["params"] if weight.grad is not None
            ]
            if parameters:
                yield group, parameters, [weight.grad for weight in parameters]

    def _kept(self, parameters, name, start=torch.zeros_like):
        """Return what is kept of each of `parameters`; `start` makes it at first."""
        states = [self.state[parameter] for parameter in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if name not in state:
                state[name] = start(parameter)
        return [state[name] for state in states]


class Adam(LightOptimizer):
    """Adam [1]_, with epsilon added to the root of the uncorrected second moment.

    Of parameters on the CPU.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter or dict
    lr : float
    betas : tuple of 2 float
    eps : float

    References
    ----------
    .. [1] Kingma, Ba (2015). Adam: a method for stochastic optimization. ICLR. The
       order of computation at the end of its section 2.
    """

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "n_steps": 0})

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step against the gradients in ``grad``."""
        for group, parameters, gradients in self._moving():
            beta_1, beta_2 = group["betas"]
            group["n_steps"] += 1
            correction = sqrt(1 - beta_2 ** group["n_steps"])
            rate = group["lr"] * correction / (1 - beta_1 ** group["n_steps"])
            first = self._kept(parameters, "exp_avg")
            second = self._kept(parameters, "exp_avg_sq")
            torch._foreach_lerp_(first, gradients, 1 - beta_1)
            torch._foreach_mul_(second, beta_2)
            torch._foreach_addcmul_(second, gradients, gradients, 1 - beta_2)
            # torch's root is MKL's, whose threads and those of NumPy's matrix products
            # wait for one another, milliseconds each time.
            denominator = [
                torch.from_numpy(np.sqrt(moment.numpy()) + group["eps"])
                for moment in second
            ]
            torch._foreach_addcdiv_(parameters, first, denominator, -rate)


class FusedAdam(LightOptimizer):
    """torch's Adam [1]_, in one pass over the weights.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter or dict
        ``weight_decay`` of a group is its L2 penalty.
    lr : float
    betas : tuple of 2 float
    eps : float

    References
    ----------
    .. [1] Kingma, Ba (2015). Adam: a method for stochastic optimization. ICLR.
    """

    decoupled_weight_decay = False

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step against the gradients in ``grad``."""
        for group, parameters, gradients in self._moving():
            beta1, beta2 = group["betas"]
            adam(
                parameters,
                gradients,
                self._kept(parameters, "exp_avg"),
                self._kept(parameters, "exp_avg_sq"),
                [],
                self._kept(parameters, "step", start=_zero),
                fused=True,
                decoupled_weight_decay=self.decoupled_weight_decay,
                amsgrad=False,
                maximize=False,
                beta1=beta1,
                beta2=beta2,
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
            )


class AdamW(FusedAdam):
    """Adam with decoupled weight decay [1]_, as torch has it.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter or dict
        ``weight_decay`` of a group is the share of the weights that a step of
        learning rate 1 takes away.
    lr : float
    betas : tuple of 2 float
    eps : float

    References
    ----------
    .. [1] Loshchilov, Hutter (2019). Decoupled weight decay regularization. ICLR.
    """

    decoupled_weight_decay = True


def _zero(parameter):
    """Return a zero on the device of `parameter`."""
    return torch.zeros((), device=parameter.device)


class SGD(LightOptimizer):
    """Gradient descent with momentum: past steps stay as long as they were taken.

    torch's class scales them by the present learning rate.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter or dict
    lr : float
    momentum : float
    nesterov : bool
        Whether the momentum is Nesterov's.
    """

    def __init__(self, params, lr, momentum=0.0, nesterov=False):
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step against the gradients in ``grad``."""
        for group, parameters, gradients in self._moving():
            rate = group["lr"]
            if not group["momentum"]:
                torch._foreach_add_(parameters, gradients, alpha=-rate)
                continue
            velocities = self._kept(parameters, "velocity")
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=-rate)
            if group["nesterov"]:
                torch._foreach_add_(parameters, velocities, alpha=group["momentum"])
                torch._foreach_add_(parameters, gradients, alpha=-rate)
            else:
                torch._foreach_add_(parameters, velocities)


# torch would wrap the methods for its profiler, which takes as long as a small step.
Adam.step.hooked = FusedAdam.step.hooked = SGD.step.hooked = True  # type: ignore[attr-defined]
