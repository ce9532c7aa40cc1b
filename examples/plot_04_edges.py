"""
04. Find edges by convolution
=============================

Most of what an image shows is in its edges. How are they computed?

Lay a small grid of numbers, the *kernel*, over a part of the image. Multiply each
number by the pixel under it, and add up the products. Then move on by one pixel.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from sklearn_digits import ConvolutionFeatureTransformer, PixelGridDisplay

image = np.array([[60, 60, 60, 0, 0, 0]] * 5)
PixelGridDisplay.from_image(image, "vertical", position=(1, 2))

# %%
# Pixels left of the kernel's middle are added, pixels right of it are subtracted. Where
# the image is even, they cancel. Where 60 meets 0, three rows of 60 remain: 180. These
# are the sums at all places where the kernel fits:


def respond(kernel):
    finder = ConvolutionFeatureTransformer(kernel, padding="valid").fit(image[None])
    return finder.feature_maps(image[None])[0, 0].astype(int)


print(respond("vertical"))

# %%
# The same kernel, turned, finds horizontal edges. This image has none:

print(respond("horizontal"))

# %%
# A photograph has both. Sums reach from -765 to 765. To draw them we clip them to the
# range of a byte, 0 to 255. So the pictures show edges where light turns dark, from
# left to right or from top to bottom. ``rectify="abs"`` would show the other edges,
# too.

photo = load_sample_image("china.jpg").mean(axis=2)
edges = ConvolutionFeatureTransformer("edges", clip=(0, 255)).fit(photo[None])
vertical, horizontal = edges.feature_maps(photo[None])[0]

_, axes = plt.subplots(3, 1, figsize=(6, 11), layout="constrained")
titles = ("a photograph", "its vertical edges", "its horizontal edges")
for ax, picture, title in zip(axes, (photo, vertical, horizontal), titles, strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
