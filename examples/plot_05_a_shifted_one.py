"""
05. Why a shifted 1 looks like a 7
==================================

Move a 1 a little to the side, and a person sees the same 1. A program that compares
pixel by pixel sees paper where there was ink, and ink where there was paper. Is the
moved 1 still nearer to where it was than to a 7?
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
# The edges of a stroke move with it, but keep their *direction*. Averages over windows
# that are wider than the shift hardly change. So we measure distances twice: in pixels,
# and in edges and lines of eight directions, averaged over windows (*pooled*).

edges = ConvolutionFeatureTransformer("gabor", rectify="abs", pooling="mean", power=0.5)
to_itself, to_seven = {}, {}
for name, view in (
    ("pixels", lambda images: images.reshape(len(images), -1) / 255),
    ("pooled edges", edges.fit_transform),
):
    to_itself[name] = np.linalg.norm(view(moved) - view(ones), axis=1)
    to_seven[name] = euclidean_distances(view(moved), view(sevens))
    fooled = (to_seven[name].min(axis=1) < to_itself[name]).mean()
    print(f"{name}: {fooled:.0%} of the moved 1s are nearer to some 7.")

# Of the pairs that edges get right, the one that pixels get most wrong.
wrong = to_seven["pixels"] / to_itself["pixels"][:, None]
right = to_seven["pooled edges"] / to_itself["pooled edges"][:, None]
one, seven = np.unravel_index(np.where(right > 1, wrong, np.inf).argmin(), wrong.shape)
pictures = {"a 1": ones[one], "the 1, moved": moved[one], "a 7": sevens[seven]}
numbers = [
    [f"{distances[one]:.1f}" for distances in to_itself.values()],
    [f"← {name} →" for name in to_itself],
    [f"{distances[one, seven]:.1f}" for distances in to_seven.values()],
]
_, axes = plt.subplots(1, 3, figsize=(6.4, 3), layout="constrained")
for ax, title, lines in zip(axes, pictures, numbers, strict=True):
    ax.imshow(pictures[title], cmap="gray")
    ax.set_title(title, fontsize=15)
    ax.set_xlabel("\n".join(lines), fontsize=14)
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# The numbers are distances from the moved 1. In pixels it is nearer to the 7, in pooled
# edges to itself. Edges help most of the moved 1s, not all: see the shares above.
