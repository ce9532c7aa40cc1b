"""
02. Read digits from rows of pixels
===================================

The simplest network for images ignores that they are images. It sends a row of pixels
through layers. Each layer multiplies the row by a matrix and sets negative numbers to
zero. How many digits does it read?
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import sklearn_digits
from sklearn_digits import MLPClassifier
from sklearn_digits.datasets import load_example_digits

X_train, X_test, y_train, y_test = load_example_digits(n_train=10_000)
rows_train, rows_test = (X.reshape(len(X), -1) / 255 for X in (X_train, X_test))

# %%
# There are three hidden layers of 256 units, then one output for each digit. A layer is
# a matrix of weights and a row of intercepts. Training has to find these numbers.

model = MLPClassifier((256, 256, 256), batch_size=128, tol=0.01, random_state=0)
model.fit(rows_train, y_train)
for weights, intercepts in zip(model.coefs_, model.intercepts_, strict=True):
    print(f"weights {weights.shape}, intercepts {intercepts.shape}")
print(f"{sum(w.size for w in model.coefs_ + model.intercepts_):,} numbers to learn.")

# %%
# A label is a digit, but there are ten outputs. So the label becomes a row that is 1 at
# the place of the digit and 0 elsewhere: *one-hot*. *Softmax* makes probabilities of
# the outputs: exponentials, divided by their sum. The *loss* is the negative logarithm
# of the probability of the true digit, averaged over the images. Guessing has a loss of
# log 10, or 2.30. The methods ``predict_proba`` and ``score`` do all this.

one_hot = np.eye(10)[y_test]
exponentials = np.exp(model.decision_function(rows_test))
probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
loss = -np.log((one_hot * probabilities).sum(axis=1)).mean()
print(f"Test set: loss {loss:.3f}, accuracy {model.score(rows_test, y_test):.1%}.")

# %%
# Does longer training help? ``examples/tutorial_curve.py`` trained such a network for
# 5,000 epochs of MNIST by plain gradient descent. The repository holds its curve.

file = Path(sklearn_digits.__file__).parents[1] / "docs/benchmarks/tutorial.jsonl"
curve = pd.read_json(file, lines=True).set_index("epoch")
_, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(6, 6), layout="constrained")
curve[["training loss", "test loss"]].plot(ax=top, loglog=True)
(100 * curve["test accuracy"]).plot(ax=bottom, logx=True, ylabel="test accuracy, %")
plt.show()

# %%
# The training loss falls to the end. The test loss rises from about 140 epochs on: the
# network *overfits*: it grows too sure of its mistakes. Test accuracy stays near 98 %.
