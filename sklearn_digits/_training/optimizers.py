"""Adam, AdamW and SGD as scikit-learn writes them down, light enough for small steps.

torch's own optimizers import its compiler at the first use, a second of every process
that fits, and cost a small step a fifth of its time. Their kernels are used here.
"""

from math import sqrt

import torch


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

    def _moments(self, parameters, name):
        """Return one of the moments of `parameters`, zeros at first."""
        states = [self.state[parameter] for parameter in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if name not in state:
                state[name] = torch.zeros_like(parameter)
        return [state[name] for state in states]


class Adam(LightOptimizer):
    """Adam [1]_, with epsilon added to the root of the uncorrected second moment.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter or dict
        ``weight_decay`` of a group is its L2 penalty.
    lr : float
    betas : tuple of 2 float
    eps : float

    References
    ----------
    .. [1] Kingma, Ba (2015). Adam: a method for stochastic optimization. ICLR. The
       order of computation at the end of its section 2.
    """

    kernel = staticmethod(torch._fused_adam_)

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "n_steps": 0})

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step against the gradients in ``grad``."""
        for group, parameters, gradients in self._moving():
            beta_1, beta_2 = group["betas"]
            group["n_steps"] += 1
            n_steps = torch.full(
                (), group["n_steps"], dtype=torch.float32, device=parameters[0].device
            )
            # The kernel adds epsilon to the corrected root.
            correction = sqrt(1 - beta_2 ** group["n_steps"])
            self.kernel(
                parameters,
                gradients,
                self._moments(parameters, "exp_avg"),
                self._moments(parameters, "exp_avg_sq"),
                [],
                [n_steps] * len(parameters),
                lr=group["lr"],
                beta1=beta_1,
                beta2=beta_2,
                weight_decay=group.get("weight_decay", 0.0),
                eps=group["eps"] / correction,
                amsgrad=False,
                maximize=False,
            )


class AdamW(Adam):
    """Adam with decoupled weight decay [1]_: a step first shrinks the weights.

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

    kernel = staticmethod(torch._fused_adamw_)


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
            velocities = self._moments(parameters, "velocity")
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=-rate)
            if group["nesterov"]:
                torch._foreach_add_(parameters, velocities, alpha=group["momentum"])
                torch._foreach_add_(parameters, gradients, alpha=-rate)
            else:
                torch._foreach_add_(parameters, velocities)


# torch would wrap the methods for its profiler, which takes as long as a small step.
Adam.step.hooked = SGD.step.hooked = True  # type: ignore[attr-defined]
