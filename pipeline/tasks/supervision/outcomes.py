"""How a run ended, and what it did, in one line."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from luigi.execution_summary import LuigiRunResult, LuigiStatusCode

from pipeline.core import clock
from pipeline.tasks.supervision.causes import Cause
from pipeline.tasks.supervision.scheduling import Done, Record
from pipeline.warehouse.runs import ALREADY_RUNNING, FAILED, NOT_RUN, NOT_SCHEDULED, OK, REFUSED

_UNREFUSED = ("unreachable: ", "TerminalError: ", "unexpected ")
_WAITING = (LuigiStatusCode.NOT_RUN, LuigiStatusCode.MISSING_EXT)


class Ended(NamedTuple):
    """How a run ended.

    Attributes
    ----------
    outcome : str
        One of `runs.OUTCOMES`.
    cause : Cause or None
        Why tasks failed or were not scheduled.
    did : str
        What the run did, one line for people; '' if nothing.
    late : int
        How many slots were checked after they were due.
    """

    outcome: str
    cause: Cause | None = None
    did: str = ""
    late: int = 0


def of_result(result: LuigiRunResult, record: Record) -> Ended:
    """Return how a run ended that Luigi took to its end."""
    slots = [done for done in record.done if done.family == "CheckAlerts"]
    did, late = describe(record.done), max(0, len(slots) - 1)
    if result.status in (LuigiStatusCode.FAILED, LuigiStatusCode.FAILED_AND_SCHEDULING_FAILED):
        return Ended(FAILED, record.failed[0] if record.failed else None, did, late)
    if record.unscheduled:
        cause = record.unscheduled[0]
        return Ended(refusal_of(cause), cause, did, late)
    if record.root in record.complete:
        return Ended(OK, None, did, late)
    return Ended(NOT_RUN if result.status in _WAITING else ALREADY_RUNNING, None, did, late)


def refusal_of(cause: Cause) -> str:
    """Return whether a cause before any task ran is a refusal, which somebody must mend, or an accident."""
    return NOT_SCHEDULED if cause.text.startswith("unexpected ") or cause.kind.startswith(_UNREFUSED) else REFUSED


def describe(done: Sequence[Done]) -> str:
    """Return what tasks did: "slot 00:30 checked, 6 metrics and 94 slices, 1 message"."""
    parts = [*_slots(done), *_days(done), *_checked_days(done), *_sent(done)]
    presses = sum(task.did.get("presses", 0) for task in done)
    if presses:
        parts.append(_counted(presses, "button press read", "button presses read"))
    parts += [what for task in done for what in task.did.get("without", ())]
    return ", ".join(parts)


def _slots(done: Sequence[Done]) -> list[str]:
    checked = sorted((task.params["slot"], task.did) for task in done if task.family == "CheckAlerts")
    if not checked:
        return []
    first, last = (_local_time(checked[i][0]) for i in (0, -1))
    newest = checked[-1][1]
    messages = sum(did.get("messages", 0) for _, did in checked)
    what = f"slot {last} checked" if len(checked) == 1 else f"{len(checked)} slots checked ({first} to {last})"
    numbers = f"{newest.get('metrics', 0)} metrics and {newest.get('slices', 0)} slices"
    return [what, numbers, *([_counted(messages, "message", "messages")] if messages else [])]


def _days(done: Sequence[Done]) -> list[str]:
    days = sorted(task.params["date"] for task in done if task.family == "DailyMetrics")
    if not days:
        return []
    return [f"day {days[0]} loaded" if len(days) == 1 else f"{len(days)} days loaded ({days[0]} to {days[-1]})"]


def _checked_days(done: Sequence[Done]) -> list[str]:
    parts = []
    for task in done:
        if task.family == "CheckDays" and task.did.get("days"):
            days, messages = task.did["days"], task.did.get("messages", 0)
            parts.append(f"day {days[-1]} checked" if len(days) == 1 else f"days {days[0]} to {days[-1]} checked")
            parts += [_counted(messages, "message", "messages")] if messages else []
    return parts


def _sent(done: Sequence[Done]) -> list[str]:
    names = {"DailyReport": "report", "WeeklySummary": "summary"}
    corrected = [f"report of {day} corrected" for task in done for day in task.did.get("reports", ())]
    return corrected + [
        f"{names[task.family]} of {task.params['date']} sent to {_counted(task.did['addresses'], 'chat', 'chats')}"
        for task in done
        if task.family in names and "addresses" in task.did
    ]


def _local_time(slot: str) -> str:
    return f"{clock.to_local(datetime.strptime(slot, '%Y-%m-%dT%H%M')):%H:%M}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
