"""Small images, handwritten digits first, recognised by scikit-learn estimators."""

from sklearn_digits._augmentation import RandomAffine
from sklearn_digits._base import TorchClassifier
from sklearn_digits._checkpoint import Checkpoint
from sklearn_digits._convnet import ConvNetClassifier
from sklearn_digits._convolution import ConvolutionFeatureTransformer
from sklearn_digits._displays import (
    DigitsDisplay,
    MistakesDisplay,
    TrainingCurveDisplay,
)
from sklearn_digits._kernels import kernel_bank
from sklearn_digits._layers import Dropout
from sklearn_digits._mlp import MLPClassifier

__all__ = [
    "Checkpoint",
    "ConvNetClassifier",
    "ConvolutionFeatureTransformer",
    "DigitsDisplay",
    "Dropout",
    "MLPClassifier",
    "MistakesDisplay",
    "RandomAffine",
    "TorchClassifier",
    "TrainingCurveDisplay",
    "kernel_bank",
]
__version__ = "0.1.0"
