"""
14. Pictures and columns together
=================================

A form asks for a date, day and month. The first digit of a month is a 0 or a 1, that of
a day 0 to 3. A reader that knows the box of a digit should need less of the picture.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_digits import ConvNetClassifier
from sklearn_digits.datasets import load_example_digits

X_train, X_test, y_train, y_test = load_example_digits(n_train=1_000, n_test=1_000)
rng = np.random.default_rng(0)
dates = pd.date_range("2025-01-01", "2025-12-31").strftime("%d%m")
pixels = [f"pixel{i}" for i in range(X_train[0].size)]


def filled_in(X, y, n):
    """Return `n` boxes of forms, in faint ink, as a data frame, and their digits."""
    box = rng.integers(4, size=n)
    labels = np.array([int(rng.choice(dates)[i]) for i in box])
    images = np.stack([rng.choice(X[y == label]) for label in labels])
    faint = images / 4 + rng.normal(0, 40, images.shape)
    frame = pd.DataFrame(faint.reshape(n, -1), columns=pixels)
    return frame.assign(box=box), labels


forms, labels = filled_in(X_train, y_train, 500)
new_forms, new_labels = filled_in(X_test, y_test, 1_000)

# %%
# A ``ColumnTransformer`` gives the pixels to a network, whose ``transform`` returns
# features, and the other column to an encoder. A linear model weighs both.

network = ("picture", ConvNetClassifier(random_state=0), pixels)
encoder = ("box", OneHotEncoder(), ["box"])
parts = {"picture": [network], "box": [encoder], "picture and box": [network, encoder]}
scores = {}
for name, columns in parts.items():
    model = make_pipeline(ColumnTransformer(columns), LogisticRegression(max_iter=1000))
    scores[name] = 100 * model.fit(forms, labels).score(new_forms, new_labels)

_, (left, right) = plt.subplots(ncols=2, figsize=(8, 3), layout="constrained")
image = forms.loc[0, pixels].to_numpy(dtype=float).reshape(X_train[0].shape)
left.imshow(image, cmap="gray")
left.set(title=f"a {labels[0]} in box {forms.box[0] + 1}", xticks=[], yticks=[])
bars = right.barh(list(scores), list(scores.values()), color=["C0", "C0", "C1"])
right.bar_label(bars, fmt="%.1f %%", padding=4)
right.set(xlabel="digits read rightly, %", xlim=(0, 115))
right.spines[["top", "right"]].set_visible(False)
plt.show()
