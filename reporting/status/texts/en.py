"""English."""
# ruff: noqa: D103

from collections.abc import Mapping

from reporting.status.facts import End, RunOutcome

TITLE = "feedpulse: status"
ALL_WELL = "All is well"
NOT_WELL = "Not well"
OLD = "This page is old: feedpulse has not written it since then. Is it still running?"
OPEN = "Open incidents"
MUTES = "Muted metrics"
LOADED = "Days and slots"
RUNS = "Last runs"
WEEKS = "The last four weeks"
HISTORY = "Alerts"
MESSAGES = "All messages"
NONE_OPEN = "None is open."
WEEKS_ABOUT = "Each row is a week, the last one ends today. Line: measured. Area: expected. Red: outside."
EVERY_METRIC = "All"
METRICS = "Metrics"
BEGAN = "Began"
LASTED = "Lasted"
WORST = "At the worst"
END = "End"
TASK = "Task"
RAN = "Began"
TOOK = "Took"
OUTCOME = "Outcome"
DID = "Did"
MUTED = "Metric"
UNTIL = "Until"
BY = "By"
WHY = "Why"
TAKEN = "taken"
NOBODY = "nobody took it"
NOT_TOLD = "nobody was told"
MARKS: Mapping[str, str] = {"false alarm": "declared a false alarm", "new normal": "declared the new normal"}
ENDS: Mapping[End, str] = {
    "open": "open",
    "recovered": "recovered",
    "new normal": "new normal",
    "late data": "data was late",
    "wrong clock": "withdrawn",
    "false alarm": "false alarm",
}
OUTCOMES: Mapping[RunOutcome, str] = {
    "ok": "ok",
    "failed": "failed",
    "refused": "refused",
    "not scheduled": "not scheduled",
    "already running": "already running",
    "not run": "not run",
    "error": "internal error",
}
DAYS = "Days"
SLOTS = "Slots"
LAGS = "Late rows"
LOADS = "Loads"
LEARNING = "Learning"
NO_VALUES = "no data yet"
SECONDS = "s"


def problems(count: int) -> str:
    return f"{count} problem{'' if count == 1 else 's'}"


def as_of(moment: str, zone: str) -> str:
    return f"as of {moment} ({zone})"


def ago(length: str) -> str:
    return f"{length} ago"


def unreadable(cause: str) -> str:
    return f"The state cannot be read: {cause}"


def days_missing(days: str) -> str:
    return f"Days that are not loaded: {days}"


def run_ended(task: str, outcome: str, moment: str, cause: str) -> str:
    return f"{task} at {moment}: {outcome}{f'. {cause}' if cause else ''}"


def unchecked() -> str:
    return "No slot was ever checked"


def stalled(moment: str, length: str) -> str:
    return f"No slot was checked since that of {moment}, {length} ago"


def untaken(metrics: str, moment: str) -> str:
    return f"An incident is open and nobody took it: {metrics}, since {moment}"


def unsent(key: str, channel: str, moment: str) -> str:
    return f"The message {key} of {moment} was not sent by {channel}"


def undropped() -> str:
    return "Old months could not be dropped for days: the log says why"


def taken_by(people: str) -> str:
    return f"taken by {people}"


def muted_until(moment: str) -> str:
    return f"muted until {moment}"


def silent_since(moment: str) -> str:
    return f"no data since {moment}"


def days_loaded(count: str, first: str, last: str, missing: str) -> str:
    return f"{count} loaded of those from {first} to {last}; {f'missing: {missing}' if missing else 'none is missing'}"


def checked(slot: str, ago: str) -> str:
    return f"checked up to that of {slot}, which ended {ago} ago"


def grows(table: str, length: str) -> str:
    return f"{table}: for {length} after the end of a slot"


def loaded(table: str, interval: str, delay: str, slots: bool, overdue: bool) -> str:
    what = "" if slots else "; days are checked, not slots"
    return f"{table}: about every {interval}, up to {delay} late{what}{'; overdue' if overdue else ''}"


def lacks(metrics: str, known: int, needed: int, day: str) -> str:
    return f"{metrics}: {known} of {needed} days of history, alerts from {day}"


def no_alerts(days: int) -> str:
    return f"No alerts in the last {days} days."


def scale(low: str, high: str) -> str:
    return f"axis: {low} to {high}"


def picture_of(metric: str) -> str:
    return f"{metric}: the last four weeks by quarter of an hour, with what was expected"
