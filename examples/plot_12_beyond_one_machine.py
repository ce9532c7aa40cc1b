"""
12. Beyond one machine
======================

A grid search is many fits that do not know of each other. With ``n_jobs`` they share
the cores of one computer. How do they share those of several?
"""

import matplotlib.pyplot as plt
from dask.distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.model_selection import validation_curve

from sklearn_digits import ConvNetClassifier
from sklearn_digits.datasets import load_example_digits

# %%
# A cluster is a scheduler and workers. Here it is two processes of this computer, of
# one thread each; elsewhere it would be ``Client("tcp://scheduler:8786")``, or a
# cluster that Dask starts by Slurm or Kubernetes, and nothing below would change.
#
# Inside ``parallel_config("dask")``, whatever scikit-learn runs in parallel goes to the
# workers: each fit with its rows, and back comes its score. The question put to them:
# how long must a network train, and what is augmentation worth meanwhile?

if __name__ == "__main__":  # workers import this file: they must not start a cluster
    X, _, y, _ = load_example_digits(n_train=400)
    cluster = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=":0",
        silence_logs="ERROR",
    )
    epochs = [5, 10, 20, 40]
    _, ax = plt.subplots(layout="constrained")
    with cluster, Client(cluster), parallel_config("dask"):
        for augmentation in (None, "auto"):
            model = ConvNetClassifier(augmentation=augmentation, random_state=0)
            _, scores = validation_curve(
                model, X, y, param_name="max_iter", param_range=epochs, cv=3
            )
            label = f"augmentation={augmentation!r}"
            ax.plot(epochs, 100 * scores.mean(axis=1), marker="o", label=label)
    ax.set(xscale="log", xlabel="epochs", ylabel="accuracy in three folds, %")
    ax.set_xticks(epochs, epochs)
    ax.minorticks_off()
    ax.legend()
    plt.show()
