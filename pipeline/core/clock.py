"""Time: days of the analysts' zone and 15-minute slots.

A day is a calendar day of ``[clock] timezone``. A slot lasts 15 minutes; its name is its start, a naive datetime in
UTC, as in Luigi's parameters and in SQL. A process reads the clock once, so that all its tasks agree on the day and
the slot.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.core import settings
from pipeline.core.errors import ClockError, SettingsError
from pipeline.core.process import once

SLOT = timedelta(minutes=15)
SLOTS_A_DAY = 96  # on the wall clock; a day of a clock change has 92 or 100 slots

SKEW = timedelta(minutes=5)
"""How far two clocks may differ."""

_set: datetime | None = None


@once
def _reading() -> datetime:
    fixed = settings.ClockSettings().now
    return _parse(fixed) if fixed else system_time()


def system_time() -> datetime:
    """What the clock of this machine says at this moment, aware."""
    return datetime.now(UTC)


def is_simulated() -> bool:
    """Whether the time is `set_now` or ``[clock] now``: nothing is then compared with another clock."""
    return _set is not None or bool(settings.ClockSettings().now)


def moment() -> datetime:
    """The time at this moment, naive UTC: later than `utcnow` where the process has run for long or was suspended."""
    return utcnow() if is_simulated() else system_time().replace(tzinfo=None)


def now() -> datetime:
    """The current time of this process, aware: set by `set_now`, else ``[clock] now``, else the first clock reading."""
    return _set or _reading()


def utcnow() -> datetime:
    """`now` as naive UTC in whole seconds, the form in which times are stored: ClickHouse 18.16 reads no fractions."""
    return now().replace(tzinfo=None, microsecond=0)


def set_now(moment: datetime | None) -> datetime | None:
    """Set the current time of this process, as the demo does to play a day; `process.reset` keeps it.

    Parameters
    ----------
    moment : datetime or None
        Aware; None for the clock or ``[clock] now``.

    Returns
    -------
    datetime or None
        The previous value.
    """
    global _set
    before, _set = _set, moment and moment.astimezone(UTC)
    return before


def zone() -> ZoneInfo:
    """The analysts' time zone, ``[clock] timezone``."""
    name = settings.ClockSettings().timezone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(
            f"[clock] timezone = {name}: no such time zone; use an IANA name, such as Europe/Moscow."
        ) from error


def today() -> date:
    """The current day of the zone."""
    return now().astimezone(zone()).date()


def yesterday() -> date:
    """The newest day of the zone that is over."""
    return today() - timedelta(days=1)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Start of a day of the zone and of the next day, naive UTC."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def day_slots(day: date) -> list[datetime]:
    """The slots of a day of the zone, naive UTC: 96, or 92 or 100 on the days of a clock change."""
    start, end = day_bounds(day)
    return [start + i * SLOT for i in range((end - start) // SLOT)]


def report_deadline(day: date) -> datetime | None:
    """The time until which the report of a day waits for late rows, naive UTC; None if it never waits."""
    until = settings.report_deadline()
    if until is None:
        return None
    local = datetime.combine(day + timedelta(days=1), until, tzinfo=zone())
    return local.astimezone(UTC).replace(tzinfo=None)


def last_closed_slot() -> datetime:
    """The newest slot that is over, naive UTC."""
    return floor_to_slot(utcnow()) - SLOT


def floor_to_slot(moment: datetime) -> datetime:
    """The slot that contains a naive UTC time."""
    return moment - (moment - datetime.min) % SLOT


def to_local(moment: datetime) -> datetime:
    """Convert a naive UTC time to an aware one of the zone."""
    return moment.replace(tzinfo=UTC).astimezone(zone())


def epoch(moment: datetime) -> int:
    """Unix seconds of a naive UTC time."""
    return int(moment.replace(tzinfo=UTC).timestamp())


def from_epoch(seconds: int) -> datetime:
    """The naive UTC time of Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def days(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both inclusive; empty if `last` is earlier."""
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def require_closed_day(day: date) -> None:
    """Raise `ClockError` unless the day is over in the zone."""
    if day > yesterday():
        raise ClockError(
            f"{day} is not over yet in {zone().key} (it is {now().astimezone(zone()):%Y-%m-%d %H:%M} there): "
            f"the newest day that can be loaded is {yesterday()}."
        )


def require_closed_slot(slot: datetime) -> None:
    """Raise `ClockError` unless the slot is over."""
    if slot > last_closed_slot():
        raise ClockError(
            f"slot {slot:%Y-%m-%dT%H%M} (UTC) is not over yet (it is {now():%Y-%m-%dT%H%M} UTC): "
            f"the newest slot that can be checked is {last_closed_slot():%Y-%m-%dT%H%M}."
        )


def _midnight(day: date) -> datetime:
    # If midnight does not exist, fold=0 gives the instant of the clock change, which is the start of the day.
    local = datetime(day.year, day.month, day.day, tzinfo=zone())
    return local.astimezone(UTC).replace(tzinfo=None)


def _parse(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(
            f"[clock] now = {text}: not a time; write it in UTC as 2026-11-01T10:15, or leave it empty."
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
