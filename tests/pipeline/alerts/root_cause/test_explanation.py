from datetime import datetime, timedelta

import numpy as np
import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.root_cause.explanation import explain
from pipeline.slots.series import Part, Series

SLOT = datetime(2026, 11, 20, 10)
QUARTER = timedelta(minutes=15)
DAYS = 20


def series(*, ios_now: float) -> Series:
    """1,000 views a slot, 400 on iOS and 600 from organic; in the last two slots iOS as given."""
    width = DAYS * 96 + 41
    ios = np.full(width, 400.0)
    ios[-2:] = ios_now
    android = np.full(width, 600.0)
    whole = ios + android
    parts = (
        Part("views"),
        Part("views", "os", "Android"),
        Part("views", "os", "iOS"),
        Part("views", "source", "ads"),
        Part("views", "source", "organic"),
    )
    numerators = np.stack([whole, android, ios, whole * 0.4, whole * 0.6])
    return Series(parts, SLOT, numerators, np.ones_like(numerators), np.arange(width))


def incident(part: Part) -> Incident:
    member = Member(*part, since=SLOT - QUARTER, last=SLOT, sign=-1, bad_slots=2, worst=-0.4)
    return Incident("views:x", SLOT - QUARTER, SLOT, (member,))


def checks(value: float) -> dict[Part, CheckResult]:
    return {
        Part("views"): CheckResult("views", "total", "all", "seasonal", value, 1000, 900, 1100, -4, "anomaly", -4, 1)
    }


def test_a_slice_explains_what_the_total_lost_since_the_incident_began() -> None:
    result = explain(series(ios_now=0), incident(Part("views")), checks(600))
    assert result.cause is not None
    assert (result.metric, result.cause.dimension, result.cause.values) == ("views", "os", ("iOS",))
    assert result.cause.explained == pytest.approx(1.0)
    assert result.cause.change == pytest.approx(-1.0)


def test_slots_after_the_incident_do_not_dilute_its_cause() -> None:
    numbers = series(ios_now=0)
    healthy = np.concatenate([numbers.numerators, np.repeat(numbers.numerators[:, :1], 8, axis=1)], axis=1)
    later = Series(numbers.parts, SLOT + 8 * QUARTER, healthy, np.ones_like(healthy), np.arange(healthy.shape[1]))
    result = explain(later, incident(Part("views")), checks(1000))
    assert result.cause is not None
    assert result.cause.change == pytest.approx(-1.0)
