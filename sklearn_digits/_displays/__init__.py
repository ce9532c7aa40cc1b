"""Pictures of digits, of a fit and of its mistakes, after scikit-learn's displays.

A display stores what it shows, and `plot` draws it into one matplotlib Axes; what was
drawn stays reachable, to be changed, as attributes. Estimators are read by their
fitted attributes alone.
"""

from sklearn_digits._displays.digits import DigitsDisplay
from sklearn_digits._displays.mistakes import MistakesDisplay
from sklearn_digits._displays.training_curve import TrainingCurveDisplay

__all__ = ["DigitsDisplay", "MistakesDisplay", "TrainingCurveDisplay"]
