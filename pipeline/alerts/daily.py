"""Evaluates days: checks their totals and slices, and advances the incidents of days."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from pipeline.alerts.detection import CheckResult, Monitor
from pipeline.alerts.detection.days import CheckedDay, DaySeries, evaluate
from pipeline.alerts.incidents import Incident, Notice, Rules, State, actions, advance, due_notices, store
from pipeline.alerts.incidents import days as incidents
from pipeline.core import clock, settings
from pipeline.core.metrics import BY_NAME, Metric
from pipeline.etl import gaps, results
from pipeline.slots import Adjustment, Part
from pipeline.slots.series import Array
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import DAY_CHECKS, full_name, insert, open_warehouse
from reporting.decoration import optional

HISTORY_DAYS = 16 * 7
"""Eight weeks for the forecast of a day, and eight weeks of forecasts whose errors give the width of the band."""
HOLIDAY_HISTORY_DAYS = 2 * 366
LEAST_DAYS = 28
"""Slices are chosen by their events on so many days."""
EVENTS_OF_SLOT = 20
"""Slices are checked that have as many events a day on average as `[alerts] slice_volume` says for so many slots."""


@dataclass(frozen=True)
class Walk:
    """What became of the incidents of days over the days that were checked in one run.

    Attributes
    ----------
    days : tuple of CheckedDay
        The results, the oldest day first.
    state : State
        The incidents after the newest day, before people receive the notices.
    notices : tuple of Notice
        The notices that are due.
    rows : mapping
        The incidents as of each day, to write.
    """

    days: tuple[CheckedDay, ...]
    state: State
    notices: tuple[Notice, ...]
    rows: Mapping[date, Sequence[Incident]]

    @property
    def newest(self) -> CheckedDay:
        """The newest day."""
        return self.days[-1]


def read(metrics: Sequence[Metric], day: date) -> DaySeries:
    """Read the loaded days up to a day, as many as the checks use.

    Parameters
    ----------
    metrics : sequence of Metric
        Each has a row for its total, even if nothing is loaded.
    day : datetime.date
        The newest day.
    """
    first = day - timedelta(days=(HOLIDAY_HISTORY_DAYS if settings.ClockSettings().holidays else HISTORY_DAYS) - 1)
    days = tuple(clock.days(first, day))
    totals = results.day_totals(metrics, first, day)
    parts, numerators, denominators = [], [], []
    for metric in metrics:
        loaded = totals[metric.name]
        rows = [(Part(metric.name), loaded)]
        rows += [(Part(metric.name, *names), of) for names, of in results.slice_history(metric, first, day).items()]
        for part, counts in rows:
            upper, lower = _row(part, metric, counts, loaded.keys(), days)
            if part.is_total or _is_large(lower if metric.kind == "ratio" else upper):
                parts.append(part)
                numerators.append(upper)
                denominators.append(lower)
    return DaySeries(tuple(parts), days, np.array(numerators), np.array(denominators))


def _row(
    part: Part, metric: Metric, counts: Mapping[date, results.Counts], loaded: Collection[date], days: Sequence[date]
) -> tuple[Array, Array]:
    """Numerators and denominators (D,) of a part. A slice counts from the first day on which it has events."""
    start = min((day for day, found in counts.items() if part.is_total or any(found)), default=None)
    none = results.Counts(0, 0)
    known = [counts.get(day, none) if start and day >= start and day in loaded else None for day in days]
    upper = np.array([found.numerator if found else np.nan for found in known], dtype=np.float64)
    if metric.kind == "count":
        return upper, np.where(np.isnan(upper), np.nan, 1.0)
    return upper, np.array([found.denominator if found else np.nan for found in known], dtype=np.float64)


def _is_large(counts: Array) -> bool:
    recent = counts[-LEAST_DAYS:]
    known = recent[~np.isnan(recent)]
    return bool(known.size) and float(known.mean()) >= settings.AlertSettings().slice_volume * EVENTS_OF_SLOT


def walk(days: Sequence[date], monitors: Sequence[Monitor], rules: Rules, *, is_fresh: bool) -> Walk:
    """Check loaded days, the oldest first, and advance the incidents of days. Writes and sends nothing.

    Days may have been checked before: their incidents are made anew, and keep what people were told of them.

    Parameters
    ----------
    days : sequence of datetime.date
        The days.
    monitors : sequence of Monitor
        The metrics and their settings.
    rules : Rules
        The rules of slots.
    is_fresh : bool
        Whether people may be alerted of the newest day.
    """
    series = read([monitor.metric for monitor in monitors], days[-1])
    start, first = (clock.day_bounds(day)[0] for day in (series.days[0], days[0]))
    known = store.load_between(start, clock.utcnow() + timedelta(days=1))
    stepped = Steps(known, _state_before(start, first), _incomplete_days(series.days[0], days[0]), rules)
    for day in days:
        stepped.step(series.upto(day), monitors, is_fresh=is_fresh and day == days[-1])
    return stepped.end(first)


class Steps:
    """Advances the incidents of days, a day at a time.

    Attributes
    ----------
    state : State
        The incidents after the newest day.
    notices : dict
        The latest notice that is due, by incident id.
    """

    def __init__(self, known: Sequence[Incident], state: State, incomplete: Sequence[Adjustment], rules: Rules) -> None:
        self._of_slots = [incident for incident in known if incident.unit == "slot"]
        self._before = {incident.incident_id: incident for incident in known if incident.unit == "day"}
        self.state, self.notices = state, dict[str, Notice]()
        self._rules, self._of_days = rules, incidents.day_rules(rules)
        self._adjustments = [*_told(known), *incomplete]
        self._days: list[CheckedDay] = []
        self._latest: dict[str, Incident] = {}
        self._rows: dict[date, list[Incident]] = {}

    def step(self, series: DaySeries, monitors: Sequence[Monitor], *, is_fresh: bool) -> None:
        """Check the newest day of a series."""
        day, midnight = series.day, clock.day_bounds(series.day)[0]
        state = self.state.next(clock.day_bounds(series.days[0])[0]) if self._days else self.state
        checked = evaluate(series, monitors, [*state.adjustments(self._rules.calendar), *self._adjustments])
        found = incidents.judged(checked.results.values(), day, self._rules.calendar, self._of_slots)
        found = incidents.incomplete(found, _lacking(day, found))
        self._days.append(replace(checked, results={result.part: result for result in found}))
        advanced = advance(state.current, found, midnight, self._of_days, unit="day")
        current = tuple(incidents.with_told(incident, self._before) for incident in advanced)
        self.state = replace(state, current=current)
        # A mute of an incident of slots holds for days too.
        muting = replace(self.state, past=(*state.past, *self._of_slots))
        for notice in due_notices(muting, midnight, self._of_days, clock.utcnow(), is_fresh=is_fresh):
            self.notices[notice.incident.incident_id] = notice
        self._latest |= {incident.incident_id: incident for incident in current}
        # A row of an earlier check must not outlive this one.
        written = {incident.incident_id for incident in current} | self._before.keys()
        self._rows[day] = [incident for incident_id, incident in self._latest.items() if incident_id in written]

    def end(self, first: datetime) -> Walk:
        """Return what became of the incidents; `first` is the beginning of the first day."""
        kept = {incident.incident_id for incident in self.state.incidents}
        lost = [
            replace(incident, ended=True, outcome="late data")
            for incident_id, incident in self._before.items()
            if incident_id not in kept and incident.opened >= first
        ]
        for incident in lost:
            if incident.notified and self._before[incident.incident_id].outcome != "late data":
                self.notices[incident.incident_id] = Notice("edit", incident, actions=self.state.about(incident))
        notices, newest = tuple(self.notices.values()), self._days[-1].series.day
        received = {notice.incident.incident_id: incidents.received(notice) for notice in notices}
        rows = {day: [*of_day, *lost] for day, of_day in self._rows.items()}
        told = [received.get(incident.incident_id, incident) for incident in rows[newest]]
        missing = [item for name, item in received.items() if name not in {incident.incident_id for incident in told}]
        state = replace(self.state, corrected=tuple(lost))
        return Walk(tuple(self._days), state, notices, {**rows, newest: [*told, *missing]})


def _state_before(start: datetime, midnight: datetime) -> State:
    """The incidents of days at the beginning of a day, with the presses of buttons until now."""
    pressed = actions.by_incident(store.load_actions(clock.utcnow()))
    before = [incident for incident in store.load_between(start, midnight) if incident.unit == "day"]
    still_open = [actions.applied(i, pressed.get(i.incident_id, ())) for i in before if not i.ended]
    return State(tuple(still_open), tuple(incident for incident in before if incident.ended), actions=pressed)


def load_state() -> State:
    """Read the newest state of the incidents of days, with the presses of buttons until now."""
    start = clock.day_bounds(clock.yesterday() - timedelta(days=HISTORY_DAYS))[0]
    return _state_before(start, clock.utcnow() + timedelta(days=1))


def check_again(monitors: Sequence[Monitor], state: State, rules: Rules) -> CheckedDay:
    """Check the newest day again that was checked, for a message that is edited.

    Parameters
    ----------
    monitors : sequence of Monitor
        The metrics and their settings.
    state : State
        The state of the incidents of days.
    rules : Rules
        The rules of slots, of which the calendar is used.
    """
    ((day,),) = open_warehouse().query(statement("last_checked_day", day_checks=full_name(DAY_CHECKS)))
    series = read([monitor.metric for monitor in monitors], day)
    known = store.load_between(clock.day_bounds(series.days[0])[0], clock.utcnow() + timedelta(days=1))
    incomplete = _incomplete_days(series.days[0], day)
    return evaluate(series, monitors, [*state.adjustments(rules.calendar), *_told(known), *incomplete])


def _told(known: Iterable[Incident]) -> list[Adjustment]:
    """What people were told of slots is no history of days, and a new normal of slots is one of days.

    A day's users change less than those of its slots, by an unknown factor: days before a new normal are no history.
    """
    told = [item for i in known if i.unit == "slot" and i.notified for item in i.adjustments()]
    return [
        item if item.factor is None or BY_NAME[item.metric].is_additive else replace(item, factor=math.nan)
        for item in told
    ]


def _incomplete_days(first: date, last: date) -> list[Adjustment]:
    """Exclude the days that lacked rows when they were checked."""
    sql = statement("incomplete_days", day_checks=full_name(DAY_CHECKS))
    rows = open_warehouse().query(sql, {"first": str(first), "last": str(last)})
    return [Adjustment(metric, *clock.day_bounds(day)) for day, metric in rows]


def _lacking(day: date, found: Sequence[CheckResult]) -> list[str]:
    """The source tables that lack rows of a day; asked only if a metric is too low."""
    if not any(result.verdict == "anomaly" and result.score < 0 for result in found):
        return []
    lacking = optional(f"check for missing rows of {day}", lambda: gaps.find_gaps(day, day)) or {}
    return [table for table, days in lacking.items() if day in days]


def save(walked: Walk) -> None:
    """Write the results of the checks and the incidents of each day; after sending, as for slots."""
    for checked in walked.days:
        day, found = checked.series.day, checked.results.values()
        store.save_incidents(walked.rows[day], clock.day_bounds(day)[0])
        values = {name: [getattr(result, name) for result in found] for name in store.CHECK_COLUMNS}
        insert(DAY_CHECKS, {"event_date": [day] * len(found), **values})
