"""Array types that the package shares."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


Ints = NDArray[np.int64]
