"""
01. Gray images are numbers
===========================

A gray image is a table: one number a pixel, from 0 for the background to 255 for the
ink. That is all there is in it, so whatever a program is to know of a digit, it has to
find in these numbers. What do they look like?
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_digits import DigitsDisplay, PixelGridDisplay
from sklearn_digits.datasets import load_example_digits

X, _, y, _ = load_example_digits()
print(f"{len(X):,} images of {X.shape[1]}x{X.shape[2]} pixels: {X.nbytes:,} bytes.")
DigitsDisplay.from_images(X, y, n_images=20)

# %%
# The middle of one of them, in numbers:

image = X[5]
middle = len(image) // 2
part = slice(max(0, middle - 7), middle + 7)
print(image[part, part])

# %%
# Whatever is done to an image is arithmetic. The negative is 255 minus the image; the
# left is the right in a mirror if each row is read backwards; and the mean of all
# images of a digit shows where people agree about it.

means = np.stack([X[y == digit].mean(axis=0) for digit in range(10)])
variants = [image, 255 - image, image[:, ::-1], image // 4, *means]
names = ["image", "negative", "mirror", "faint", *(f"mean {d}" for d in range(10))]
DigitsDisplay.from_images(variants, names, n_columns=7)

# %%
# The numbers and the picture, one laid on the other:

PixelGridDisplay.from_image(image[part, part])
plt.show()
