"""Small images, handwritten digits first, recognised by scikit-learn estimators."""

__version__ = "0.1.0"
