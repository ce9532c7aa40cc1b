"""scikit-learn's own tests of its MLPClassifier, run on ours.

They are read from the installed scikit-learn: its file runs with its import of the
class pointed here, and every test of a classifier in it becomes one of this module.
"""

from pathlib import Path

import pytest
import sklearn.neural_network
from sklearn.neural_network import MLPRegressor

import sklearn_digits

# scikit-learn lets its tests warn; what they are about, they assert themselves.
pytestmark = pytest.mark.filterwarnings("default")

ABOUT_THE_REGRESSOR = {
    "test_lbfgs_regression",
    "test_lbfgs_regression_maxfun",
    "test_minimum_input_sample_size",
    "test_mlp_diverging_loss",
    "test_mlp_loading_from_joblib_partial_fit",
    "test_mlp_regressor_dtypes_casting",
    "test_mlp_sample_weight_with_early_stopping",
    "test_mlp_vs_poisson_glm_equivalent",
    "test_multioutput_regression",
    "test_nonfinite_params",
    "test_partial_fit_regression",
    "test_shuffle",
}
POKING_PRIVATE_STATE = {
    "test_fit": "sets the arrays of a class that is not fitted, private ones too; "
    "test_steps_from_the_same_weights_are_scikit_learns holds the same",
    "test_gradient": "calls _loss_grad_lbfgs; test_lbfgs.py checks the gradient",
    "test_learning_rate_warmstart": "reads _optimizer.learning_rate; "
    "test_learning_rates_follow_scikit_learns holds the same",
    "test_adaptive_learning_rate": "reads _optimizer.learning_rate, as above",
}


def upstream_tests():
    """Return scikit-learn's tests by name, without what is left out."""
    path = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    theirs = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
    source = path.read_text(encoding="utf-8")
    assert source.count(theirs) == 1
    ours = (
        "from sklearn_digits import MLPClassifier; "
        "from sklearn.neural_network import MLPRegressor"
    )
    names = {"__name__": __name__}
    exec(compile(source.replace(theirs, ours), str(path), "exec"), names)
    assert names["MLPClassifier"] is sklearn_digits.MLPClassifier
    tests = {name: test for name, test in names.items() if name.startswith("test_")}
    for name in [*ABOUT_THE_REGRESSOR, *POKING_PRIVATE_STATE]:
        del tests[name]  # a name that does not exist is an error
    for test in tests.values():
        for mark in getattr(test, "pytestmark", []):
            if mark.name == "parametrize" and MLPRegressor in list(mark.args[1]):
                mark.args[1].remove(MLPRegressor)
    return tests


globals().update(upstream_tests())
