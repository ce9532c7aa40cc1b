"""
01. What is a gray image?
=========================

A gray image is a table of numbers, one for each pixel: from 0 for the background to 255
for the ink. A program that reads digits has nothing else to go by. What do the numbers
look like?
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_digits import DigitsDisplay, PixelGridDisplay
from sklearn_digits.datasets import load_example_digits

# sphinx_gallery_thumbnail_number = 3

X, _, y, _ = load_example_digits()
print(f"{len(X):,} images of {X.shape[1]}x{X.shape[2]} pixels: {X.nbytes:,} bytes.")
DigitsDisplay.from_images(X, y, n_images=20)

# %%
# Here is the middle of one image, in numbers:

image = X[5]
middle = len(image) // 2
part = slice(max(0, middle - 7), middle + 7)
print(image[part, part])

# %%
# To change an image is arithmetic. Its negative is 255 minus the image. Its mirror
# image has each row backwards. A quarter of it is faint. The mean of all images of a
# digit shows where people agree about it: there it is bright and sharp.

means = np.stack([X[y == digit].mean(axis=0) for digit in range(10)])
variants = [image, 255 - image, image[:, ::-1], image // 4, *means]
names = ["image", "negative", "mirror", "faint", *(f"mean {d}" for d in range(10))]
DigitsDisplay.from_images(variants, names, n_columns=7)

# %%
# The numbers, written on the picture:

PixelGridDisplay.from_image(image[part, part])
plt.show()
