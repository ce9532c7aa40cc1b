"""Optimizers that are light enough for small steps: Adam, AdamW, Muon and SGD.

Adam and SGD are those of scikit-learn.

torch's own optimizers import its compiler at the first use, which takes a second of
every process that fits, and they cost a small step a fifth of its time. Their kernels
are used here. The kernels are private names of torch: a release that renames one makes
steps slower, not wrong.
"""

from math import sqrt

import torch
from torch.optim.adam import adam
from torch.optim.adamw import adamw

# Steps of Newton and Schulz's iteration, its polynomial (of degrees 1, 3 and 5), and
# the root mean square of a step at a learning rate of 1.
ORTHOGONAL_STEPS, QUINTIC, MUON_STEP = 4, (3.4445, -4.7750, 2.0315), 0.3


def _unwrapped(method):
    """Return a method of torch's optimizer without what loads torch's compiler."""
    return getattr(method, "__wrapped__", method)


class LightOptimizer(torch.optim.Optimizer):
    """An optimizer that does not load torch's compiler."""

    add_param_group = _unwrapped(torch.optim.Optimizer.add_param_group)
    zero_grad = _unwrapped(torch.optim.Optimizer.zero_grad)
    # skorch's callbacks call these two.
    state_dict = _unwrapped(torch.optim.Optimizer.state_dict)
    load_state_dict = _unwrapped(torch.optim.Optimizer.load_state_dict)

    def __init__(self, params, defaults):
        super().__init__(params, {"weight_decay": 0.0, **defaults, "n_steps": 0})

    def state_of(self, parameters):
        """Return what the steps so far have left, whatever the groups.

        Parameters
        ----------
        parameters : iterable of torch.nn.Parameter
            In an order that is the same when the state is loaded, such as that of
            ``module.parameters()``.

        Returns
        -------
        state : dict
            ``"n_steps"``, the number of steps, and ``"moments"``, a dict of tensors for
            each parameter. Later steps change the tensors.
        """
        return {
            "n_steps": max(group["n_steps"] for group in self.param_groups),
            "moments": [dict(self.state.get(each, {})) for each in parameters],
        }

    def load_state_of(self, parameters, state):
        """Continue from a state that :meth:`state_of` returned.

        Parameters
        ----------
        parameters : iterable of torch.nn.Parameter
        state : dict
            Its tensors are copied.
        """
        for group in self.param_groups:
            group["n_steps"] = state["n_steps"]
        for parameter, moments in zip(parameters, state["moments"], strict=True):
            # Kernels want the memory format of the parameter.
            self.state[parameter] = {
                name: torch.empty_like(parameter).copy_(moment)
                for name, moment in moments.items()
            }

    def _moving(self):
        """Yield the groups, their parameters that have a gradient, and the gradients.

        Groups in which nothing has a gradient are passed over.
        """
        for group in self.param_groups:
            moving = [weight for weight in group["params"] if weight.grad is not None]
            if moving:
                group["n_steps"] += 1
                yield group, moving, [weight.grad for weight in moving]

    def _moments(self, parameters, name):
        """Return one of the moments of `parameters`, zeros at first."""
        states = [self.state[parameter] for parameter in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if name not in state:
                state[name] = torch.zeros_like(parameter)
        return [state[name] for state in states]


def adam_kernel(name, function):
    """Return torch's fused kernel of that name, or `function` where torch has none.

    Parameters
    ----------
    name : str
    function : callable
        ``adam`` or ``adamw`` of torch, which count the step themselves.
    """

    def step(*tensors, **options):
        *others, n_steps = tensors
        function(*others, [count - 1 for count in n_steps], **options)

    return staticmethod(getattr(torch, name, step))


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

    kernel = adam_kernel("_fused_adam_", adam)

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step against the gradients in ``grad``."""
        for group, parameters, gradients in self._moving():
            self._update(group, parameters, gradients)

    def _update(self, group, parameters, gradients):
        """Take a step with the parameters of a group."""
        beta_1, beta_2 = group["betas"]
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
            weight_decay=group["weight_decay"],
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

    kernel = adam_kernel("_fused_adamw_", adamw)


class Muon(AdamW):
    """Muon [1]_ for the kernels of convolutions, AdamW for all other parameters.

    A kernel tensor is a matrix, one row a filter. Its step is the moving average of its
    gradients, made orthogonal: all directions are learned at the same speed. Its length
    does not depend on the shape of the kernels [2]_, so that Muon and AdamW share
    learning rate and weight decay. It is half again as long as there: fits here are
    short.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter or dict
        ``weight_decay`` of a group is the share of the weights that a step of
        learning rate 1 takes away.
    lr : float
    betas : tuple of 2 float
        The first is the decay of the moving averages, also that of Muon.
    eps : float

    References
    ----------
    .. [1] Jordan, Jin, Boza, You, Cesista, Newhouse, Bernstein (2024). Muon: an
       optimizer for hidden layers in neural networks.
       https://kellerjordan.github.io/posts/muon/
    .. [2] Liu et al. (2025). Muon is scalable for LLM training. arXiv:2502.16982.
    """

    def _update(self, group, parameters, gradients):
        others = []
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if parameter.ndim == 4:
                self._update_kernel(group, parameter, gradient)
            else:
                others.append((parameter, gradient))
        if others:
            super()._update(group, *map(list, zip(*others, strict=True)))

    def _update_kernel(self, group, parameter, gradient):
        [average] = self._moments([parameter], "exp_avg")
        momentum = group["betas"][0]
        average.lerp_(gradient, 1 - momentum)
        ahead = torch.lerp(gradient, average, momentum)  # as Nesterov's momentum
        # Rows in the order that channels_last has in memory.
        rows = ahead.permute(0, 2, 3, 1)
        step = orthogonal(rows.flatten(1))
        step *= MUON_STEP * sqrt(max(step.shape)) * group["lr"]
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.sub_(step.view(rows.shape).permute(0, 3, 1, 2))


def orthogonal(matrix):
    """Return a matrix of the same directions whose singular values are about 1.

    Parameters
    ----------
    matrix : torch.Tensor of shape (n_rows, n_columns)

    Returns
    -------
    matrix : torch.Tensor of the same shape
        Singular values above a hundredth of the norm lie between 0.7 and 1.2. Smaller
        ones stay smaller.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    # Two divisions: the squares of tiny gradients would vanish.
    tiny = torch.finfo(matrix.dtype).tiny
    matrix = matrix / matrix.abs().max().clamp(min=tiny)
    matrix = matrix / matrix.norm().clamp(min=1)
    # The iterates are polynomials of the small square matrix, times the large one.
    gram = matrix @ matrix.T
    factor = product = quintic_factor(gram)
    for _ in range(ORTHOGONAL_STEPS - 1):
        gram = factor @ gram @ factor
        factor = quintic_factor(gram)
        product = factor @ product
    return product @ matrix


def quintic_factor(gram):
    """Return what a step of the iteration multiplies a matrix by.

    Parameters
    ----------
    gram : torch.Tensor of shape (n_rows, n_rows)
        The matrix times its transpose.
    """
    factor = torch.addmm(gram, gram, gram, beta=QUINTIC[1], alpha=QUINTIC[2])
    factor.diagonal().add_(QUINTIC[0])
    return factor


def add_each(tensors, others, alpha=1.0):
    """Add to each tensor another one, in a loop: where torch has no such function."""
    for tensor, other in zip(tensors, others, strict=True):
        tensor.add_(other, alpha=alpha)


def multiply_each(tensors, factor):
    """Multiply each tensor, in a loop: where torch has no such function."""
    for tensor in tensors:
        tensor.mul_(factor)


class SGD(LightOptimizer):
    """Gradient descent with momentum: past steps stay as long as they were taken.

    torch's class scales them by the present learning rate.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter or dict
        ``weight_decay`` of a group is its L2 penalty.
    lr : float
    momentum : float
    nesterov : bool
        Whether the momentum is Nesterov's.
    """

    add = staticmethod(getattr(torch, "_foreach_add_", add_each))
    multiply = staticmethod(getattr(torch, "_foreach_mul_", multiply_each))

    def __init__(self, params, lr, momentum=0.0, nesterov=False):
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step against the gradients in ``grad``."""
        for group, parameters, gradients in self._moving():
            # torch takes no factor beyond the largest number of the dtype.
            largest = torch.finfo(parameters[0].dtype).max
            rate = min(group["lr"], largest)
            if group["weight_decay"]:  # ``grad`` stays as it is
                gradients = [gradient.clone() for gradient in gradients]
                decay = min(group["weight_decay"], largest)
                self.add(gradients, parameters, alpha=decay)
            if not group["momentum"]:
                self.add(parameters, gradients, alpha=-rate)
                continue
            velocities = self._moments(parameters, "velocity")
            self.multiply(velocities, group["momentum"])
            self.add(velocities, gradients, alpha=-rate)
            if group["nesterov"]:
                self.add(parameters, velocities, alpha=group["momentum"])
                self.add(parameters, gradients, alpha=-rate)
            else:
                self.add(parameters, velocities)


# torch would wrap the methods for its profiler, which takes as long as a small step.
# Where it no longer asks for this attribute, steps are slower.
Adam.step.hooked = SGD.step.hooked = True  # type: ignore[attr-defined]
