import builtins
import os
import stat
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import onnx
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from onnxruntime import InferenceSession
from skl2onnx import update_registered_converter
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from torch import nn

from sklearn_digits import (
    BatchNorm2d,
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    Dropout,
    ImageClassifier,
    MLPClassifier,
    TorchClassifier,
)
from sklearn_digits.export import to_onnx
from sklearn_digits.export._converters import (
    classifier_types,
    convert_classifier,
    convert_transformer,
    exported_labels,
    transformer_types,
)

PIXELS, LABELS = load_digits(return_X_y=True)
PIXELS, LABELS = PIXELS[:60].astype(np.uint8), LABELS[:60]
COLORS = np.random.default_rng(0).integers(0, 256, (20, 5, 6, 3), dtype=np.uint8)


def small_mlp(**parameters):
    parameters = {"tol": 100, "n_iter_no_change": 1, "random_state": 0, **parameters}
    return MLPClassifier((5,), **parameters)


def small_convnet(**parameters):
    return ConvNetClassifier((2, 3), max_iter=1, random_state=0, **parameters)


def small_whitening_convnet():
    return small_convnet(whitening=True)


@pytest.fixture
def load(tmp_path):
    """Export an estimator, check the file, return a function that runs it."""

    def load(estimator, X, image_shape=None):
        path = tmp_path / "digits.onnx"
        to_onnx(estimator, path, input_dtype=X.dtype, image_shape=image_shape)
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = InferenceSession(path)
        return lambda rows: session.run(None, {"X": rows})

    return load


@pytest.fixture
def run(load):
    """Export an estimator, run the file, return its outputs."""
    return lambda estimator, X, **options: load(estimator, X, **options)(X)


def assert_same_classifier(load, classifier, X, **options):
    run = load(classifier, X, **options)
    for rows in (X[:1], X):  # one export for any number of rows
        label, probabilities = run(rows)
        assert_array_equal(label, classifier.predict(rows))
        assert_allclose(probabilities, classifier.predict_proba(rows), atol=1e-5)


SHAPES = [(64,), (8, 8), (8, 8, 1), (4, 4, 4)]
DTYPES = ["uint8", "float32", "float64"]


# Nodes in front of the network make rows of floats of all shapes and dtypes, in the
# same way for every network. An export of a convolutional one takes seconds.
@pytest.mark.parametrize(
    ("build", "shape", "dtype"),
    [
        *((small_mlp, shape, dtype) for shape in SHAPES for dtype in DTYPES),
        (small_convnet, (64,), "uint8"),
        (small_convnet, (8, 8), "float32"),
        (small_convnet, (8, 8, 1), "float64"),
        (small_convnet, (4, 4, 4), "uint8"),
        (small_whitening_convnet, (8, 8), "uint8"),
    ],
)
def test_the_file_takes_what_the_classifier_takes(load, build, shape, dtype):
    X = PIXELS.astype(dtype).reshape(-1, *shape)
    classifier = build().fit(X, LABELS)
    image_shape = shape if len(shape) > 1 else None
    assert_same_classifier(load, classifier, X, image_shape=image_shape)


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


def test_the_views_of_a_color_image_are_averaged_in_the_file(load):
    classifier = small_convnet(n_views=5).fit(COLORS, np.arange(20) % 3)
    one_view = small_convnet().fit(COLORS, np.arange(20) % 3)
    views = classifier.predict_proba(COLORS)
    assert np.abs(views - one_view.predict_proba(COLORS)).max() > 1e-3
    assert_same_classifier(load, classifier, COLORS, image_shape=(5, 6, 3))


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


@pytest.mark.parametrize("X", [PIXELS, COLORS / 255], ids=["gray", "color"])
@pytest.mark.parametrize("parameters", TRANSFORMERS, ids=str)
def test_every_option_of_the_transformer(load, parameters, X):
    transformer = ConvolutionFeatureTransformer(**parameters).fit(X)
    run = load(transformer, X, image_shape=X.shape[1:] if X.ndim > 2 else None)
    for rows in (X[:1], X):
        (features,) = run(rows)
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


class Function(nn.Module):
    """A layer without weights."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return 0.5 * x + self.inner(x) * self.inner(x) - 1


class LastOutput(nn.LSTM):
    def forward(self, x):
        return super().forward(x)[0][:, -1]


def rectified_in_place(x):
    x = x.clone()
    torch.relu_(x.view(-1, 8, 8))
    return x


# By theme, since an export takes seconds: layers on images of shape (1, 8, 8).
LAYERS = {
    "normalizations": {
        "batch norm": lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)),
        "weighted batch norm": lambda: BatchNorm2d(1),
        "plain batch norm": lambda: nn.BatchNorm2d(1, affine=False),
        "group norm": lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4)),
        "instance norm": lambda: nn.InstanceNorm2d(1),
        "layer norm": lambda: nn.LayerNorm((8, 8)),
        "batch norm of rows": lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)),
    },
    "activations": {
        "in place": lambda: nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(inplace=True)),
        "leaky": lambda: nn.LeakyReLU(0.2),
        "elu": lambda: nn.ELU(0.7),
        "gelu": nn.GELU,
        "relu6": nn.ReLU6,
        "silu": nn.SiLU,
        "prelu": nn.PReLU,
        "hard swish": nn.Hardswish,
        "softplus": nn.Softplus,
        "softmax": lambda: nn.Sequential(nn.Flatten(), nn.Softmax(dim=1)),
        "dropout": lambda: nn.Sequential(nn.Dropout(0.9), Dropout(0.9)),
    },
    "convolutions": {
        "groups": lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(4, 4, 2, groups=2)
        ),
        "transposed": lambda: nn.ConvTranspose2d(1, 2, 3, stride=2),
        "dilated": lambda: nn.Conv2d(1, 2, 3, dilation=2, bias=False),
        "residual": lambda: Residual(nn.Conv2d(1, 1, 3, padding=1)),
        "poolings": lambda: nn.Sequential(
            nn.MaxPool2d(3, 1, padding=1), nn.AvgPool2d(3, 2, padding=1)
        ),
        "global": lambda: nn.AdaptiveAvgPool2d(1),
        "upsample": lambda: nn.Upsample(scale_factor=2),
        "bilinear": lambda: nn.Upsample(size=(5, 13), mode="bilinear"),
    },
    "operations": {
        "slicing": lambda: Function(lambda x: x[:, :, 1:-1, ::2]),
        "einsum": lambda: Function(lambda x: torch.einsum("ncij,nckj->ncik", x, x)),
        "sort": lambda: Function(lambda x: x.sort(dim=2).values),
        "number of rows": lambda: Function(lambda x: x / x.shape[0]),
        "batch mean": lambda: Function(lambda x: x - x.mean(dim=0)),
        "view in place": lambda: Function(rectified_in_place),
        "branch": lambda: Function(
            lambda x: torch.cond(x.max() > 0.5, torch.sin, torch.cos, (x,))
        ),
    },
    "sequences": {
        "attention": lambda: nn.Sequential(
            nn.Flatten(1, 2),
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        ),
        "recurrent": lambda: nn.Sequential(
            nn.Flatten(1, 2), LastOutput(8, 5, batch_first=True)
        ),
    },
}


class SideBySide(nn.Module):
    """Layers that all take the image, and give one logit each."""

    def __init__(self, layers):
        super().__init__()
        for layer in layers:
            layer.eval()
        examples = [layer(torch.zeros(2, 1, 8, 8)) for layer in layers]
        self.layers = nn.ModuleList(layers)
        self.last = nn.ModuleList([nn.Linear(x[0].numel(), 1) for x in examples])

    def forward(self, x):
        x = x.reshape(-1, 1, 8, 8)
        pairs = zip(self.layers, self.last, strict=True)
        return torch.cat([last(layer(x).flatten(1)) for layer, last in pairs], dim=1)


def side_by_side(base):
    class SideBySideClassifier(base):
        def __init__(self, theme="operations", *, max_iter=1):
            super().__init__(max_iter=max_iter, random_state=0)
            self.theme = theme

        def build_module(self, n_features, n_classes):
            return SideBySide([build() for build in LAYERS[self.theme].values()])

    return SideBySideClassifier


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:The module has")
@pytest.mark.parametrize(
    ("base", "dtype"), [(ImageClassifier, "float32"), (TorchClassifier, "float64")]
)
@pytest.mark.parametrize("theme", LAYERS)
def test_networks_that_users_write(load, theme, base, dtype):
    X = PIXELS.astype(dtype) / 16
    y = np.arange(len(X)) % len(LAYERS[theme])
    classifier = side_by_side(base)(theme).fit(X, y)
    run = load(classifier, X)
    for rows in (X[:1], X):
        label, probabilities = run(rows)
        assert probabilities.dtype == dtype
        assert_array_equal(label, classifier.predict(rows))
        expected = classifier.predict_proba(rows)
        assert_allclose(probabilities, expected, atol=1e-5)
        # A column a layer: an error in one of them shows there.
        assert_allclose(np.log(probabilities), np.log(expected), atol=1e-4)


class OddClassifier(TorchClassifier):
    def __init__(self, function=None):
        super().__init__(tol=100, n_iter_no_change=1, random_state=0)
        self.function = function

    def build_module(self, n_features, n_classes):
        return nn.Sequential(Function(self.function), nn.Linear(64, n_classes))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: -x if x.sum() > 0 else x, "says: .*data-dependent"),
        (lambda x: torch.stack([*x]), r"says: .*static shape of 2"),
        (lambda x: -x if len(x) == 1 else x, "branches on the number of its rows"),
        (lambda x: -x if len(x) > 40 else x, "branches on the number of its rows"),
        (lambda x: x + torch.rand_like(x), "draws random numbers"),
    ],
    ids=["values", "loop over rows", "one row", "many rows", "random"],
)
def test_what_torch_cannot_export_is_an_error(tmp_path, function, reason):
    classifier = OddClassifier(function).fit(PIXELS, LABELS % 3)
    message = rf"OddClassifier, Sequential\(Function, Linear\), cannot.*{reason}"
    with pytest.raises(NotImplementedError, match=message):
        to_onnx(classifier, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


MODES = {
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "default device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("build", [small_mlp, small_convnet])
def test_modes_of_the_caller_change_nothing(load, build):
    classifier = build().fit(PIXELS, LABELS)
    with ExitStack() as stack:
        for mode in MODES.values():
            stack.enter_context(mode())
        run = load(classifier, PIXELS)
    _, probabilities = run(PIXELS)
    assert_allclose(probabilities, classifier.predict_proba(PIXELS), atol=1e-5)


# skl2onnx changes the filters of warnings, which all threads share.
@pytest.mark.filterwarnings("default")
def test_threads_may_export_at_once(tmp_path):
    classifiers = [small_convnet(kernel_size=k).fit(PIXELS, LABELS) for k in (1, 3, 5)]
    paths = [tmp_path / f"{i}.onnx" for i in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(to_onnx, classifiers, paths))
    rows = PIXELS.astype(np.float32)
    for classifier, path in zip(classifiers, paths, strict=True):
        _, probabilities = InferenceSession(path).run(None, {"X": rows})
        assert_allclose(probabilities, classifier.predict_proba(rows), atol=1e-5)


def test_the_exporter_of_torch_is_imported_late():
    code = (
        "import sys, numpy as np\n"
        "from sklearn_digits import ConvNetClassifier\n"
        "import sklearn_digits.export\n"
        "ConvNetClassifier((2,), max_iter=1).fit(np.eye(4), [0, 1, 0, 1])\n"
        "assert not {'onnx', 'onnxscript', 'skl2onnx'} & set(sys.modules)\n"
        "assert 'torch.onnx._internal.exporter' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_exporting_changes_nothing(tmp_path):
    classifier = small_convnet().fit(PIXELS, LABELS)
    before = [t.clone() for t in classifier.module_.state_dict().values()]
    numbers, filters = torch.get_rng_state(), list(warnings.filters)
    to_onnx(classifier, tmp_path / "x.onnx")
    assert torch.equal(torch.get_rng_state(), numbers)
    assert warnings.filters == filters
    for old, new in zip(before, classifier.module_.state_dict().values(), strict=True):
        assert torch.equal(old, new)
    first = (tmp_path / "x.onnx").read_bytes()
    assert b".py" not in first  # no paths of the source files of this machine
    to_onnx(classifier, tmp_path / "x.onnx")
    assert (tmp_path / "x.onnx").read_bytes() == first


def test_parameters_set_after_the_fit_do_not_spoil_the_file(load):
    classifier = small_mlp().fit(PIXELS, LABELS)
    classifier.set_params(hidden_layer_sizes=(2,), activation="tanh")
    assert_same_classifier(load, classifier, PIXELS)
    transformer = ConvolutionFeatureTransformer().fit(PIXELS)
    transformer.set_params(stride=2, rectify="split")
    (maps,) = load(transformer, PIXELS)(PIXELS)
    assert_allclose(maps, transformer.transform(PIXELS), atol=1e-4)


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


@pytest.mark.parametrize(
    ("base", "types", "nodes", "options"),
    [
        (
            MLPClassifier,
            classifier_types,
            convert_classifier,
            {"zipmap": [True, False], "raw_scores": [True, False]},
        ),
        (ConvolutionFeatureTransformer, transformer_types, convert_transformer, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_converter_that_the_user_registered_is_kept(
    tmp_path, base, types, nodes, options
):
    class Registered(base):
        pass

    converted = []

    def convert(scope, operator, container):
        converted.append(operator.raw_operator)
        nodes(scope, operator, container)

    alias = f"My{base.__name__}"
    update_registered_converter(Registered, alias, types, convert, options=options)
    fitted = Registered().fit(PIXELS, LABELS)
    for estimator in (fitted, make_pipeline(fitted)):
        to_onnx(estimator, tmp_path / "x.onnx")
    assert converted == [fitted, fitted]


WIDE = PIXELS.reshape(-1, 4, 16)


@pytest.mark.parametrize(
    "estimator",
    [
        small_convnet(),
        ConvolutionFeatureTransformer(),
        make_pipeline(ConvolutionFeatureTransformer(), small_mlp()),
        make_union(ConvolutionFeatureTransformer("sobel")),
        GridSearchCV(small_convnet(), {"max_iter": [1]}, cv=2),
        CalibratedClassifierCV(small_convnet(), cv=2),
        VotingClassifier([("convnet", small_convnet())]),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_images_have_the_sides_of_those_in_fit(tmp_path, estimator):
    estimator.fit(WIDE, LABELS % 3)
    message = r"image_shape=\(8, 8\).*\(8, 8, 1\).*fitted with.*\(4, 16, 1\)"
    with pytest.raises(ValueError, match=message):
        to_onnx(estimator, tmp_path / "x.onnx", image_shape=(8, 8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "estimator",
    [
        small_mlp(),
        make_pipeline(StandardScaler(), EDGES, small_mlp()),
        make_pipeline(PCA(16, random_state=0), EDGES, small_mlp()),
    ],
    ids=["no shape", "behind a scaler", "of components"],
)
@pytest.mark.parametrize("image_shape", [(8, 8), (4, 16), (4, 16, 1)])
def test_rows_of_estimators_without_an_image_shape_may_come_as_any_images(
    run, estimator, image_shape
):
    estimator.fit(PIXELS, LABELS)
    X = PIXELS.reshape(-1, *image_shape)
    _, probabilities = run(estimator, X, image_shape=image_shape)
    assert_allclose(probabilities, estimator.predict_proba(PIXELS), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_dtype": "int16"}, "input_dtype='int16'.*uint8, float32, float64"),
        ({"input_dtype": "pixels"}, "input_dtype='pixels'"),
        ({"image_shape": (8, 9)}, r"\(8, 9\) has 72 pixels.*64 features"),
        ({"image_shape": (64,)}, "not an image shape"),
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
        if name == "sklearn_digits.export._converters":
            raise ImportError("No module named 'onnx'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    transformer = ConvolutionFeatureTransformer().fit(PIXELS)
    with pytest.raises(ImportError, match=r"'onnx'.*pip install onnx onnxscript"):
        to_onnx(transformer, tmp_path / "x.onnx")


def test_a_network_before_another_step_is_told_that_it_cannot_be_converted(tmp_path):
    X, y = load_digits(return_X_y=True)
    network = ConvNetClassifier(channels=(4,), max_iter=1, random_state=0)
    pipeline = make_pipeline(network, LogisticRegression(max_iter=500))
    pipeline.fit(X[:200], y[:200])
    with pytest.raises(TypeError, match="hands the features of a network"):
        to_onnx(pipeline, tmp_path / "pipeline.onnx")
    assert not list(tmp_path.iterdir())
