"""Edge features under a linear model and under an SVC, on MNIST.

The features are raw pixels, HOG (scikit-image: 9 orientations, cells of 7×7 pixels,
blocks of 2×2), and ConvolutionFeatureTransformer in the setting of the user guide.
Three models follow each of them:

- logistic regression, standardized, C=0.01, on all 60,000 images;
- an SVC with RBF kernel, C=10, on the first 10,000 images, to keep the benchmark short;
- the same SVC on principal components of all 60,000 images: the first 20, multiplied by
  two, beside the first 80, whitened, so that small differences count. These numbers
  were chosen for our features, on the last 10,000 training images.

Seconds of computing the training features, and of the fit after it, one run each.
"""

from time import perf_counter

import numpy as np
from benchmarking import mnist, run
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from timing import describe

from sklearn_digits import ConvolutionFeatureTransformer


def raw_pixels(X):
    """Return the pixels between 0 and 1."""
    return X / np.float32(255)


def hog_features(X):
    """Return histograms of oriented gradients."""
    from skimage.feature import hog

    images = X.reshape(-1, 28, 28)
    features = [
        hog(image, pixels_per_cell=(7, 7), cells_per_block=(2, 2)) for image in images
    ]
    return np.array(features, dtype=np.float32)


def edge_features(X):
    """Return pooled edges."""
    transformer = ConvolutionFeatureTransformer(
        "gabor", rectify="abs", pooling="mean", power=0.5
    )
    return transformer.fit_transform(raw_pixels(X))


FEATURES = {
    "raw pixels": raw_pixels,
    "scikit-image HOG": hog_features,
    "sklearn_digits edges": edge_features,
}
components = FeatureUnion(
    [
        ("coarse", PCA(20, svd_solver="covariance_eigh")),
        ("fine", PCA(80, whiten=True, svd_solver="covariance_eigh")),
    ],
    transformer_weights={"coarse": 2},
)
MODELS = {
    "logistic regression": (
        make_pipeline(StandardScaler(), LogisticRegression(C=0.01)),
        60_000,
    ),
    "SVC": (SVC(C=10), 10_000),
    "PCA, SVC": (make_pipeline(components, SVC(C=10, cache_size=2000)), 60_000),
}


def benchmark(options):
    """Yield a row for each kind of features and model."""
    X, y, X_test, y_test = mnist(options, n_quick=300)
    for name, features in FEATURES.items():
        try:
            start = perf_counter()
            train = features(X)
            seconds = perf_counter() - start
            test = features(X_test)
        except Exception as error:
            yield {"features": name, "failed": describe(error)}
            continue
        for model_name, (model, n_rows) in MODELS.items():
            start = perf_counter()
            model.fit(train[:n_rows], y[:n_rows])
            yield {
                "features": name,
                "model": model_name,
                "rows": min(n_rows, len(X)),
                "n features": train.shape[1],
                "s features": seconds,
                "s fit": perf_counter() - start,
                "accuracy %": f"{100 * model.score(test, y_test):.2f}",
            }


if __name__ == "__main__":
    run(benchmark, __doc__)
