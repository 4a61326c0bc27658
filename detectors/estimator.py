"""A detector with the methods of scikit-learn's outlier estimators. scikit-learn itself is not needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.registry import create


class Estimator:
    """A method as an estimator: `fit` keeps a history, `predict` judges the values that follow it.

    As in scikit-learn, 1 is an inlier and -1 an outlier, lower scores are more abnormal, and the constructor only
    stores its parameters. Unlike there, the order of rows matters: they are points in time, equally spaced.

    Parameters
    ----------
    method
        A name of `detectors.available()`.
    **parameters
        Parameters of the method.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("count")
    >>> estimator = detectors.Estimator("seasonal", kind="count").fit(example.values[:-300])
    >>> prediction = estimator.predict(example.values[-300:])
    >>> bool((prediction[example.labels[-300:]] == -1).any())
    True
    """

    def __init__(self, method: str = "seasonal", **parameters: Any) -> None:
        self.method = method
        self.parameters = parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"method": self.method, **self.parameters}

    def set_params(self, **parameters: Any) -> Estimator:
        """Set parameters of the constructor."""
        self.method = parameters.pop("method", self.method)
        self.parameters = {**self.parameters, **parameters}
        return self

    def fit(self, X: ArrayLike, y: Any = None, denominator: ArrayLike | None = None) -> Estimator:
        """Keep the history (T,) or (T, 1). `y` is ignored; `denominator` is that of a ratio."""
        create(self.method, **self.parameters)
        self.history_ = _column(X)
        self.denominator_ = None if denominator is None else _column(denominator)
        return self

    def score_samples(self, X: ArrayLike, denominator: ArrayLike | None = None) -> Array:
        """Return minus the absolute score of values that follow the history; NaN where the method cannot say."""
        if not hasattr(self, "history_"):
            raise DetectorError("call fit with a history before predict or score_samples")
        if (denominator is None) != (self.denominator_ is None):
            raise DetectorError("give the denominator to both fit and predict, or to neither")
        values = np.concatenate([self.history_, _column(X)])
        counts = None
        if denominator is not None and self.denominator_ is not None:
            counts = np.concatenate([self.denominator_, _column(denominator)])
        bounds = create(self.method, **self.parameters).detect(values, counts)
        scores: Array = -np.abs(bounds.score[self.history_.size :])
        return scores

    def decision_function(self, X: ArrayLike, denominator: ArrayLike | None = None) -> Array:
        """Return `score_samples` + 1: negative for an outlier."""
        return self.score_samples(X, denominator) + 1

    def predict(self, X: ArrayLike, denominator: ArrayLike | None = None) -> NDArray[np.int64]:
        """Return -1 for an outlier, otherwise 1, also where the method cannot say."""
        return np.where(self.decision_function(X, denominator) < 0, -1, 1)

    def fit_predict(self, X: ArrayLike, y: Any = None, denominator: ArrayLike | None = None) -> NDArray[np.int64]:
        """Judge every value by those before it."""
        values = _column(X)
        bounds = create(self.method, **self.parameters).detect(values, denominator)
        self.fit(values, y, denominator)
        return np.where(bounds.is_anomaly, -1, 1)


def _column(X: ArrayLike) -> Array:
    values = np.asarray(X, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DetectorError(f"an estimator takes one series, (T,) or (T, 1), not {values.shape}")
    return values
