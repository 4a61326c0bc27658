"""Anomaly detectors for regularly sampled series: numpy arrays in, bounds out.

>>> import detectors
>>> detector = detectors.create("sigma", period=96)
>>> bounds = detector.detect(values)  # doctest: +SKIP
>>> bounds.is_anomaly  # doctest: +SKIP

`available` lists the methods, `create` makes a detector, `find` returns its class. `Detector` and `parameter` are for
authors of methods. The import costs little more than numpy: a method is imported at its first use.
"""

from detectors.base import Detector, parameter
from detectors.bounds import Bounds, Look
from detectors.errors import DetectorError
from detectors.extremes import Extremes
from detectors.registry import available, create, find

__all__ = [
    "Bounds",
    "Detector",
    "DetectorError",
    "Extremes",
    "Look",
    "available",
    "create",
    "find",
    "parameter",
]
