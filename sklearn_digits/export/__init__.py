"""Fitted estimators as ONNX files, which run without Python."""

from sklearn_digits.export._to_onnx import to_onnx

__all__ = ["to_onnx"]
