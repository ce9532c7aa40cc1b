"""
06. How far do fixed kernels get?
=================================

A convolutional network learns its kernels. How well do kernels read digits that were
never trained, with a linear model on top?
"""

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_digits import (
    ConvolutionFeatureTransformer,
    FeatureMapDisplay,
    KernelDisplay,
)
from sklearn_digits.datasets import load_example_digits

X_train, X_test, y_train, y_test = load_example_digits(n_train=5_000)

# %%
# The kernels are waves in eight directions: eight find edges, eight find lines. We keep
# the size of their responses, average it over overlapping windows, and take the square
# root, so that faint strokes count.

features = ConvolutionFeatureTransformer(
    "gabor", rectify="abs", pooling="mean", power=0.5
)
on_edges = make_pipeline(
    features, StandardScaler(), LogisticRegression(C=0.01, max_iter=300)
)
on_edges.fit(X_train, y_train)

rows_train, rows_test = (X.reshape(len(X), -1) for X in (X_train, X_test))
on_pixels = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
on_pixels.fit(rows_train, y_train)

print(f"on pixels: {on_pixels.score(rows_test, y_test):.2%} of the test digits")
print(f"on edges:  {on_edges.score(X_test, y_test):.2%}")

# %%
# The kernels, and the responses of a digit to each, before they are averaged:

maps = ConvolutionFeatureTransformer("gabor", rectify="abs").fit(X_train)
figure = plt.figure(figsize=(10, 7), layout="constrained")
above, below = figure.subplots(2, 1)
KernelDisplay.from_estimator(maps, ax=above, n_columns=8)
FeatureMapDisplay.from_estimator(maps, X_test[0], ax=below, n_columns=9)
above.set_title("the kernels")
below.set_title(f"a {y_test[0]}, seen through them")
plt.show()

# %%
# All kernels of this package. Red pixels are added, blue ones subtracted.

KernelDisplay.from_kernels(n_columns=8)
plt.show()
