"""Tiling: overlapping parts of an image go through the model one by one, and their detections are merged."""
