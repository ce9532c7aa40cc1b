"""The server of the guide answers as the model does, and refuses all but images."""

import importlib
import io
import json
import pickle
import re
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from sklearn.datasets import load_digits

from sklearn_digits import ConvNetClassifier


@pytest.fixture(scope="module")
def model():
    digits = load_digits()
    clf = ConvNetClassifier((4,), max_iter=1, random_state=0)
    return clf.fit(digits.images[:200], digits.target[:200])


@pytest.fixture(scope="module")
def app(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("server") / "digits.pkl"
    path.write_bytes(pickle.dumps(model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITS_MODEL", str(path))
        return validator(importlib.import_module("serve").app)


def ask(app, body, **environ):
    """Return the status and the parsed answer of a request with this body."""
    statuses = []
    environ = {"CONTENT_LENGTH": str(len(body)), "QUERY_STRING": ""} | environ
    environ["wsgi.input"] = io.BytesIO(body)
    setup_testing_defaults(environ)
    parts = app(environ, lambda status, headers: statuses.append(status))
    answer = json.loads(b"".join(parts))
    parts.close()
    return statuses[0], answer


def test_an_answer_is_what_the_model_predicts(app, model):
    images = load_digits().images[200:230]
    status, answer = ask(app, json.dumps(images.tolist()).encode())
    assert status == "200 OK"
    assert answer["labels"] == model.predict(images).tolist()
    assert answer["probabilities"] == model.predict_proba(images).tolist()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Content-Length=0; expected 1 to 1048576"),
        (b"1" * (2**20 + 1), "Content-Length=1048577; expected"),
        (b"\x80", "codec can't decode"),
        (b"no JSON", "Expecting value"),
        (b"[" * 100_000, "maximum recursion depth"),
        (b"{}", "expected an array of shape"),
        (b"7", "Expected 2D array"),
        (b"[]", "Expected 2D array"),
        (b'"digit"', "could not convert string to float"),
        (b"[[[1, 2], [3]]]", "inhomogeneous"),
        (b"[[[1, 2], [3, 4]]]", "expecting 64 features"),
        (json.dumps([[[None] * 8] * 8]).encode(), "holds objects|NaN"),
        (json.dumps([[[float("nan")] * 8] * 8]).encode(), "NaN"),
        (json.dumps([[[float("inf")] * 8] * 8]).encode(), "infinity"),
        (json.dumps([[[10**400] * 8] * 8]).encode(), "too large"),
    ],
)
def test_a_body_without_images_is_refused_with_a_reason(app, body, reason):
    status, answer = ask(app, body)
    assert status == "400 Bad Request"
    assert answer.keys() == {"error"}
    assert re.search(reason, answer["error"])


def test_a_request_without_a_length_is_refused(app):
    status, answer = ask(app, b"[]", CONTENT_LENGTH="")
    assert status == "400 Bad Request"
    assert answer["error"].startswith("Content-Length=0")
