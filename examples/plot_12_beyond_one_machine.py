"""
12. Beyond one machine
======================

A grid search is many fits that do not know of each other. With ``n_jobs`` they share
the cores of one computer. How do they share those of several?
"""

import matplotlib.pyplot as plt
from dask.distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.model_selection import ValidationCurveDisplay

from sklearn_digits import ConvNetClassifier
from sklearn_digits.datasets import load_example_digits

# %%
# A cluster is a scheduler and workers. Here it is two processes of this computer, of
# one thread each; elsewhere it would be ``Client("tcp://scheduler:8786")``, or a
# cluster that Dask starts by Slurm or Kubernetes, and nothing below would change.
#
# Inside ``parallel_config("dask")``, whatever scikit-learn runs in parallel goes to the
# workers: each fit with its rows, and back comes its score. The question put to them:
# how long must a network train, and what is it worth to distort its images meanwhile?

if __name__ == "__main__":  # workers import this file: they must not start a cluster
    X, _, y, _ = load_example_digits(n_train=400)
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    _, ax = plt.subplots(layout="constrained")
    with cluster, Client(cluster), parallel_config("dask"):
        for augmentation in (None, "affine"):
            ValidationCurveDisplay.from_estimator(
                ConvNetClassifier(augmentation=augmentation, random_state=0),
                *(X, y),
                param_name="max_iter",
                param_range=[3, 10, 30, 60],
                cv=3,
                score_type="test",
                ax=ax,
                line_kw={"label": f"augmentation={augmentation!r}"},
            )
    plt.show()
