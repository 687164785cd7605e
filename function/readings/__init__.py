"""Readings: the text that a second model gives for a detection, such as the value that a gauge shows.

Loaded only if READ_MODEL_ID (a model of Amazon Bedrock) or READ_MODEL_PATH (an ONNX pose model) is set, or a pose model
is in one of the zips.
"""
