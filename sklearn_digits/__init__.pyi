"""The public names of the package, and the modules that hold them."""

from ._classifiers.convnet import ConvNetClassifier
from ._classifiers.image_classifier import ImageClassifier
from ._classifiers.mlp import MLPClassifier
from ._classifiers.torch_classifier import TorchClassifier
from ._displays.digits import DigitsDisplay
from ._displays.feature_maps import FeatureMapDisplay
from ._displays.kernels import KernelDisplay
from ._displays.mistakes import MistakesDisplay
from ._displays.occlusion import OcclusionDisplay
from ._displays.pixel_grid import PixelGridDisplay
from ._displays.training_curve import TrainingCurveDisplay
from ._explanation.occlusion_map import occlusion_map
from ._images.augmentation import RandomAffine
from ._images.digit_image import to_digit_image
from ._images.random_augmentation import RandomAugmentation
from ._persistence.checkpoint import Checkpoint
from ._training.layers import BatchNorm2d, Dropout
from ._transformer.convolution import ConvolutionFeatureTransformer
from ._transformer.kernels import kernel_bank

__version__: str
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
