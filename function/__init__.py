"""The Lambda function: a picture in, boxes out, without torch and without OpenCV.

The variables below are read by libraries while they are imported, so this is the one place that is early enough
for whatever module of the package is imported first.
"""

import os
from time import perf_counter

STARTED = perf_counter()  # before the packages, which are most of a cold start

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime >= 1.29 otherwise calls home from the account
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's matrix products are not used: no idle thread pool
os.environ.setdefault("PILLOW_BLOCK_SIZE", "256m")  # a picture of up to 64 megapixels lies in one piece (raster.py)
