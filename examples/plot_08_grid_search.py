"""
08. Pipelines and grid searches
===============================

Everything here is an estimator, so scikit-learn's tools work on it. Which kernels, and
how strong a penalty behind them? A grid search tries all pairs, by cross-validation.
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
# Parameters of a step are reached by its name and two underscores. The progress bar is
# scikit-learn's. A depth of 1 shows the search as a whole; ``None`` goes down to each
# fit, and to the epochs of a network.

search = GridSearchCV(
    pipeline,
    {
        "edges__kernels": ["edges", "edges8", "lines8", "gabor"],
        "classify__C": [0.001, 0.01, 0.1, 1],
    },
    cv=3,
)
search.set_callbacks(ProgressBar(max_propagation_depth=1)).fit(X_train, y_train)
print(search.best_params_)
print(f"{search.score(X_test, y_test):.2%} of the test digits")

# %%

_, ax = plt.subplots(layout="constrained")
for kernels, rows in pd.DataFrame(search.cv_results_).groupby("param_edges__kernels"):
    strength = rows["param_classify__C"]
    ax.plot(strength, 100 * rows["mean_test_score"], marker="o", label=kernels)
ax.set(xscale="log", xlabel="C: the less, the more is penalized", ylabel="accuracy, %")
ax.legend(title="kernels")
ax.set_title("three folds of the training digits")
plt.show()
