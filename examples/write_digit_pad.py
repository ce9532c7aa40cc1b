"""Write the weights of the digit pad, the page that reads digits in a browser.

python examples/write_digit_pad.py

They are those of ``load_pretrained("mnist")``, as JavaScript: a page that is opened
from a folder can load a script, but no other file. Batch normalization becomes one
factor and one offset a channel, which follow the convolution and its pooling.
"""

import base64
import json
from pathlib import Path

import numpy as np
from torch import nn

import sklearn_digits
from sklearn_digits import BatchNorm2d, load_pretrained

PACKAGE = Path(sklearn_digits.__file__).parent
CARD = PACKAGE / "_classifiers" / "weights" / "mnist.json"
SCRIPT = PACKAGE / "_displays" / "digit_pad" / "digit_pad_weights.js"


def as_halves(kernel):
    """Return a kernel that is stored as float16, in base 64."""
    halves = kernel.astype("<f2")
    assert np.array_equal(halves, kernel), "the kernel holds more than float16 does"
    return base64.b64encode(halves.tobytes()).decode("ascii")


def convolution_layer(convolution, norm, pooled):
    """Return a convolution and what follows it, as the page reads them."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - norm.running_mean * scale
    kernel = convolution.weight.detach().permute(2, 3, 1, 0).numpy()
    stride = convolution.stride[0]
    padding = convolution.padding
    return {
        "shape": kernel.shape,
        "stride": stride,
        "padding": kernel.shape[0] // 2 if padding == "same" else padding[0],
        "pooled": pooled,
        "scale": scale.tolist(),
        "shift": shift.tolist(),
        "kernel": as_halves(kernel),
    }


def pad_weights(classifier, sure_from):
    """Return the script that gives the page its network.

    Parameters
    ----------
    classifier : ConvNetClassifier
        As load_pretrained returns it.
    sure_from : float
        Lowest probability of an answer that the page calls sure.
    """
    standardize, network = classifier.module_
    stages = list(network.stages)
    layers = []
    for convolution, *rest in (stages[i:] for i in range(len(stages))):
        if isinstance(convolution, nn.Conv2d):
            norm = next(layer for layer in rest if isinstance(layer, BatchNorm2d))
            pooled = isinstance(rest[0], nn.MaxPool2d)
            layers.append(convolution_layer(convolution, norm, pooled))
    head = network.head
    weights = {
        "mean": standardize.mean,
        "std": standardize.std,
        "sureFrom": sure_from,
        "layers": layers,
        "head": {
            "bias": head.bias.tolist(),
            "kernel": as_halves(head.weight.detach().numpy()),
        },
    }
    text = json.dumps(weights)
    return (
        "// Written by examples/write_digit_pad.py.\n"
        f"globalThis.digitPad = {{ ...globalThis.digitPad, weights: {text} }};\n"
    )


def main():
    sure_from = json.loads(CARD.read_text("utf-8"))["sure_from"]
    SCRIPT.write_text(pad_weights(load_pretrained("mnist"), sure_from), "utf-8")


if __name__ == "__main__":
    main()
