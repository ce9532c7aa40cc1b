"""Digits to learn from: MNIST, the IDX files that it came in, folders of images."""

from sklearn_digits.datasets._example_digits import load_example_digits
from sklearn_digits.datasets._idx import load_idx, save_idx
from sklearn_digits.datasets._image_file import load_image
from sklearn_digits.datasets._image_folder import load_image_folder
from sklearn_digits.datasets._mnist import fetch_mnist

__all__ = [
    "fetch_mnist",
    "load_example_digits",
    "load_idx",
    "load_image",
    "load_image_folder",
    "save_idx",
]
