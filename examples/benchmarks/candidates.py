"""Candidates of a search: the default network, and what it has to beat."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from sklearn_digits import ConvNetClassifier, ConvolutionFeatureTransformer

# As the guide has it.
EDGES = ConvolutionFeatureTransformer("gabor", rectify="abs", pooling="mean", power=0.5)


def as_rows(X):
    """Return images as rows of pixels between 0 and 1."""
    return X.reshape(len(X), -1) / np.float32(255)


def of_pixels(classifier):
    """Return a classifier of rows of pixels between 0 and 1."""
    return make_pipeline(FunctionTransformer(as_rows), classifier)


# Each makes an estimator of a random seed.
CANDIDATES = {
    "ConvNetClassifier": lambda seed: ConvNetClassifier(random_state=seed),
    "class shares": lambda seed: of_pixels(DummyClassifier()),
    "edges + logistic regression": lambda seed: make_pipeline(
        EDGES, StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)
    ),
    "SVC": lambda seed: of_pixels(CalibratedClassifierCV(SVC(), ensemble=False)),
    "scikit-learn MLP": lambda seed: of_pixels(MLPClassifier(random_state=seed)),
}
