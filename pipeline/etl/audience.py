"""Reads the metrics of users over several days."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from pipeline.core.audience import BITS, DAYS_SHOWN, LONGEST_DAYS, AudienceMetric, Reported
from pipeline.core.metrics import Metric, measures
from pipeline.etl import results
from pipeline.etl.results import Counts, Totals
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import ACTIVE_USERS, full_name, open_warehouse

_BEGINNING = date(1970, 1, 1)


def totals(metrics: Sequence[Reported], first: date, last: date) -> Totals:
    """The totals of what a report shows on the loaded days from `first` to `last`, by metric and day."""
    plain = [metric for metric in metrics if isinstance(metric, Metric)]
    spanning = [metric for metric in metrics if isinstance(metric, AudienceMetric)]
    found = results.day_totals(plain, first, last) if plain else {}
    if spanning:
        found |= _audience(spanning, first, last)
    return {metric.name: found[metric.name] for metric in metrics}


def days_needed(metrics: Sequence[Reported]) -> int | None:
    """Return of how many days the users must be kept; None if of all, for metrics of users' first days."""
    spanning = [metric for metric in metrics if isinstance(metric, AudienceMetric)]
    if any(metric.days is None for metric in spanning):
        return None
    return DAYS_SHOWN + LONGEST_DAYS - 1 if spanning else 0


def _audience(metrics: Sequence[AudienceMetric], first: date, last: date) -> Totals:
    """Compute them; a day without all of the days that a metric needs is absent."""
    start = _BEGINNING if days_needed(metrics) is None else first - timedelta(days=LONGEST_DAYS - 1)
    sql = statement(
        "audience",
        active_users=full_name(ACTIVE_USERS),
        bits=Fragment(BITS),
        measures=Fragment(measures((item.name, item.numerator, item.denominator) for item in metrics)),
    )
    bound = {"start": str(start), "first": str(first), "last": str(last)}
    days = open_warehouse().query(statement("active_days", active_users=full_name(ACTIVE_USERS)), {"last": str(last)})
    known = {day for (day,) in days}
    by_name = {metric.name: metric for metric in metrics}
    found: Totals = {name: {} for name in by_name}
    for day, name, numerator, denominator in open_warehouse().query(sql, bound):
        if _is_known(by_name[name], day, known):
            found[name][day] = Counts(numerator, denominator)
    return found


def _is_known(metric: AudienceMetric, day: date, known: Collection[date]) -> bool:
    """Whether the days that a metric looks at have users: a day without any was not loaded, or the feed was down."""
    if metric.days is not None:
        return all(day - timedelta(days=back) in known for back in range(metric.days(day)))
    # On the first day everybody is new. A hole would make users new who were seen in it.
    oldest = min(known)
    return day - timedelta(days=metric.cohort) > oldest and all(
        oldest + timedelta(days=ahead) in known for ahead in range((day - oldest).days + 1)
    )
