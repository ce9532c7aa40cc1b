"""Fully connected layers on the CPU, forwards and backwards, by hand in NumPy.

A step on a batch of small images takes less time than the bookkeeping of autograd
around it, and NumPy's products of small matrices are faster than torch's. The arrays
share the memory of the module's weights.
"""

import numpy as np
import torch
from scipy.special import expit

from sklearn_digits._training.penalty import add_l2_penalty

# Activations in place, and the gradient by their input as a function of that by their
# output, and of the output.
ACTIVATE = {
    "identity": lambda x: x,
    "logistic": lambda x: expit(x, out=x),
    "tanh": lambda x: np.tanh(x, out=x),
    "relu": lambda x: np.maximum(x, 0, out=x),
}
BACKWARD = {
    "identity": lambda gradient, output: gradient,
    "logistic": lambda gradient, output: gradient * (output - output * output),
    "tanh": lambda gradient, output: gradient * (1 - output * output),
    "relu": lambda gradient, output: np.multiply(gradient, output > 0, out=gradient),
}


def arrays_of(linear_layers):
    """Return weights and biases of layers on the CPU, sharing their memory."""
    return (
        [layer.weight.detach().numpy() for layer in linear_layers],
        [layer.bias.detach().numpy() for layer in linear_layers],
    )


@np.errstate(over="ignore", invalid="ignore")  # as torch
def propagate(weights, biases, activation, x):
    """Return what goes into each layer, and what comes out of the last.

    Parameters
    ----------
    weights, biases : list of ndarray
        Of shape (n_out, n_in) and (n_out,).
    activation : {"identity", "logistic", "tanh", "relu"}
    x : ndarray of shape (n, n_features)

    Returns
    -------
    outputs : list of ndarray
    """
    outputs = [x]
    for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        x = x @ weight.T
        x += bias
        outputs.append(x if depth == len(weights) else ACTIVATE[activation](x))
    return outputs


class Backpropagation:
    """Loss and gradients of an MLP on the CPU, in the precision of its weights.

    Parameters
    ----------
    linear_layers : list of torch.nn.Linear
        From input to output, an activation after each but the last.
    activation : {"identity", "logistic", "tanh", "relu"}
    binary : bool
        Whether the one output is the logit of the second of two classes.
    multilabel : bool
        Whether each output is a yes-no question of its own.
    """

    def __init__(self, linear_layers, activation, binary, multilabel):
        self.activation = activation
        self.binary = binary
        self.multilabel = multilabel
        self._parameters = list(torch.nn.ModuleList(linear_layers).parameters())
        self._weights, self._biases = arrays_of(linear_layers)
        self._gradients = [torch.empty_like(array) for array in self._parameters]
        gradients = [gradient.numpy() for gradient in self._gradients]
        self._by_weight, self._by_bias = gradients[::2], gradients[1::2]

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, x, target, weight, alpha):
        """Return loss and logits of a batch, and leave the gradients in ``grad``.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_features)
        target : torch.Tensor of shape (n,) or (n, n_labels)
        weight : torch.Tensor of shape (n,) or None
        alpha : float
            Factor of the L2 penalty, ``alpha / 2 * ||W||²``.

        Returns
        -------
        loss : torch.Tensor
            The weighted mean of the negative log-likelihood, and the penalty.
        logits : torch.Tensor of shape (n, n_classes)
        """
        *inputs, logits = propagate(
            self._weights, self._biases, self.activation, x.numpy()
        )
        if self.binary:
            logits = np.hstack([np.zeros_like(logits), logits])
        share = 1 / len(logits)
        if weight is not None:
            share = weight.numpy() / weight.numpy().sum()
        find = sigmoid_loss if self.multilabel else softmax_loss
        loss, gradient = find(logits, target.numpy(), share)
        self._backward(inputs, gradient[:, 1:] if self.binary else gradient)
        if alpha:
            loss += add_l2_penalty(self._weights, self._by_weight, alpha)
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient if parameter.requires_grad else None
        return torch.tensor(loss, dtype=torch.float64), torch.from_numpy(logits)

    def _backward(self, inputs, gradient):
        """Write the gradients, given that of the loss by the logits."""
        for depth in reversed(range(len(inputs))):
            np.matmul(gradient.T, inputs[depth], out=self._by_weight[depth])
            gradient.sum(axis=0, out=self._by_bias[depth])
            if depth:
                gradient = gradient @ self._weights[depth]
                gradient = BACKWARD[self.activation](gradient, inputs[depth])


def softmax_loss(logits, target, share):
    """Return the negative log-likelihood of classes, and its gradient.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes)
    target : ndarray of shape (n,), dtype int64
    share : float or ndarray of shape (n,)
        Of each row in the mean.

    Returns
    -------
    loss : float
    gradient : ndarray of shape (n, n_classes)
    """
    rows = np.arange(len(logits))
    gradient = logits.T.copy()  # reduced along its first axis, which is faster
    gradient -= gradient.max(axis=0)
    losses = -gradient[target, rows]
    np.exp(gradient, out=gradient)
    total = gradient.sum(axis=0)
    losses += np.log(total)
    gradient /= total
    gradient[target, rows] -= 1
    gradient *= share
    return np.sum(losses * share), gradient.T


def sigmoid_loss(logits, target, share):
    """Return the negative log-likelihood of labels, and its gradient.

    Parameters
    ----------
    logits, target : ndarray of shape (n, n_labels)
    share : float or ndarray of shape (n,)
        Of each row in the mean.

    Returns
    -------
    loss : float
    gradient : ndarray of shape (n, n_labels)
    """
    loss = np.sum(share * (np.logaddexp(0, logits) - target * logits).sum(axis=1))
    gradient = expit(logits)
    gradient -= target
    gradient *= np.reshape(share, (-1, 1))
    return loss, gradient
