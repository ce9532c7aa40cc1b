"""
02. Read digits from rows of pixels
===================================

The simplest network for images ignores that they are images. It sends a row of pixels
through layers. Each layer multiplies the row by a matrix and sets negative numbers to
zero. How many digits does it read?
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_digits import MLPClassifier
from sklearn_digits.datasets import load_example_digits

X_train, X_test, y_train, y_test = load_example_digits(n_train=10_000)
rows_train, rows_test = (X.reshape(len(X), -1) / 255 for X in (X_train, X_test))
print(f"{X_train.shape} images become {rows_train.shape} rows.")

# %%
# There are three hidden layers of 256 units, then one output for each digit. A layer is
# a matrix of weights and a row of intercepts. Training has to find these numbers.

model = MLPClassifier((256, 256, 256), batch_size=128, tol=0.01, random_state=0)
model.fit(rows_train, y_train)
for weights, intercepts in zip(model.coefs_, model.intercepts_, strict=True):
    print(f"weights {weights.shape}, intercepts {intercepts.shape}")
n_numbers = sum(w.size for w in model.coefs_ + model.intercepts_)
print(f"{n_numbers:,} numbers to learn, in {model.n_iter_} epochs.")

# %%
# The label of an image is a digit, but the network has ten outputs. So the label
# becomes a row that is 1 at the place of the digit and 0 elsewhere: *one-hot*.

one_hot = np.eye(10)[y_test]
print(y_test[0], "->", one_hot[0])

# %%
# The outputs may be any numbers. *Softmax* makes probabilities of them: exponentials,
# divided by their sum. The *loss* is the negative logarithm of the probability of the
# true digit, averaged over the images. Guessing has a loss of log 10, or 2.30. The
# methods ``predict_proba`` and ``score`` do all this.

scores = model.decision_function(rows_test)
exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
loss = -np.log((one_hot * probabilities).sum(axis=1)).mean()
accuracy = (probabilities.argmax(axis=1) == y_test).mean()
print(f"On the test set: loss {loss:.3f}, accuracy {accuracy:.1%}.")

# The image that the network is least sure of:
doubtful = probabilities.max(axis=1).argmin()
_, (left, right) = plt.subplots(ncols=2, figsize=(7, 3), layout="constrained")
left.imshow(X_test[doubtful], cmap="gray")
left.set(title=f"a {y_test[doubtful]}", xticks=[], yticks=[])
right.bar(range(10), probabilities[doubtful])
right.set(title="what the network makes of it", xticks=range(10), ylabel="probability")
plt.show()
