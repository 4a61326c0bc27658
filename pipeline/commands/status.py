"""``feedpulse status``: tells whether all is well.

``--json`` prints one object with these names. Times are ISO 8601 in UTC; a part that there is nothing about is null.

===========  =======================================================================================================
well         whether all is well; the exit code is then 0, else 1
problems     what is not well, a line each
now          the time that ages refer to
days         first, last, loaded (a number), missing (a list of days)
runs         by root task: began, age_seconds, seconds, outcome, did, error, newest_ok
slots        newest_checked, age_seconds (since its end), lag_seconds (by source table)
loads        by source table: delay_seconds (null if not known yet), interval_seconds, overdue, slots_are_checked
learning     metrics whose history is too short: metric, known_days, needed_days, checked_from
wrong_times  by source table: rows with a time before 2000 or in the future
no_actions   the newest day, if none of its rows in the feed is a view or a like; else null
incidents    open ones: id, metrics, opened, worst, silent_since, notified, acknowledged_by, muted_until, mark
mutes        mutes that hold, by buttons and by `feedpulse mute`: metric, until, by, why
unsent       key, channel, address, tried: messages that hang
channels     report, alerts: names
===========  =======================================================================================================
"""

import argparse
import json
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.commands.common import new_parser, prepare
from pipeline.core.errors import FeedpulseError
from reporting import formatting

if TYPE_CHECKING:
    from pipeline.alerts.incidents.actions import Action
    from pipeline.tasks.status.health import Health, Open, Problem, Slots

SUMMARY = "say whether all is well: days, runs, slots, incidents, messages"
WIDTH = 120
JSON_NAMES = """\
--json prints an object: well, problems, now,
days {first, last, loaded, missing},
runs {TASK: {began, age_seconds, seconds, outcome, did, error, newest_ok}},
slots {newest_checked, age_seconds, lag_seconds {TABLE}},
loads {TABLE: {delay_seconds, interval_seconds, overdue, slots_are_checked}},
learning [{metric, known_days, needed_days, checked_from}],
wrong_times {TABLE}, no_actions, unsent [{key, channel, address, tried}],
incidents [{id, metrics, opened, worst, silent_since, notified, acknowledged_by,
  muted_until, mark}], mutes [{metric, until, by, why}],
channels {report, alerts}. Times are in UTC.
"""


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("status", f"{SUMMARY}; the exit code is 1 if not. Nothing is written")
    made.add_argument("--json", action="store_true", help="print it as JSON")
    made.description = textwrap.fill(made.description or "", 80)
    made.epilog, made.formatter_class = JSON_NAMES, argparse.RawDescriptionHelpFormatter
    return made


def main(arguments: Sequence[str]) -> int:
    """Print the state; 1 if something is not well."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.core import logs
    from pipeline.tasks.status import health

    try:
        with logs.collected():
            found = health.read()
            problems = [_said(problem) for problem in found.problems()]
    except FeedpulseError as error:
        found, problems = health.Health(), [" ".join(str(error).split())]
    if options.json:
        print(json.dumps(_as_json(found, problems), ensure_ascii=False, indent=1))
    else:
        print("\n".join(_as_text(found, problems)))
    return 1 if problems else 0


def _as_text(found: "Health", problems: Sequence[str]) -> Iterator[str]:
    from pipeline.core import clock

    now = clock.utcnow()
    yield f"{'all is well' if not problems else 'NOT WELL'} at {clock.to_local(now):%Y-%m-%d %H:%M} ({clock.zone()})"
    for problem in problems:
        yield from _lines("problem", problem)
    if found.days:
        days = f"{found.days.loaded} loaded, of those from {found.days.first} to {found.days.last}"
        yield from _lines("days", f"{days}; missing: {formatting.ranges(found.days.missing, ' to ') or 'none'}")
    for root, last in found.runs.items():
        ok = "" if last.run.outcome == "ok" or not last.newest_ok else f"; was ok at {_local(last.newest_ok)}"
        said = last.run.error or last.run.did
        text = f"{root}: {last.run.outcome}, {_duration(now - last.run.began)} ago, {last.run.seconds:.1f} s{ok}"
        yield from _lines("run", f"{text}; {said}" if said else text)
    if found.slots:
        lags = [f"{table} slots grow for {seconds // 60} min" for table, seconds in found.slots.lag_seconds.items()]
        age = _duration(now - found.slots.newest - clock.SLOT)
        yield from _lines("slots", "; ".join([f"checked up to that of {_local(found.slots.newest)}, {age} ago", *lags]))
        yield from _rhythm_as_text(found.slots)
    for table, count in found.wrong_times.items():
        yield from _lines("source", f"rows of {table} with a time before 2000 or in the future: {count:,}")
    if found.no_actions:
        yield from _lines("source", f"no row of {found.no_actions} is a view or a like: see [source] view_action")
    for item in found.incidents:
        yield from _lines("incident", _described(item))
    if found.slots and not found.incidents:
        yield from _lines("incident", "none is open")
    for metric, mute in found.mutes.items():
        yield from _lines("muted", f"{metric} {_described_mute(mute)}")
    for message in found.unsent:
        yield from _lines("unsent", f"{message.key} to {message.channel} {message.address}, {_local(message.tried)}")
    channels = _channels()
    yield from _lines("channels", "; ".join(f"{name}: {', '.join(to)}" for name, to in channels.items()))


def _said(problem: "Problem") -> str:
    """Say what is not well, in one line."""
    from pipeline.core import clock
    from pipeline.tasks.status.health import UNDROPPED_DAYS

    if problem.days:
        return f"days that are not loaded: {formatting.ranges(problem.days, ' to ')}"
    if run := problem.run:
        return f"{run.root} {run.outcome} at {_local(run.began)}: {run.error or 'no cause is recorded'}"
    if problem.at:
        age = clock.utcnow() - problem.at - clock.SLOT
        return f"no slot was checked since that of {_local(problem.at)}, {_duration(age)} ago"
    if problem.incident:
        return f"an incident is open and nobody took it: {_described(problem.incident)}"
    if message := problem.message:
        return f"{message.key} was not sent to {message.channel} {message.address} at {_local(message.tried)}"
    if problem.kind == "undropped":
        return f"old months could not be dropped on {UNDROPPED_DAYS} days: the log says why"
    return "no slot was ever checked"


def _rhythm_as_text(slots: "Slots") -> Iterator[str]:
    from pipeline.core import clock

    for table, rhythm in slots.rhythms.items():
        if rhythm.delay:
            interval, delay = _duration(rhythm.interval * clock.SLOT), _duration(rhythm.delay * clock.SLOT)
            what = "days are checked, not slots" if rhythm.is_slow else "alerts come with each load"
            loaded = f"{table} is loaded about every {interval}, up to {delay} after the end of a slot: {what}"
            yield from _lines("loads", loaded + ("; a load is overdue" if rhythm.is_overdue else ""))
    alike: dict[str, list[str]] = {}
    for lack in slots.learning:
        what = f"{lack.known} of {lack.needed} days, alerts from {lack.checked_from}"
        alike.setdefault(what, []).append(lack.metric)
    for what, metrics in alike.items():
        yield from _lines("learning", f"{', '.join(metrics)}: {what}")


def _lines(name: str, text: str) -> list[str]:
    indent = " " * 10
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{name:<10}",
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _as_json(found: "Health", problems: Sequence[str]) -> dict[str, Any]:
    from pipeline.core import clock
    from pipeline.tasks.status import plain

    slots = found.slots
    return {
        "well": not problems,
        "problems": list(problems),
        "now": plain.utc(clock.utcnow()),
        "days": plain.days_of(found.days),
        "runs": {root: plain.run_of(last) for root, last in found.runs.items()},
        "slots": plain.slots_of(slots),
        "loads": {table: plain.load_of(rhythm) for table, rhythm in slots.rhythms.items()} if slots else {},
        "learning": [plain.lack_of(lack) for lack in slots.learning] if slots else [],
        "wrong_times": found.wrong_times,
        "no_actions": str(found.no_actions) if found.no_actions else None,
        "incidents": [plain.incident_of(item) for item in found.incidents],
        "mutes": plain.mutes_of(found.mutes),
        "unsent": [
            {"key": item.key, "channel": item.channel, "address": item.address, "tried": plain.utc(item.tried)}
            for item in found.unsent
        ],
        "channels": _channels(),
    }


def _channels() -> dict[str, list[str]]:
    from pipeline.core import settings

    return {
        "report": settings.names(settings.ReportSettings().channels),
        "alerts": settings.names(settings.AlertSettings().channels),
    }


def _described(item: "Open") -> str:
    """Describe an incident in one line: metrics, since when, the worst deviation, and what people said."""
    from pipeline.tasks.status import health

    incident = item.incident
    metrics = ", ".join(incident.shown_metrics)
    parts = [f"{metrics} since {_local(incident.opened)}", f"at the worst {health.worst(incident):+.0%}"]
    if incident.silent_since:
        parts.append(f"no data since {_local(incident.silent_since)}")
    if item.acknowledged_by:
        parts.append(f"acknowledged by {', '.join(item.acknowledged_by)}")
    if item.mute:
        parts.append(f"muted {_described_mute(item.mute)}")
    if not incident.notified:
        parts.append("nobody was told")
    if incident.mark:
        parts.append(f"declared a {incident.mark}")
    return ", ".join(parts)


def _described_mute(mute: "Action") -> str:
    """Describe a mute: until when, by whom and why."""
    return f"until {_local(mute.end)} by {mute.person}" + (f" ({mute.why})" if mute.why else "")


def _local(moment: datetime) -> str:
    """Write a naive UTC time in the analysts' zone, with the date unless it is today."""
    from pipeline.core import clock

    there = clock.to_local(moment)
    return f"{there:%H:%M}" if there.date() == clock.today() else f"{there:%Y-%m-%d %H:%M}"


def _duration(length: timedelta) -> str:
    """Write a length of time in its greatest unit or two: ``3 min``, ``5 h 10 min``, ``2 days``."""
    minutes = max(length, timedelta()) // timedelta(minutes=1)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
