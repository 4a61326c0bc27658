"""The array type and the constant that all modules share. Imports numpy only."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

JUST_ABOVE_ONE = math.nextafter(1.0, 2.0)
"""The smallest score of an anomaly."""
