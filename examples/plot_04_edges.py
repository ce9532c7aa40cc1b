"""
04. Edges by convolution
========================

What is in an image is mostly in its edges. How does one compute them?

Lay a small grid of numbers, the *kernel*, over a part of the image, multiply what lies
on one another, and sum. Then move on by one pixel.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from sklearn_digits import ConvolutionFeatureTransformer, PixelGridDisplay

image = np.array([[60, 60, 60, 0, 0, 0]] * 5)
PixelGridDisplay.from_image(image, "vertical", position=(1, 2))

# %%
# What lies left of the kernel's middle counts as it is, what lies right of it
# negatively. Where the image is even, both cancel. Where 60 meets 0, three rows of 60
# remain: 180. At all the places where the kernel fits:


def respond(kernel):
    finder = ConvolutionFeatureTransformer(kernel, padding="valid").fit(image[None])
    return finder.feature_maps(image[None])[0, 0].astype(int)


print(respond("vertical"))

# %%
# The same kernel, turned, finds horizontal edges, and there are none here:

print(respond("horizontal"))

# %%
# A photograph has both. Responses reach from -765 to 765; to be seen as an image they
# are clipped to what a byte holds, 0 to 255. So each kernel shows the edges where light
# turns dark, and leaves those where dark turns light black; ``rectify="abs"`` would
# show them too.

photo = load_sample_image("china.jpg").mean(axis=2)
edges = ConvolutionFeatureTransformer("edges", clip=(0, 255)).fit(photo[None])
vertical, horizontal = edges.feature_maps(photo[None])[0]

_, axes = plt.subplots(3, 1, figsize=(6, 11), layout="constrained")
titles = ("a photograph", "its vertical edges", "its horizontal edges")
for ax, picture, title in zip(axes, (photo, vertical, horizontal), titles, strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
