"""Parameters are typed fields: a subclass adds one in a line and keeps the others."""

import inspect
import pickle
from dataclasses import field
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    ImageClassifier,
    MLPClassifier,
    RandomAffine,
    RandomAugmentation,
    TorchClassifier,
)
from sklearn_digits.export import to_onnx

ESTIMATORS = [
    TorchClassifier,
    ImageClassifier,
    MLPClassifier,
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    RandomAffine,
    RandomAugmentation,
]


class WideClassifier(ImageClassifier):
    width: int = 8

    def build_module(self, n_features, n_classes):
        return nn.Sequential(
            nn.Conv2d(self.image_shape_[2], self.width, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(self.width, n_classes),
        )


class PositionalClassifier(WideClassifier):
    depth: int = field(default=2, kw_only=False)
    _parameter_constraints: ClassVar[dict] = {
        **WideClassifier._parameter_constraints,
        "depth": [int],
    }


class ByHand(WideClassifier):
    def __init__(self, size=4, *, max_iter=1):
        super().__init__(max_iter=max_iter, width=2 * size)
        self.size = size


class ChildOfByHand(ByHand):
    """Declares no field, so that it inherits the constructor."""


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:100], y[:100]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_parameter_has_a_type_and_a_default(kind):
    for name, parameter in inspect.signature(kind).parameters.items():
        assert parameter.annotation is not parameter.empty, name
        assert parameter.default is not parameter.empty, name
        assert not isinstance(parameter.default, (list, dict, set)), name


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_only_the_first_parameters_are_positional(kind):
    positional = [
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    expected = {
        MLPClassifier: ["hidden_layer_sizes", "activation"],
        ConvNetClassifier: ["channels"],
        ConvolutionFeatureTransformer: ["kernels"],
    }
    assert positional == expected.get(kind, [])


def test_a_subclass_adds_a_parameter_in_one_line_and_keeps_the_others():
    names = set(inspect.signature(WideClassifier).parameters)
    assert names == set(inspect.signature(ImageClassifier).parameters) | {"width"}
    assert repr(WideClassifier(width=3, max_iter=2)) == (
        "WideClassifier(max_iter=2, width=3)"
    )
    assert clone(WideClassifier(width=3)).width == 3
    assert PositionalClassifier(5, width=3).get_params()["depth"] == 5
    with pytest.raises(TypeError, match="positional"):
        WideClassifier(3)


def test_constraints_of_an_added_parameter_are_checked(digits):
    with pytest.raises(InvalidParameterError, match="depth"):
        PositionalClassifier("deep").fit(*digits)


@pytest.mark.parametrize("kind", [ByHand, ChildOfByHand])
def test_a_constructor_by_hand_still_works(kind, digits):
    model = clone(kind(3)).fit(*digits)
    assert set(model.get_params()) == {"size", "max_iter"}
    assert model.module_[1][0].out_channels == 6
    again = pickle.loads(pickle.dumps(model))
    assert_allclose(again.predict_proba(digits[0]), model.predict_proba(digits[0]))
    model.partial_fit(*digits)
    again.partial_fit(*digits)
    assert model.t_ == again.t_ == 2 * len(digits[0])


def test_an_added_parameter_works_in_search_pickle_and_onnx(digits, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    grid = {"wideclassifier__width": [2, 5]}
    pipeline = make_pipeline(
        FunctionTransformer(), WideClassifier(max_iter=1, random_state=0)
    )
    search = GridSearchCV(pipeline, grid, cv=2).fit(*digits)
    widths = search.cv_results_["param_wideclassifier__width"]
    assert widths.tolist() == [2, 5]
    model = WideClassifier(width=5, max_iter=1, random_state=0).fit(*digits)
    expected = model.predict_proba(digits[0])
    stored = pickle.dumps(model.set_params(width=9))
    assert_allclose(pickle.loads(stored).predict_proba(digits[0]), expected)
    to_onnx(model, tmp_path / "wide.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "wide.onnx")
    X = digits[0].astype(np.float32)
    assert_allclose(session.run(None, {"X": X})[1], expected, atol=1e-5)
