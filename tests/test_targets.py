"""Labels, weights and the loss, against scikit-learn's and by hand."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_digits._training.loss import SHARPENING, LogLoss
from sklearn_digits._training.targets import (
    check_targets,
    decode_targets,
    encode_targets,
    find_classes,
    row_weights,
)

LABELS = [
    np.array(["two", "one", "two", "three"]),
    np.array(["b", "a", "b", "c"], dtype=object),
    np.array([30, -1, 30, 7]),
    np.array([2.0, 1.0, 2.0, 5.0]),
    np.array([True, False, True, True]),
    np.array([9, 0, 5, 0, 9, 0, 5, 0], dtype=np.uint8)[::2],
    np.array(["a", "b", "c", "d"])[::-1],
    ["b", "a", "b", "c"],
    pd.Series(["b", "a", "b", "c"], index=[7, 1, 0, 2]),
    pd.Series(["b", "a", "b", "c"], dtype="category"),
]
INDICATOR = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1], [1, 1, 1]])
DICTS = [{0: 2.5, 2: 0.5, 5: 1}, {0: 2, 2: 1, 5: 3}, {2: 3}, {0: 0}, {}]
FEW, FEW_CLASSES = np.array([0, 2, 2, 5, 2]), np.array([0, 2, 5])


def learned(y):
    y, multilabel = check_targets(y)
    return y, find_classes(y, multilabel), multilabel


@pytest.mark.parametrize("y", LABELS, ids=lambda y: str(getattr(y, "dtype", "list")))
def test_labels_of_every_kind_come_back(y):
    checked, classes, multilabel = learned(y)
    assert not multilabel
    assert_array_equal(classes, sorted(set(np.asarray(y).tolist())))
    target = encode_targets(checked, classes, multilabel)
    assert target.dtype == torch.int64
    logits = torch.nn.functional.one_hot(target, len(classes)).numpy() * 3.0 - 5
    assert_array_equal(decode_targets(logits, classes, multilabel), np.asarray(y))


@pytest.mark.parametrize(
    "y",
    [
        INDICATOR,
        INDICATOR.tolist(),
        INDICATOR.astype(bool),
        INDICATOR.astype(float),
        np.asfortranarray(INDICATOR),
        INDICATOR[:, ::-1][:, ::-1],
        sparse.csr_matrix(INDICATOR),
        sparse.coo_array(INDICATOR),
    ],
)
def test_an_indicator_matrix_comes_back(y):
    checked, classes, multilabel = learned(y)
    assert multilabel
    assert_array_equal(classes, [0, 1, 2])
    target = encode_targets(checked, classes, multilabel)
    assert target.dtype == torch.float32
    assert_array_equal(target, INDICATOR)
    decoded = decode_targets(target.numpy() - 0.5, classes, multilabel)
    assert_array_equal(decoded, INDICATOR)
    assert decoded.dtype == np.int64


@pytest.mark.parametrize("values", [[-1, 1], [1, 2], [0, 2]])
def test_an_indicator_matrix_holds_zeros_and_ones_alone(values):
    # The log loss of a target of -1 or 2 has no lower bound.
    with pytest.raises(ValueError, match="zeros and ones"):
        learned(np.array(values)[INDICATOR])


def test_a_label_is_the_most_probable_class_and_a_yes_takes_more_than_half():
    classes = np.array(["a", "b", "c"])
    scores = np.array([[0.0, -1, 2], [-3, -2, -4]])
    assert_array_equal(decode_targets(scores, classes, False), ["c", "b"])
    assert_array_equal(
        decode_targets(scores, classes, True), (expit(scores) > 0.5).astype(int)
    )


def test_a_column_of_labels_is_taken_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        y, multilabel = check_targets(np.array([[1], [2], [1]]))
    assert_array_equal(y, [1, 2, 1])
    assert not multilabel


@pytest.mark.parametrize(
    ("y", "told"),
    [
        ([0.5, 1.2, 3.1], "Unknown label type"),
        ([[1, 2], [3, 1], [2, 2]], r"several columns.*MultiOutputClassifier"),
    ],
)
def test_targets_of_another_kind_raise(y, told):
    with pytest.raises(ValueError, match=told):
        check_targets(np.array(y))


@pytest.mark.parametrize(
    ("y", "classes", "unseen"),
    [
        (np.array([1, 7, 9, 7]), np.array([1, 2]), "[7 9]"),
        (np.array(["one", "seven"]), np.array(["one", "two"]), "['seven']"),
        (np.array([0]), np.array([1, 2]), "[0]"),
    ],
)
def test_an_unseen_class_is_named(y, classes, unseen):
    message = f"`self.classes_` has {classes}. 'y' also has {unseen}."
    with pytest.raises(ValueError, match=re.escape(message)):
        encode_targets(y, classes, False)


def test_targets_of_another_form_than_in_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 3\).*2 labels.*shape \(n, 2\)"):
        encode_targets(INDICATOR, np.arange(2), True)
    with pytest.raises(ValueError, match=r"shape \(3,\).*3 labels"):
        encode_targets(np.array([0, 1, 1]), np.arange(3), True)
    with pytest.raises(ValueError, match=r"\(4, 3\) is an indicator matrix"):
        encode_targets(INDICATOR, np.arange(3), False)


def as_passed(*args):
    """Return weights on the scale that they were passed in."""
    weights, exponent = row_weights(*args)
    assert 1 <= weights.max() < 2
    return np.ldexp(weights, exponent)


def test_no_weights_stay_no_weights():
    assert row_weights(FEW, FEW_CLASSES, None, None, False) == (None, 0)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1e-200, 2: 3, 5: 1}])
@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_weights_of_any_scale_are_the_same_but_for_a_power_of_two(class_weight, scale):
    sample_weight = np.array([0.2, 1, 0, 3, 0.5])
    plain, scaled = (
        row_weights(FEW, FEW_CLASSES, sample_weight * factor, class_weight, False)
        for factor in (1.0, scale)
    )
    assert_allclose(scaled[0] / scaled[0].sum(), plain[0] / plain[0].sum())


def test_a_class_that_the_rows_lack_may_have_a_weight():
    weights = as_passed(FEW, FEW_CLASSES, None, {0: 1, 2: 3, 5: 2, 7: 4}, False)
    assert_array_equal(weights, as_passed(FEW, FEW_CLASSES, None, {2: 3, 5: 2}, False))


@pytest.mark.parametrize("sample_weight", [[1, 0, 2, 3, 1], np.arange(5, dtype="f4")])
def test_sample_weights_pass_in_float64(sample_weight):
    weights = as_passed(FEW, FEW_CLASSES, sample_weight, None, False)
    assert_array_equal(weights, sample_weight)
    assert weights.dtype == np.float64


@pytest.mark.parametrize("y", LABELS, ids=lambda y: str(getattr(y, "dtype", "list")))
def test_balanced_weights_are_scikit_learns(y):
    y, classes, _ = learned(y)
    weights = as_passed(y, classes, None, "balanced", False)
    assert_allclose(weights, compute_sample_weight("balanced", y))


@pytest.mark.parametrize("class_weight", DICTS)
@pytest.mark.parametrize("sample_weight", [None, [1.0, 2, 0, 1, 0.5]])
def test_weights_of_a_dict_are_scikit_learns(class_weight, sample_weight):
    weights = as_passed(FEW, FEW_CLASSES, sample_weight, class_weight, False)
    expected = compute_sample_weight({0: 1, 2: 1, 5: 1} | class_weight, FEW)
    assert_allclose(weights, expected * (1 if sample_weight is None else sample_weight))
    assert weights.dtype == np.float64


@pytest.mark.parametrize("y", LABELS, ids=lambda y: str(getattr(y, "dtype", "list")))
def test_weights_of_a_dict_find_labels_of_every_kind(y):
    y, classes, _ = learned(y)
    weights = as_passed(y, classes, None, {classes.tolist()[1]: 4.0}, False)
    assert_array_equal(weights, np.where(y == classes[1], 4.0, 1.0))


def test_a_weighted_row_balances_as_repeated_rows():
    counts = np.array([3, 1, 2, 1, 4])
    weights = as_passed(FEW, FEW_CLASSES, counts, "balanced", False)
    repeated = compute_sample_weight("balanced", FEW.repeat(counts))
    assert_allclose((weights / counts).repeat(counts), repeated)


def test_balancing_passes_over_classes_without_rows():
    classes = np.array([0, 2, 3, 5])
    weights = as_passed(FEW, classes, None, "balanced", False)
    assert_allclose(weights, compute_sample_weight("balanced", FEW))


def test_balancing_passes_over_classes_without_weight():
    weights = as_passed(FEW, FEW_CLASSES, [0, 1, 1, 1, 1], "balanced", False)
    assert_allclose(weights, [0, *compute_sample_weight("balanced", FEW[1:])])


@pytest.mark.parametrize(
    ("sample_weight", "class_weight", "told"),
    [
        ([1, 1, 1, 1, -1], None, "Negative values.*sample_weight"),
        ([0, 0, 0, 0, 0], None, "at least one non-zero"),
        ([1, 1], None, r"sample_weight.shape == \(2,\), expected \(5,\)"),
        ([1, 1, 1, 1, np.nan], None, "NaN"),
        (None, {0: 1, 7: 2}, r"classes \[7\].*among \[0 2 5\].*no weight for \[2, 5\]"),
        (None, {"two": 2}, r"class_weight names classes \['two'\]"),
        (None, {2: -0.5}, r"class_weight=\{2: -0.5\} must hold finite numbers"),
        (None, {2: float("nan")}, "class_weight"),
        (None, {2: float("inf")}, "class_weight"),
    ],
)
def test_weights_that_mean_nothing_are_named(sample_weight, class_weight, told):
    with pytest.raises(ValueError, match=told):
        row_weights(FEW, FEW_CLASSES, sample_weight, class_weight, False)


def test_balanced_columns_of_an_indicator_matrix_multiply():
    Y = np.array([[0, 1], [1, 1], [0, 0], [0, 1]])
    weights = as_passed(Y, np.arange(2), None, "balanced", True)
    assert_allclose(weights, compute_sample_weight("balanced", Y))
    counts = np.array([2, 0, 1, 3])
    weights = as_passed(Y, np.arange(2), counts, "balanced", True)
    repeated = compute_sample_weight("balanced", Y.repeat(counts, axis=0))
    assert_allclose((weights / np.maximum(counts, 1)).repeat(counts), repeated)


@pytest.mark.parametrize("class_weight", [{0: 2}])
def test_weights_by_class_have_no_meaning_for_an_indicator_matrix(class_weight):
    told = f"class_weight={class_weight!r} has no meaning for an indicator matrix"
    with pytest.raises(ValueError, match=re.escape(told)):
        row_weights(INDICATOR, np.arange(3), None, class_weight, True)


def logits_and_weights(n=20, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_classes)) * 3, rng.random(n) * 2


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_scikit_learns_log_loss(weighted):
    logits, weight = logits_and_weights()
    y = np.arange(20) % 4
    loss = LogLoss()(
        torch.from_numpy(logits),
        torch.from_numpy(y),
        torch.from_numpy(weight) if weighted else None,
    )
    expected = log_loss(
        y, softmax(logits, axis=1), sample_weight=weight if weighted else None
    )
    assert loss.ndim == 0
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_losses_of_several_labels_add_up(weighted):
    logits, weight = logits_and_weights()
    y = (np.random.default_rng(1).random(logits.shape) < 0.5).astype(np.float32)
    loss = LogLoss(multilabel=True)(
        torch.from_numpy(logits),
        torch.from_numpy(y),
        torch.from_numpy(weight) if weighted else None,
    )
    p = expit(logits)
    of_rows = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1)
    expected = np.average(of_rows, weights=weight if weighted else None)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("multilabel", [False, True])
def test_gradients_of_equal_weights_are_those_of_none(multilabel):
    values, _ = logits_and_weights()
    target = torch.arange(20) % 4
    if multilabel:
        target = torch.nn.functional.one_hot(target, 4).float()
    gradients = []
    for weight in (None, torch.full((20,), 1e-6, dtype=torch.float64)):
        logits = torch.from_numpy(values).requires_grad_()
        LogLoss(multilabel)(logits, target, weight).backward()
        gradients.append(logits.grad)
    torch.testing.assert_close(*gradients)


def test_a_loss_far_from_the_truth_stays_finite():
    logits = torch.tensor([[2000.0, -2000.0]])
    assert LogLoss()(logits, torch.tensor([1])).item() == pytest.approx(4000)
    loss = LogLoss(multilabel=True)(logits, torch.tensor([[0.0, 1.0]]))
    assert loss.item() == pytest.approx(4000)


def test_labels_are_smoothed_while_training_only():
    logits, target = torch.randn(6, 3), torch.arange(6) % 3
    loss = LogLoss(label_smoothing=0.3)
    plain = LogLoss()(logits, target)
    log_p = (logits / (1 + SHARPENING * 0.3)).log_softmax(dim=1)
    expected = -(0.7 * log_p.gather(1, target[:, None])[:, 0] + 0.3 * log_p.mean(dim=1))
    assert loss(logits, target).item() == pytest.approx(expected.mean().item())
    weighted = loss(logits, target, torch.ones(6))
    assert weighted.item() == pytest.approx(expected.mean().item())
    assert torch.equal(loss.eval()(logits, target), plain)
