"""The calendar of luigi.cfg: maintenance, known events and quiet hours.

``[calendar]`` has one entry per line, ``name = START/END KIND [metrics]``, in local time::

    release = 2026-11-20T02:00/2026-11-20T04:00 maintenance
    sale = 2026-11-27T00:00/2026-11-28T00:00 event views,likes

During maintenance no anomaly raises an alert, and open incidents stay as they are. During an event only drops do. Both
are excluded from the history of the detectors. Entries may overlap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Literal, cast

from pipeline.alerts.detection.checks import CheckResult
from pipeline.core import clock, metrics, settings
from pipeline.core.errors import SettingsError
from pipeline.slots import Adjustment

EntryKind = Literal["maintenance", "event"]
_FORM = "write it as START/END maintenance|event [metrics], times as 2026-11-20T02:00"


@dataclass(frozen=True)
class Entry:
    """An entry of the calendar. Times are naive UTC, the end is exclusive."""

    name: str
    start: datetime
    end: datetime
    kind: EntryKind
    metrics: tuple[str, ...]


def entries() -> list[Entry]:
    """Read ``[calendar]``.

    Raises
    ------
    SettingsError
        If an entry is invalid. The message names it.
    """
    return [_entry(name, text) for name, text in settings.options("calendar").items()]


def adjustments(entries: Sequence[Entry]) -> list[Adjustment]:
    """Return adjustments that exclude the entries from the history of the detectors."""
    return [Adjustment(metric, entry.start, entry.end) for entry in entries for metric in entry.metrics]


def planned(entries: Sequence[Entry], slot: datetime, results: Iterable[CheckResult]) -> list[CheckResult]:
    """Give every anomaly that the calendar covers the verdict "planned"."""
    return [_planned(entries, slot, result) for result in results]


def maintained(entries: Sequence[Entry], slot: datetime) -> set[str]:
    """Return the metrics that are under maintenance in a slot."""
    going_on = [entry for entry in entries if entry.kind == "maintenance" and entry.start <= slot < entry.end]
    return {metric for entry in going_on for metric in entry.metrics}


def is_quiet(slot: datetime, hours: tuple[time, time] | None) -> bool:
    """Whether a slot ends within the quiet hours."""
    if hours is None:
        return False
    start, end = hours
    now = clock.to_local(slot + clock.SLOT).time()
    return start <= now < end if start < end else now >= start or now < end


def quiet_hours() -> tuple[time, time] | None:
    """Read ``[alerts] quiet_hours`` as two local times; None if it is empty.

    Raises
    ------
    SettingsError
        If the setting is invalid.
    """
    text = settings.AlertSettings().quiet_hours
    if not text:
        return None
    try:
        start, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError as error:
        raise SettingsError(f"[alerts] quiet_hours = {text}: write them as 23:00-08:00.") from error
    return start, end


def _planned(entries: Sequence[Entry], slot: datetime, result: CheckResult) -> CheckResult:
    for entry in entries:
        is_covered = result.metric in entry.metrics and entry.start <= slot < entry.end
        if result.verdict == "anomaly" and is_covered and (entry.kind == "maintenance" or result.score > 0):
            return replace(result, verdict="planned")
    return result


def _entry(name: str, text: str) -> Entry:
    where = f"[calendar] {name} = {text}"
    span, _, rest = text.partition(" ")
    kind, _, names = rest.strip().partition(" ")
    try:
        start, end = (_to_utc(part) for part in span.split("/"))
    except ValueError as error:
        raise SettingsError(f"{where}: {span} is not a period of time; {_FORM}.") from error
    if kind not in ("maintenance", "event"):
        raise SettingsError(f"{where}: the kind is {kind!r}, not maintenance or event; {_FORM}.")
    if start >= end:
        raise SettingsError(f"{where}: it ends before it starts; {_FORM}.")
    covered = metrics.by_names(names, where) if names.strip() else metrics.METRICS
    return Entry(name, start, end, cast(EntryKind, kind), tuple(metric.name for metric in covered))


def _to_utc(text: str) -> datetime:
    local = datetime.fromisoformat(text.strip())
    return local.replace(tzinfo=local.tzinfo or clock.zone()).astimezone(UTC).replace(tzinfo=None)
