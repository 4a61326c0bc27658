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
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.commands.common import new_parser, prepare
from pipeline.core.errors import FeedpulseError

if TYPE_CHECKING:
    from pipeline.alerts.learning import Lack
    from pipeline.commands.health import Health, Open, Slots
    from pipeline.slots.rhythm import Rhythm

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
    from pipeline.commands import health
    from pipeline.core import logs

    try:
        with logs.collected():
            found = health.read()
            problems = list(found.problems())
    except FeedpulseError as error:
        found, problems = health.Health(), [" ".join(str(error).split())]
    if options.json:
        print(json.dumps(_as_json(found, problems), ensure_ascii=False, indent=1))
    else:
        print("\n".join(_as_text(found, problems)))
    return 1 if problems else 0


def _as_text(found: "Health", problems: Sequence[str]) -> Iterator[str]:
    from pipeline.commands.health import described, described_mute, duration, local, ranges
    from pipeline.core import clock

    now = clock.utcnow()
    yield f"{'all is well' if not problems else 'NOT WELL'} at {clock.to_local(now):%Y-%m-%d %H:%M} ({clock.zone()})"
    for problem in problems:
        yield from _lines("problem", problem)
    if found.days:
        days = f"{found.days.loaded} loaded, of those from {found.days.first} to {found.days.last}"
        yield from _lines("days", f"{days}; missing: {ranges(found.days.missing) or 'none'}")
    for root, last in found.runs.items():
        ok = "" if last.run.outcome == "ok" or not last.newest_ok else f"; was ok at {local(last.newest_ok)}"
        said = last.run.error or last.run.did
        text = f"{root}: {last.run.outcome}, {duration(now - last.run.began)} ago, {last.run.seconds:.1f} s{ok}"
        yield from _lines("run", f"{text}; {said}" if said else text)
    if found.slots:
        lags = [f"{table} slots grow for {seconds // 60} min" for table, seconds in found.slots.lag_seconds.items()]
        age = duration(now - found.slots.newest - clock.SLOT)
        yield from _lines("slots", "; ".join([f"checked up to that of {local(found.slots.newest)}, {age} ago", *lags]))
        yield from _rhythm_as_text(found.slots)
    for table, count in found.wrong_times.items():
        yield from _lines("source", f"rows of {table} with a time before 2000 or in the future: {count:,}")
    if found.no_actions:
        yield from _lines("source", f"no row of {found.no_actions} is a view or a like: see [source] view_action")
    for item in found.incidents:
        yield from _lines("incident", described(item))
    if found.slots and not found.incidents:
        yield from _lines("incident", "none is open")
    for metric, mute in found.mutes.items():
        yield from _lines("muted", f"{metric} {described_mute(mute)}")
    for message in found.unsent:
        yield from _lines("unsent", f"{message.key} to {message.channel} {message.address}, {local(message.tried)}")
    channels = _channels()
    yield from _lines("channels", "; ".join(f"{name}: {', '.join(to)}" for name, to in channels.items()))


def _rhythm_as_text(slots: "Slots") -> Iterator[str]:
    from pipeline.commands.health import duration
    from pipeline.core import clock

    for table, rhythm in slots.rhythms.items():
        if rhythm.delay:
            interval, delay = duration(rhythm.interval * clock.SLOT), duration(rhythm.delay * clock.SLOT)
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

    now = clock.utcnow()
    days, slots = found.days, found.slots
    return {
        "well": not problems,
        "problems": list(problems),
        "now": _utc(now),
        "days": days
        and {
            "first": str(days.first),
            "last": str(days.last),
            "loaded": days.loaded,
            "missing": [str(day) for day in days.missing],
        },
        "runs": {
            root: {
                "began": _utc(last.run.began),
                "age_seconds": round((now - last.run.began).total_seconds()),
                "seconds": last.run.seconds,
                "outcome": last.run.outcome,
                "did": last.run.did,
                "error": last.run.error,
                "newest_ok": _utc(last.newest_ok),
            }
            for root, last in found.runs.items()
        },
        "slots": slots
        and {
            "newest_checked": _utc(slots.newest),
            "age_seconds": round((now - slots.newest - clock.SLOT).total_seconds()),
            "lag_seconds": slots.lag_seconds,
        },
        "loads": {table: _rhythm_as_json(rhythm) for table, rhythm in slots.rhythms.items()} if slots else {},
        "learning": [_lack_as_json(lack) for lack in slots.learning] if slots else [],
        "wrong_times": found.wrong_times,
        "no_actions": str(found.no_actions) if found.no_actions else None,
        "incidents": [_incident_as_json(item) for item in found.incidents],
        "mutes": [
            {"metric": metric, "until": _utc(mute.end), "by": mute.person, "why": mute.why}
            for metric, mute in found.mutes.items()
        ],
        "unsent": [
            {"key": item.key, "channel": item.channel, "address": item.address, "tried": _utc(item.tried)}
            for item in found.unsent
        ],
        "channels": _channels(),
    }


def _rhythm_as_json(rhythm: "Rhythm") -> dict[str, Any]:
    from pipeline.core import clock

    seconds = round(clock.SLOT.total_seconds())
    return {
        "delay_seconds": None if rhythm.delay is None else rhythm.delay * seconds,
        "interval_seconds": rhythm.interval * seconds,
        "overdue": rhythm.is_overdue,
        "slots_are_checked": not rhythm.is_slow,
    }


def _lack_as_json(lack: "Lack") -> dict[str, Any]:
    return {
        "metric": lack.metric,
        "known_days": lack.known,
        "needed_days": lack.needed,
        "checked_from": str(lack.checked_from),
    }


def _incident_as_json(item: "Open") -> dict[str, Any]:
    incident = item.incident
    return {
        "id": incident.incident_id,
        "metrics": list(dict.fromkeys(member.metric for member in incident.shown)),
        "opened": _utc(incident.opened),
        "worst": incident.worst,
        "silent_since": _utc(incident.silent_since),
        "notified": incident.notified,
        "acknowledged_by": list(item.acknowledged_by),
        "muted_until": _utc(item.mute.end if item.mute else None),
        "mark": incident.mark,
    }


def _channels() -> dict[str, list[str]]:
    from pipeline.core import settings

    return {
        "report": settings.names(settings.ReportSettings().channels),
        "alerts": settings.names(settings.AlertSettings().channels),
    }


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.isoformat(timespec='seconds')}Z"
