"""scikit-learn's own callbacks, alone and through its meta-estimators."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_digits import ConvNetClassifier, MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
CLASSIFIERS = [
    MLPClassifier((20,), max_iter=4, random_state=0),
    MLPClassifier((20,), solver="lbfgs", tol=0.1, random_state=0),
    ConvNetClassifier(channels=(4,), max_iter=4, random_state=0),
    MLPClassifier((20,), max_iter=4, random_state=0, skorch_callbacks=[]),
]
each_classifier = pytest.mark.parametrize(
    "classifier", CLASSIFIERS, ids=["mlp", "lbfgs", "convnet", "skorch"]
)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:200], y[:200]


@each_classifier
def test_a_progress_bar_counts_the_epochs(classifier, digits, capsys):
    clone(classifier).set_callbacks(ProgressBar()).fit(*digits)
    out = capsys.readouterr().out
    assert type(classifier).__name__ in out
    assert "100%" in out


@pytest.mark.filterwarnings("ignore:The estimator MinMaxScaler does not support")
@each_classifier
def test_a_progress_bar_works_in_a_pipeline(classifier, digits, capsys):
    bar = ProgressBar(max_propagation_depth=None)
    pipeline = make_pipeline(MinMaxScaler(), clone(classifier)).set_callbacks(bar)
    pipeline.fit(*digits)
    out = capsys.readouterr().out
    assert "Pipeline" in out
    assert type(classifier).__name__ in out
    assert not hasattr(pipeline[-1], "_skl_callbacks")


@each_classifier
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_progress_bar_works_in_a_grid_search(classifier, n_jobs, digits, capsys):
    search = GridSearchCV(clone(classifier), {"tol": [0.1, 0.2]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*digits)
    out = capsys.readouterr().out
    assert "GridSearchCV" in out
    assert type(classifier).__name__ in out
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@each_classifier
def test_a_scoring_monitor_scores_each_epoch(classifier, digits):
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model = clone(classifier).set_callbacks(monitor).fit(*digits)
    log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(log) == model.n_iter_
    assert log[-1]["accuracy"] == model.score(*digits)
    assert log[0]["neg_log_loss"] < log[-1]["neg_log_loss"]


@each_classifier
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_scoring_monitor_sees_every_fold(classifier, n_jobs, digits):
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model = clone(classifier).set_callbacks(monitor)
    GridSearchCV(model, {"tol": [0.1]}, cv=2, n_jobs=n_jobs).fit(*digits)
    epochs = [
        (log.run_id, *row["parent_task_id_path"])
        for log in monitor.get_logs(select="all")
        for row in log.data
        if row["task_name"] == "epoch" and 0 <= row["accuracy"] <= 1
    ]
    assert len(set(epochs)) == 3  # two folds and all rows
    assert len(epochs) > 3
