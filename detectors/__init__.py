"""Anomaly detectors for regularly sampled series: numpy arrays in, bounds out.

>>> import detectors
>>> detector = detectors.create("sigma", period=96)
>>> bounds = detector.detect(values)  # doctest: +SKIP
>>> bounds.is_anomaly  # doctest: +SKIP

Importing the package costs little more than importing numpy: methods are loaded when one is asked for.
"""

from detectors.base import Bounds, Detector, DetectorError, available, create, find, parameter

__all__ = ["Bounds", "Detector", "DetectorError", "available", "create", "find", "parameter"]
