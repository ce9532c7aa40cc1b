"""
08. Search for the best parameters
==================================

Everything here is an estimator, so scikit-learn's tools work on it. Which kernels are
best, and how strong a penalty? A grid search tries all pairs, by cross-validation.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.callback import ProgressBar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_digits import ConvolutionFeatureTransformer
from sklearn_digits.datasets import load_example_digits

X_train, X_test, y_train, y_test = load_example_digits(n_train=1_000)
edges = ConvolutionFeatureTransformer(rectify="abs", pooling="mean", power=0.5)
linear = LogisticRegression(max_iter=1000)
pipeline = Pipeline(
    [("edges", edges), ("scale", StandardScaler()), ("classify", linear)]
)

# %%
# A parameter of a step has the step's name and two underscores in front. The progress
# bar is scikit-learn's. A depth of 0 shows the search as a whole, 1 shows each fit, and
# ``None`` shows the epochs of a network, too.

search = GridSearchCV(
    pipeline,
    {
        "edges__kernels": ["edges", "edges8", "lines8", "gabor"],
        "classify__C": [0.001, 0.01, 0.1, 1],
    },
    cv=3,
)
search.set_callbacks(ProgressBar(max_propagation_depth=0)).fit(X_train, y_train)
print(search.best_params_)
print(f"{search.score(X_test, y_test):.2%} of the test digits")

# %%

_, ax = plt.subplots(layout="constrained")
for kernels, rows in pd.DataFrame(search.cv_results_).groupby("param_edges__kernels"):
    strength = rows["param_classify__C"]
    ax.plot(strength, 100 * rows["mean_test_score"], marker="o", label=kernels)
ax.set(xscale="log", xlabel="C: smaller is a stronger penalty", ylabel="accuracy, %")
ax.legend(title="kernels")
ax.set_title("three folds of the training digits")
plt.show()

# %%
# Lines and edges together, ``gabor``, lead; lines alone are close behind. Edges in two
# directions read worst. A strong penalty hurts, and from 0.1 on C hardly matters.
