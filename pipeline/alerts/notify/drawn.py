"""What the picture of an incident of slots shows: a metric's last hours beside earlier days, and the culprit slices."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.alerts.detection.band import Band
from pipeline.alerts.evaluation import Evaluation
from pipeline.alerts.incidents import Incident
from pipeline.alerts.root_cause.explanation import Explanation
from pipeline.core import clock, dimensions, settings
from pipeline.core.metrics import BY_NAME
from pipeline.slots import Part
from pipeline.slots.series import Array, ratio

if TYPE_CHECKING:
    from reporting.alerts import AlertMetric

SLOTS = 36 * 4
"""A picture covers up to 36 hours (`reporting.alerts.compose.LONGEST`)."""
DAYS_BEFORE = (1, 7)
"""Which earlier days are drawn beside a slot's own."""


def history(part: Part, evaluation: Evaluation, bands: Mapping[Part, Band]) -> dict[str, Any]:
    """Return what is drawn of a metric or slice, as fields of `AlertMetric`; all unknown if it is not read."""
    series = evaluation.series
    unknown = np.full(series.numerators.shape[1], np.nan)
    values = series.values[series.parts.index(part)] if part in series.parts else unknown
    return _fields(values, bands.get(part, (unknown, unknown, unknown)), evaluation)


def culprit(
    explanation: Explanation | None, incident: Incident, until: datetime, evaluation: Evaluation,
    bands: Mapping[Part, Band],
) -> "AlertMetric | None":  # fmt: skip
    """Return the slices that explain an incident, to be drawn; None if there are none, or they are not stored by slot.

    Parameters
    ----------
    explanation : Explanation or None
        The explanation of the incident.
    incident : Incident
        The incident.
    until : datetime
        Its end so far, naive UTC.
    evaluation : Evaluation
        The numbers of the slot.
    bands : mapping
        Bands by part.
    """
    from reporting.alerts import AlertMetric

    parts, series = culprits(explanation), evaluation.series
    if not parts or not set(parts) <= set(series.parts):
        return None
    rows = [series.parts.index(part) for part in parts]
    first, metric, language = parts[0], BY_NAME[parts[0].metric], settings.ReportSettings().language
    denominators = series.denominators[rows].sum(axis=0) if metric.kind == "ratio" else np.ones(series.columns[-1] + 1)
    values = ratio(series.numerators[rows].sum(axis=0), denominators)
    unknown = np.full(len(values), np.nan)
    result = evaluation.results.get(first) if len(parts) == 1 else None
    return AlertMetric(
        name=metric.name,
        label=metric.label_in(language),
        kind=metric.format,
        state="ended" if incident.ended else "ongoing",
        value=float(values[-1]),
        expected=result.expected if result else np.nan,
        lower=result.lower if result else np.nan,
        upper=result.upper if result else np.nan,
        since=clock.to_local(incident.opened),
        until=clock.to_local(until) if incident.ended else None,
        part=f"{dimensions.label(first.dimension, language)} {', '.join(part.value for part in parts)}",
        others=others(first, incident, until, evaluation),
        **_fields(values, bands.get(first, (unknown,) * 3) if len(parts) == 1 else (unknown,) * 3, evaluation),
    )


def culprits(explanation: Explanation | None) -> list[Part]:
    """Return the slices that explain a deviation, as parts."""
    cause = explanation.cause if explanation else None
    if explanation is None or cause is None:
        return []
    return [Part(explanation.metric, cause.dimension, value) for value in cause.values]


def others(part: Part, incident: Incident, until: datetime, evaluation: Evaluation) -> list[tuple[datetime, datetime]]:
    """Return when a metric or slice was in other incidents: what detectors do not learn from, but its own time."""
    return [
        (clock.to_local(item.start), clock.to_local(item.end))
        for item in evaluation.adjustments
        if item.part in (part, Part(part.metric)) and item.factor is None
        if item.end <= incident.opened or item.start >= until
    ]


def _fields(values: Array, band: Band, evaluation: Evaluation) -> dict[str, Any]:
    series = evaluation.series
    count = min(SLOTS, len(series.columns))
    expected, lower, upper = (series.in_real_time(array, count) for array in band)
    return {
        "times": [clock.to_local(series.slot - back * clock.SLOT) for back in range(count - 1, -1, -1)],
        "values": series.in_real_time(values, count),
        "band_expected": expected,
        "band_lower": lower,
        "band_upper": upper,
        "before": [series.in_real_time(values, count, days) for days in DAYS_BEFORE],
    }
