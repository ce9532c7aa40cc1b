import builtins
import os
import stat

import numpy as np
import onnx
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from onnxruntime import InferenceSession
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    Dropout,
    MLPClassifier,
    TorchClassifier,
)
from sklearn_digits._onnx.converters import exported_labels
from sklearn_digits.export import to_onnx

PIXELS, LABELS = load_digits(return_X_y=True)
PIXELS, LABELS = PIXELS[:60].astype(np.uint8), LABELS[:60]
COLOURS = np.random.default_rng(0).integers(0, 256, (20, 5, 6, 3), dtype=np.uint8)


def small_mlp(**parameters):
    parameters = {"tol": 100, "n_iter_no_change": 1, "random_state": 0, **parameters}
    return MLPClassifier((5,), **parameters)


def small_convnet(**parameters):
    return ConvNetClassifier((2, 3), max_iter=1, random_state=0, **parameters)


@pytest.fixture
def run(tmp_path):
    """Export an estimator, run the file, return its outputs."""

    def run(estimator, X, image_shape=None):
        path = tmp_path / "digits.onnx"
        to_onnx(estimator, path, input_dtype=X.dtype, image_shape=image_shape)
        onnx.checker.check_model(onnx.load(path), full_check=True)
        return InferenceSession(path).run(None, {"X": X})

    return run


def assert_same_classifier(run, classifier, X, **options):
    for rows in (X[:1], X):
        label, probabilities = run(classifier, rows, **options)
        assert_array_equal(label, classifier.predict(rows))
        assert_allclose(probabilities, classifier.predict_proba(rows), atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [(64,), (8, 8), (8, 8, 1), (4, 4, 4)])
@pytest.mark.parametrize("build", [small_mlp, small_convnet])
def test_the_file_takes_what_the_classifier_takes(run, build, shape, dtype):
    X = PIXELS.astype(dtype).reshape(-1, *shape)
    classifier = build().fit(X, LABELS)
    image_shape = shape if len(shape) > 1 else None
    assert_same_classifier(run, classifier, X, image_shape=image_shape)


@pytest.mark.parametrize(
    ("labels", "type_name"),
    [
        (LABELS, "tensor(int64)"),
        (LABELS.astype(np.uint8), "tensor(int64)"),
        (LABELS.astype(float), "tensor(int64)"),
        (LABELS % 2, "tensor(int64)"),
        (LABELS % 2 == 0, "tensor(int64)"),
        (LABELS * 0, "tensor(int64)"),
        (LABELS.astype(str), "tensor(string)"),
        (LABELS.astype(str).astype(object), "tensor(string)"),
        ((LABELS[:, np.newaxis] % [2, 3, 5] == 0).astype(int), "tensor(int64)"),
    ],
    ids=["int", "uint", "float", "binary", "bool", "one", "str", "object", "multi"],
)
def test_labels_and_probabilities_are_named_and_typed(tmp_path, labels, type_name):
    classifier = small_mlp().fit(PIXELS, labels)
    to_onnx(classifier, tmp_path / "x.onnx", input_dtype="uint8")
    session = InferenceSession(tmp_path / "x.onnx")
    found = [(out.name, out.type) for out in session.get_outputs()]
    assert found == [("label", type_name), ("probabilities", "tensor(float)")]
    label, probabilities = session.run(None, {"X": PIXELS})
    assert_array_equal(label, classifier.predict(PIXELS))
    assert_allclose(probabilities, classifier.predict_proba(PIXELS), atol=1e-5)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "gelu", "silu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_in_its_precision(run, activation, dtype):
    X = PIXELS.astype(dtype)
    classifier = small_mlp(activation=activation, dropout=0.5).fit(X, LABELS)
    _, probabilities = run(classifier, X)
    assert probabilities.dtype == dtype
    # The error function is float32 in onnxruntime.
    tolerance = 1e-12 if dtype == "float64" and activation != "gelu" else 1e-6
    assert_allclose(probabilities, classifier.predict_proba(X), atol=tolerance)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel_size", [2, 4])
def test_even_kernels_are_padded_as_in_torch(run, kernel_size):
    classifier = small_convnet(kernel_size=kernel_size).fit(PIXELS, LABELS)
    assert_same_classifier(run, classifier, PIXELS)


def test_colour_images(run):
    classifier = small_convnet().fit(COLOURS, np.arange(20) % 3)
    assert_same_classifier(run, classifier, COLOURS, image_shape=(5, 6, 3))


TRANSFORMERS = [
    {},
    {"kernels": "gabor", "rectify": "abs", "pooling": "mean"},
    {"padding": "valid", "stride": 2},
    {"kernels": {"even": np.arange(8.0).reshape(2, 4)}, "stride": 3},
    {"rectify": "relu", "pooling": "max"},
    {"rectify": "split", "pooling": "mean", "pool_size": 2, "pool_stride": 1},
    {"rectify": "split"},
    {"pooling": "max", "pool_size": 100},
    {"power": 2, "clip": (-30, 255)},
    {"power": 0.5, "rectify": "abs"},
    *({"kernels": "gabor", "border_mode": mode} for mode in ("nearest", "reflect")),
    *({"kernels": np.ones((9, 7)), "border_mode": m} for m in ("mirror", "wrap")),
]


@pytest.mark.parametrize("X", [PIXELS, COLOURS / 255], ids=["grey", "colour"])
@pytest.mark.parametrize("parameters", TRANSFORMERS, ids=str)
def test_every_option_of_the_transformer(run, parameters, X):
    transformer = ConvolutionFeatureTransformer(**parameters).fit(X)
    image_shape = X.shape[1:] if X.ndim > 2 else None
    for rows in (X[:1], X):
        (features,) = run(transformer, rows, image_shape)
        expected = transformer.transform(rows)
        assert features.dtype == expected.dtype
        if transformer.power < 1:  # which makes rounding errors near zero large
            features, expected = features**2, expected**2
        assert_allclose(features, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


EDGES = ConvolutionFeatureTransformer(rectify="abs", pooling="mean")


@pytest.mark.filterwarnings("ignore:Attribute `prob._` was deprecated:FutureWarning")
@pytest.mark.parametrize(("dtype", "n_classes"), [("uint8", 5), ("float64", 2)])
@pytest.mark.parametrize(
    "steps",
    [
        (EDGES, LogisticRegression()),
        (EDGES, StandardScaler(), SVC()),
        (EDGES, small_mlp()),
        (StandardScaler(), small_mlp()),
        (PCA(9, random_state=0), small_mlp()),
        (make_union(EDGES, ConvolutionFeatureTransformer("sobel")), small_mlp()),
        (GridSearchCV(small_mlp(), {"alpha": [0.1, 1]}, cv=2),),
        (CalibratedClassifierCV(small_mlp(), cv=2),),
    ],
    ids=lambda steps: "-".join(type(step).__name__ for step in steps),
)
def test_pipelines(run, steps, dtype, n_classes):
    X, y = PIXELS.astype(dtype), LABELS % n_classes
    pipeline = make_pipeline(*steps).fit(X, y)
    label, probabilities = run(pipeline, X)
    assert_array_equal(label, pipeline.predict(X))
    if hasattr(pipeline, "predict_proba"):
        assert_allclose(probabilities, pipeline.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("last", [RidgeClassifier(), LinearSVC()])
def test_pipelines_to_classifiers_without_probabilities(run, last):
    pipeline = make_pipeline(EDGES, StandardScaler(), last).fit(PIXELS, LABELS)
    assert_array_equal(run(pipeline, PIXELS)[0], pipeline.predict(PIXELS))


def test_pipelines_of_transformers(run):
    pipeline = make_pipeline(EDGES, StandardScaler()).fit(PIXELS)
    (features,) = run(pipeline, PIXELS)
    assert_allclose(features, pipeline.transform(PIXELS), atol=1e-4)


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return 0.5 * x + self.inner(x) * self.inner(x) - 1


def module_of(*layers):
    return nn.Sequential(*layers, nn.LazyLinear(3))


NETWORKS = {
    "batch norm": lambda: module_of(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten()
    ),
    "plain norm": lambda: module_of(nn.BatchNorm2d(1, affine=False), nn.Flatten()),
    "groups": lambda: module_of(
        nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(4, 4, 2, groups=2), nn.Flatten()
    ),
    "poolings": lambda: module_of(
        nn.MaxPool2d(3, 1, padding=1), nn.AvgPool2d(3, 2, padding=1), nn.Flatten()
    ),
    "global": lambda: module_of(
        nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
    "norm": lambda: module_of(nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, 9)),
    "no bias": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 3, bias=False)),
    "activations": lambda: module_of(
        nn.ReLU(inplace=True), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.ReLU6(), nn.Flatten()
    ),
    "softmax": lambda: module_of(nn.Flatten(), nn.Softmax(dim=1), nn.Dropout()),
    "residual": lambda: module_of(
        Residual(nn.Conv2d(1, 1, 3, padding=1)), nn.Flatten()
    ),
    "dropout": lambda: module_of(nn.Flatten(), Dropout(0.5)),
}


class AnyNetClassifier(ConvNetClassifier):
    def __init__(self, network="norm", *, compute_dtype="auto", max_iter=1):
        super().__init__(compute_dtype=compute_dtype, max_iter=max_iter, random_state=0)
        self.network = network

    def build_module(self, n_features, n_classes):
        module = NETWORKS[self.network]()
        module(torch.zeros(2, 1, 8, 8))
        return module


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("network", NETWORKS)
def test_networks_of_ones_own(run, network, dtype):
    classifier = AnyNetClassifier(network, compute_dtype=dtype)
    classifier.fit(PIXELS, LABELS % 3)
    assert_same_classifier(run, classifier, PIXELS)


class OddModule(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.linear = nn.Linear(64, 3)

    def forward(self, x):
        if self.kind == "sort":
            x = x.sort(dim=1).values
        elif self.kind == "rows":
            x = x + x.shape[0]
        else:
            torch.relu_(x.view(-1, 8, 8))
        return self.linear(x)


class OddClassifier(TorchClassifier):
    def __init__(self, kind="sort"):
        super().__init__(tol=100, n_iter_no_change=1, random_state=0)
        self.kind = kind

    def build_module(self, n_features, n_classes):
        return OddModule(self.kind)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("sort", r"aten\.sort.*cannot write.*It writes: .*aten\.addmm"),
        ("rows", "number of its rows"),
        ("view", r"a view in place, by torch's aten\.relu_"),
    ],
)
def test_what_cannot_be_written_is_an_error(tmp_path, kind, message):
    classifier = OddClassifier(kind).fit(PIXELS, LABELS % 3)
    with pytest.raises(NotImplementedError, match=message):
        to_onnx(classifier, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_exporting_changes_nothing(tmp_path):
    classifier = small_convnet().fit(PIXELS, LABELS)
    before = [t.clone() for t in classifier.module_.state_dict().values()]
    to_onnx(classifier, tmp_path / "x.onnx")
    for old, new in zip(before, classifier.module_.state_dict().values(), strict=True):
        assert torch.equal(old, new)
    first = (tmp_path / "x.onnx").read_bytes()
    to_onnx(classifier, tmp_path / "x.onnx")
    assert (tmp_path / "x.onnx").read_bytes() == first


def test_parameters_set_after_the_fit_do_not_spoil_the_file(run):
    classifier = small_mlp().fit(PIXELS, LABELS)
    classifier.set_params(hidden_layer_sizes=(2,), activation="tanh")
    assert_same_classifier(run, classifier, PIXELS)


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (MLPClassifier(), NotFittedError, "MLPClassifier.*not fitted"),
        (make_pipeline(EDGES, MLPClassifier()), NotFittedError, "Pipeline.*not fitted"),
        (object(), TypeError, "not an estimator"),
        (
            make_pipeline(FunctionTransformer(np.sqrt), small_mlp()).fit(
                PIXELS, LABELS
            ),
            RuntimeError,
            "FunctionTransformer",
        ),
    ],
    ids=["unfitted", "unfitted pipeline", "no estimator", "function"],
)
def test_estimators_that_cannot_be_exported(tmp_path, estimator, error, message):
    with pytest.raises(error, match=message):
        to_onnx(estimator, tmp_path / "x.onnx")


@pytest.mark.parametrize("classes", [[0.5, 1], [0, 1e30]])
def test_labels_that_onnx_does_not_have_are_an_error(classes):
    with pytest.raises(NotImplementedError, match="integers or str"):
        exported_labels(np.array(classes))


def test_a_step_that_skl2onnx_does_not_know_is_named(tmp_path):
    class Unknown(StandardScaler):
        pass

    pipeline = make_pipeline(Unknown(), small_mlp()).fit(PIXELS, LABELS)
    with pytest.raises(TypeError, match=r"part of Pipeline: .*Unknown"):
        to_onnx(pipeline, tmp_path / "x.onnx")


def test_several_views_are_an_error(tmp_path):
    classifier = small_convnet().fit(PIXELS, LABELS)
    classifier.n_views = 5
    with pytest.raises(
        NotImplementedError, match=r"n_views=5.*set_params\(n_views=1\)"
    ):
        to_onnx(classifier, tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_dtype": "int16"}, "input_dtype='int16'.*uint8, float32, float64"),
        ({"input_dtype": "pixels"}, "input_dtype='pixels'"),
        ({"image_shape": (8, 9)}, r"\(8, 9\) has 72 pixels.*64 features"),
        ({"image_shape": (64,)}, "no image shape"),
    ],
)
def test_invalid_options(tmp_path, options, message):
    classifier = small_mlp().fit(PIXELS, LABELS)
    with pytest.raises(ValueError, match=message):
        to_onnx(classifier, tmp_path / "x.onnx", **options)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    transformer = ConvolutionFeatureTransformer().fit(PIXELS)
    with pytest.raises(FileNotFoundError, match=r"absent.x\.onnx"):
        to_onnx(transformer, tmp_path / "absent" / "x.onnx")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder"):
        to_onnx(transformer, tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    transformer = ConvolutionFeatureTransformer().fit(PIXELS)
    path = tmp_path / "x.onnx"
    to_onnx(transformer, path)
    before = path.read_bytes()

    def fill_the_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill_the_disk)
    with pytest.raises(OSError, match=r"No space left on device: .*/x\.onnx"):
        to_onnx(transformer, path, input_dtype="uint8")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRUSR


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    original = builtins.__import__

    def without_onnx(name, *args, **kwargs):
        if name == "sklearn_digits._onnx.converters":
            raise ImportError("No module named 'onnx'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    transformer = ConvolutionFeatureTransformer().fit(PIXELS)
    with pytest.raises(ImportError, match=r"'onnx'.*sklearn-digits\[onnx\]"):
        to_onnx(transformer, tmp_path / "x.onnx")
