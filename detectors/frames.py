"""Results as DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from detectors.bounds import Bounds, Look
from detectors.errors import DetectorError

if TYPE_CHECKING:
    import pandas


def to_frame(
    bounds: Bounds, values: ArrayLike | None = None, *, index: Any = None, names: Sequence[str] | None = None
) -> pandas.DataFrame:
    """Return bounds as a DataFrame.

    Parameters
    ----------
    bounds
        Arrays (T,), or (S, T) for several series.
    values
        The values that were scored, in the same shape; they become the column "value".
    index
        T labels of the points, for example their times.
    names
        S names of the series. With several series the DataFrame is long and has a column "series" in front.

    Returns
    -------
    pandas.DataFrame
        The columns expected, lower, upper, score and is_anomaly, one row per point. With extremes also spoke: slot,
        least or greatest.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("count")
    >>> bounds = detectors.create("difference").detect(example.values)
    >>> frame = detectors.to_frame(bounds, example.values, index=example.times)
    >>> list(frame.columns)
    ['value', 'expected', 'lower', 'upper', 'score', 'is_anomaly']
    """
    import pandas as pd

    columns: dict[str, Any] = {} if values is None else {"value": np.asarray(values, dtype=np.float64)}
    columns |= {name: getattr(bounds, name) for name in ("expected", "lower", "upper", "score", "is_anomaly")}
    shape = bounds.score.shape
    if bounds.spoke is not None:
        columns["spoke"] = np.array([look.name.lower() for look in Look])[bounds.spoke]
    if any(column.shape != shape for column in columns.values()):
        raise DetectorError(f"values must have the shape of the bounds, {shape}")
    if len(shape) < 2:
        return pd.DataFrame({name: np.atleast_1d(column) for name, column in columns.items()}, index=index)
    series = [f"series {i + 1}" for i in range(shape[0])] if names is None else list(names)
    if len(series) != shape[0]:
        raise DetectorError(f"{len(series)} names for {shape[0]} series")
    parts = [
        pd.DataFrame({"series": name, **{key: column[i] for key, column in columns.items()}}, index=index)
        for i, name in enumerate(series)
    ]
    return pd.concat(parts)
