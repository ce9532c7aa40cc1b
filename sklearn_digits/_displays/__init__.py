"""Pictures of digits, networks and their mistakes, after scikit-learn's displays.

A display stores what it shows, and `plot` draws it into one matplotlib Axes; what was
drawn stays reachable, to be changed, as attributes. Estimators are read by their
fitted attributes and public methods alone.
"""

from sklearn_digits._displays.digits import DigitsDisplay
from sklearn_digits._displays.feature_maps import FeatureMapDisplay
from sklearn_digits._displays.kernels import KernelDisplay
from sklearn_digits._displays.mistakes import MistakesDisplay
from sklearn_digits._displays.pixel_grid import PixelGridDisplay
from sklearn_digits._displays.training_curve import TrainingCurveDisplay

__all__ = [
    "DigitsDisplay",
    "FeatureMapDisplay",
    "KernelDisplay",
    "MistakesDisplay",
    "PixelGridDisplay",
    "TrainingCurveDisplay",
]
