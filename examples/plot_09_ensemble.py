"""
09. An ensemble of networks
===========================

Two networks that differ only in their random seed read the same digits, and not the
same ones wrong. Do several of them together read better than each?
"""

import matplotlib.pyplot as plt
from sklearn.ensemble import VotingClassifier

from sklearn_digits import ConvNetClassifier
from sklearn_digits.datasets import load_example_digits

# %%
# With few training images networks disagree more, and an ensemble helps more.

X_train, X_test, y_train, y_test = load_example_digits(n_train=150, n_test=2_000)
ensemble = VotingClassifier(
    [
        (f"seed {seed}", ConvNetClassifier(max_iter=100, random_state=seed))
        for seed in range(5)
    ],
    voting="soft",
).fit(X_train, y_train)

# %%
# ``voting="soft"`` averages the probabilities, so that a member that is sure counts for
# more than one that is not.

scores = {
    name: member.score(X_test, y_test)
    for name, member in ensemble.named_estimators_.items()
}
scores["all five"] = ensemble.score(X_test, y_test)

_, ax = plt.subplots(layout="constrained", figsize=(7, 3.5))
errors = [100 * (1 - score) for score in scores.values()]
bars = ax.barh(list(scores), errors, color=["C0"] * 5 + ["C1"])
ax.bar_label(bars, fmt="%.2f %%", padding=4)
ax.invert_yaxis()
ax.margins(x=0.15)
ax.spines[["top", "right"]].set_visible(False)
ax.set(
    xlabel="test digits read wrongly, %", title=f"{len(X_train)} images to learn from"
)
plt.show()
