"""Weights of an MLPClassifier, to and from scikit-learn's class of the same name."""

import copy
from math import inf, nan

import numpy as np
import pandas as pd
import torch
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.utils.validation import check_is_fitted

from sklearn_digits._training.random_numbers import new_generator
from sklearn_digits._training.record import CURVES, FitRecord
from sklearn_digits._training.runtime import default_modes


def set_weights(name, tensors, arrays):
    """Copy one array a layer into the tensors of a module.

    Parameters
    ----------
    name : str
        What errors call the arrays.
    tensors : list of torch.Tensor
    arrays : sequence of array-like
        Of the same shapes.

    Raises
    ------
    ValueError
        If the number of arrays, or the shape of one, is another, or a value is not
        finite. Nothing has changed then.
    """
    if len(arrays) != len(tensors):
        raise ValueError(
            f"{name} has {len(arrays)} arrays; expected one for each of the "
            f"{len(tensors)} layers."
        )
    checked = [np.asarray(array, dtype=np.float64) for array in arrays]
    for layer, (tensor, array) in enumerate(zip(tensors, checked, strict=True)):
        if array.shape != tuple(tensor.shape):
            raise ValueError(
                f"{name}[{layer}] has the shape {array.shape}; expected "
                f"{tuple(tensor.shape)}."
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name}[{layer}] has values that are not finite.")
    with torch.no_grad():
        for tensor, array in zip(tensors, checked, strict=True):
            tensor.copy_(torch.from_numpy(array))


@default_modes()
def from_sklearn(classifier_class, estimator):
    """Return a classifier of ours with the weights and curves of scikit-learn's.

    Parameters
    ----------
    classifier_class : type
        MLPClassifier, or a subclass.
    estimator : sklearn.neural_network.MLPClassifier
        Fitted.

    Returns
    -------
    classifier : MLPClassifier
    """
    if not isinstance(estimator, SklearnMLPClassifier):
        raise TypeError(
            f"{estimator!r} is a {type(estimator).__name__}; expected a fitted "
            "sklearn.neural_network.MLPClassifier."
        )
    check_is_fitted(estimator)
    _check_several_classes(estimator)
    classifier = classifier_class(**estimator.get_params())
    classifier.classes_ = estimator.classes_.copy()
    classifier._multilabel = (
        estimator.out_activation_ == "logistic" and estimator.n_outputs_ > 1
    )
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(estimator, name):
            setattr(classifier, name, getattr(estimator, name))
    dtype = estimator.coefs_[0].dtype
    row = np.zeros((1, estimator.n_features_in_), dtype)
    generator = new_generator(estimator.random_state)
    module = classifier._first_module(row, generator, n_rows=inf)
    if dtype == np.float64:
        classifier.compute_dtype_ = "float64"
        module.to(torch.float64)
    record = copy.deepcopy(FitRecord.from_attributes(vars(estimator)))
    record.module = module.eval()
    if record.validation_scores is not None:  # scikit-learn keeps no losses of them
        record.validation_loss_curve = [nan] * len(record.validation_scores)
    classifier._keep(record, incremental=False)
    classifier.coefs_ = estimator.coefs_
    classifier.intercepts_ = estimator.intercepts_
    return classifier


def to_sklearn(classifier):
    """Return scikit-learn's estimator with the weights of the fitted `classifier`.

    It learns classes and shapes from one row of zeros, and then gets the weights.

    Parameters
    ----------
    classifier : MLPClassifier
        Ours, fitted.

    Returns
    -------
    estimator : sklearn.neural_network.MLPClassifier
    """
    _check_several_classes(classifier)
    names = SklearnMLPClassifier().get_params()
    params = {name: getattr(classifier, name) for name in names}
    known = {"identity", "logistic", "tanh", "relu"}
    if classifier.activation not in known:
        raise ValueError(
            f"activation={classifier.activation!r} does not exist in scikit-learn; "
            f"expected one of {sorted(known)}."
        )
    coefs, intercepts = copy.deepcopy((classifier.coefs_, classifier.intercepts_))
    X = np.zeros((1, classifier.n_features_in_), coefs[0].dtype)
    if hasattr(classifier, "feature_names_in_"):
        X = pd.DataFrame(X, columns=classifier.feature_names_in_)
    y = classifier.classes_[:1]
    if classifier._multilabel:
        y = np.zeros((1, len(classifier.classes_)), dtype=int)
    estimator = SklearnMLPClassifier([coef.shape[1] for coef in coefs[:-1]])
    estimator.partial_fit(X, y, classes=classifier.classes_)
    estimator.set_params(**params)
    estimator.coefs_, estimator.intercepts_ = coefs, intercepts
    # What training on may not find: moments and "best" weights of the row of zeros.
    del estimator._optimizer
    estimator._best_coefs = copy.deepcopy(coefs)
    estimator._best_intercepts = copy.deepcopy(intercepts)
    for name in CURVES:
        if name != "validation_loss_curve":  # scikit-learn has none
            setattr(estimator, f"{name}_", copy.copy(getattr(classifier, f"{name}_")))
    return estimator


def _check_several_classes(estimator):
    if len(estimator.classes_) < 2:
        raise ValueError(
            f"The classifier knows one class only, {estimator.classes_}; the two "
            "libraries predict alike from two classes on."
        )
