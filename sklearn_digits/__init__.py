"""Image classifiers for scikit-learn, accurate on small images without tuning."""

from sklearn_digits._classifiers.convnet import ConvNetClassifier
from sklearn_digits._classifiers.image_classifier import ImageClassifier
from sklearn_digits._classifiers.mlp import MLPClassifier
from sklearn_digits._classifiers.torch_classifier import TorchClassifier
from sklearn_digits._displays.digits import DigitsDisplay
from sklearn_digits._displays.feature_maps import FeatureMapDisplay
from sklearn_digits._displays.kernels import KernelDisplay
from sklearn_digits._displays.mistakes import MistakesDisplay
from sklearn_digits._displays.occlusion import OcclusionDisplay
from sklearn_digits._displays.pixel_grid import PixelGridDisplay
from sklearn_digits._displays.training_curve import TrainingCurveDisplay
from sklearn_digits._explanation.occlusion_map import occlusion_map
from sklearn_digits._images.augmentation import RandomAffine
from sklearn_digits._images.digit_image import to_digit_image
from sklearn_digits._images.random_augmentation import RandomAugmentation
from sklearn_digits._persistence.checkpoint import Checkpoint
from sklearn_digits._training.layers import BatchNorm2d, Dropout
from sklearn_digits._transformer.convolution import ConvolutionFeatureTransformer
from sklearn_digits._transformer.kernels import kernel_bank
from sklearn_digits._version import __version__ as __version__

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
    "OcclusionDisplay",
    "PixelGridDisplay",
    "RandomAffine",
    "RandomAugmentation",
    "TorchClassifier",
    "TrainingCurveDisplay",
    "kernel_bank",
    "occlusion_map",
    "to_digit_image",
]
