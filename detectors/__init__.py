"""Anomaly detectors for regularly sampled series: numpy arrays in, bounds out.

>>> import detectors
>>> example = detectors.load_example("count")
>>> detector = detectors.create("seasonal", period=example.period, kind=example.kind)
>>> bounds = detector.detect(example.values)
>>> bool(bounds.is_anomaly[example.labels].any())
True

`available` lists the methods, `create` makes a detector, `find` returns its class. `load_example` makes a series to try
them on, `plot` draws a result, `to_frame` makes it a DataFrame, and `Estimator` has the methods of scikit-learn.
`Detector` and `parameter` are for authors of methods. The import costs little more than numpy: the rest is imported at
its first use.
"""

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from detectors.estimator import Estimator as Estimator
    from detectors.examples import Example as Example
    from detectors.examples import load_example as load_example
    from detectors.frames import to_frame as to_frame
    from detectors.plots import plot as plot

_AT_FIRST_USE = {
    "Estimator": "estimator",
    "Example": "examples",
    "load_example": "examples",
    "to_frame": "frames",
    "plot": "plots",
}
__all__ += list(_AT_FIRST_USE)


def __getattr__(name: str) -> Any:
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module 'detectors' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"detectors.{_AT_FIRST_USE[name]}"), name)
    globals()[name] = found
    return found
