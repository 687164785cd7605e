"""Postprocessing of model output: one module for each task, and shared modules for layouts, boxes and masks."""
