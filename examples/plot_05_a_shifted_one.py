"""
05. Why a shifted 1 looks like a 7
==================================

Move a 1 a little to the side, and a person sees the same 1. A row of pixels sees
other pixels lit: nearly all that was ink is paper, and the other way round. Is a
moved 1 still nearer to itself than to a 7?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_digits import ConvolutionFeatureTransformer
from sklearn_digits.datasets import load_example_digits

X, _, y, _ = load_example_digits(n_train=10_000)
ones, sevens = X[y == 1][:300], X[y == 7][:300]
shift = 1 if X.shape[1] < 16 else 2
moved = np.roll(ones, shift, axis=2)
moved[:, :, :shift] = 0

# %%
# The edges of a stroke move with it, too. But their *direction* stays. Averaged over
# windows that are wider than the shift, their place hardly changes. So let us measure
# distances twice: in pixels, and in edges and lines of eight directions, pooled.

edges = ConvolutionFeatureTransformer(
    "gabor", rectify="abs", pooling="mean", power=0.5
).fit(X)
to_itself, to_seven = {}, {}
for name, view in (
    ("pixels", lambda images: images.reshape(len(images), -1) / 255),
    ("pooled edges", edges.transform),
):
    to_itself[name] = np.linalg.norm(view(moved) - view(ones), axis=1)
    to_seven[name] = euclidean_distances(view(moved), view(sevens))
    fooled = (to_seven[name].min(axis=1) < to_itself[name]).mean()
    print(f"{name}: {fooled:.0%} of the moved 1s are nearer to some 7.")

# %%
# The pair that pixels get most wrong and edges right, distances beside it:

wrong = to_seven["pixels"] / to_itself["pixels"][:, None]
right = to_seven["pooled edges"] / to_itself["pooled edges"][:, None]
one, seven = np.unravel_index(np.where(right > 1, wrong, np.inf).argmin(), wrong.shape)
_, axes = plt.subplots(1, 3, figsize=(8, 4), layout="constrained")
captions = [
    "\n".join(["a 1", *(f"{k}: {v[one]:.1f}" for k, v in to_itself.items())]),
    "the same, moved\n← distance →\n← distance →",
    "\n".join(["a 7", *(f"{k}: {v[one, seven]:.1f}" for k, v in to_seven.items())]),
]
pictures = (ones[one], moved[one], sevens[seven])
for ax, image, caption in zip(axes, pictures, captions, strict=True):
    ax.imshow(image, cmap="gray")
    ax.set_title(caption)
    ax.set_axis_off()
plt.show()
