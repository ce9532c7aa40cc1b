"""
03. Learning by heart, and three cures
======================================

Two classes, and some points that lie among the others by chance. A network that is
large enough gets those right as well: it learns the chance by heart, and new points pay
for it. What keeps it from that?
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split

from sklearn_digits import MLPClassifier

X, y = make_moons(1000, noise=0.35, random_state=3)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=120, random_state=0
)

# %%
# One network of two wide layers, trained until nothing changes any more, and three that
# are held back: by their structure, which has few units to learn with; by an L2
# penalty, which makes large weights expensive, and a boundary with sharp corners needs
# large weights; and by dropout, which sets most of the units to zero at each step, so
# that none can rely on another to remember a point with it.

settings = {
    "large": {},
    "few units": {"hidden_layer_sizes": (6,)},
    "L2 penalty": {"alpha": 0.5},
    "dropout": {"dropout": 0.7},
}
_, axes = plt.subplots(
    2, 2, figsize=(8, 7.5), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, setting) in zip(axes.flat, settings.items(), strict=True):
    model = MLPClassifier(
        **{"hidden_layer_sizes": (128, 128), **setting},
        learning_rate_init=0.01,
        max_iter=600,
        n_iter_no_change=200,
        random_state=0,
    ).fit(X_train, y_train)
    DecisionBoundaryDisplay.from_estimator(
        model, X, response_method="predict_proba", ax=ax, cmap="RdBu", alpha=0.6
    )
    ax.scatter(*X_train.T, c=y_train, cmap="bwr_r", edgecolors="black", s=25)
    train, test = model.score(X_train, y_train), model.score(X_test, y_test)
    ax.set(title=f"{name}\n{train:.0%} in training, {test:.0%} on new points")
plt.show()

# %%
# The large one bends its boundary around single points. Each cure gives up some of the
# training points and reads more of the new ones. Which cure, and how much of it, is not
# to be seen in training: it is chosen by data held out, which is what
# ``GridSearchCV`` is for.
