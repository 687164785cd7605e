"""Build time only, never shipped: ``python -m export best.pt`` writes the ONNX file that the function runs.

It converts with Ultralytics, makes the file reproducible, checks it against the torch model and only then puts it in
place. Importing this package loads nothing heavy; torch and ultralytics are imported by the steps that need them.
"""
