"""Serve a stored classifier over HTTP: images in as JSON, probabilities out as JSON.

DIGITS_MODEL=digits.pkl gunicorn --pythonpath examples --workers 2 serve:app
"""

import json
import os
import pickle

import numpy as np

LARGEST = 2**20  # bytes of a request

with open(os.environ["DIGITS_MODEL"], "rb") as file:
    model = pickle.load(file)  # it may run code: take only files that you wrote


def app(environ, start_response):
    """Answer images of shape (n, height, width) with n labels and probabilities."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 < length <= LARGEST:
            raise ValueError(f"Content-Length={length}; expected 1 to {LARGEST}")
        images = np.array(json.loads(environ["wsgi.input"].read(length)))
        probabilities = model.predict_proba(images)
        labels = model.classes_[probabilities.argmax(axis=1)]
        answer = {"labels": labels.tolist(), "probabilities": probabilities.tolist()}
        status = "200 OK"
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        status, answer = "400 Bad Request", {"error": str(error)}
    body = json.dumps(answer).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]
