"""AWS Lambda function: object detection on images with onnxruntime, without torch and without OpenCV.

Libraries read the variables below while they are imported. This module is imported before every other module of the
package, so the variables are set in time.
"""

import os
from time import perf_counter

STARTED = perf_counter()  # before the imports, which take most of a cold start
VERSION = "0+source"  # the build writes the version of pyproject.toml here

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime >= 1.29 sends telemetry unless it is off
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's matrix products are not used: start no thread pool
os.environ.setdefault("PILLOW_BLOCK_SIZE", "256m")  # up to 64 megapixels in one block (preprocess/pixels.py)
