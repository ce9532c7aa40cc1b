"""Small images, handwritten digits first, recognised by scikit-learn estimators."""

from sklearn_digits._augmentation import RandomAffine, RandomDistortion
from sklearn_digits._base import TorchClassifier
from sklearn_digits._checkpoint import Checkpoint
from sklearn_digits._convnet import ConvNetClassifier
from sklearn_digits._convolution import ConvolutionFeatureTransformer
from sklearn_digits._digit_image import to_digit_image
from sklearn_digits._displays import (
    DigitsDisplay,
    FeatureMapDisplay,
    KernelDisplay,
    MistakesDisplay,
    PixelGridDisplay,
    TrainingCurveDisplay,
)
from sklearn_digits._image_classifier import ImageClassifier
from sklearn_digits._kernels import kernel_bank
from sklearn_digits._layers import BatchNorm2d, Dropout
from sklearn_digits._mlp import MLPClassifier

__all__ = [
    "BatchNorm2d",
    "Checkpoint",
    "ConvNetClassifier",
    "ConvolutionFeatureTransformer",
    "DigitsDisplay",
    "Dropout",
    "FeatureMapDisplay",
    "ImageClassifier",
    "KernelDisplay",
    "MLPClassifier",
    "MistakesDisplay",
    "PixelGridDisplay",
    "RandomAffine",
    "RandomDistortion",
    "TorchClassifier",
    "TrainingCurveDisplay",
    "kernel_bank",
    "to_digit_image",
]
__version__ = "0.1.0"
