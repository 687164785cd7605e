"""Export at build time, never shipped: ``python -m export best.pt`` writes the ONNX file that the function runs.

It converts with Ultralytics, makes the file reproducible, verifies it against the torch model, and only then writes it.
Importing this package loads nothing heavy; torch and ultralytics are imported by the steps that need them.
"""
