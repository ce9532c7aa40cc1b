"""Digits to learn from: MNIST and the IDX files that it came in."""

from sklearn_digits.datasets._idx import load_idx, save_idx
from sklearn_digits.datasets._mnist import fetch_mnist

__all__ = ["fetch_mnist", "load_idx", "save_idx"]
