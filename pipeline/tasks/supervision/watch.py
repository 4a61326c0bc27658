"""What a run sees of others: the report that was not sent, slots that nobody checks, presses of other programs."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from pipeline.alerts.incidents import store
from pipeline.core import clock, settings
from pipeline.core.metrics import BY_NAME
from pipeline.tasks.report import DailyReport
from pipeline.tasks.supervision.memory import State
from pipeline.tasks.supervision.notes import Notes
from pipeline.tasks.supervision.scheduling import Done
from pipeline.warehouse import markers, runs

GRACE = timedelta(minutes=30)
"""A report that is being made at the deadline is not missing."""
LONGEST_PAUSE = timedelta(hours=1)
FOREIGN_PAUSE_SECONDS = 7 * 24 * 3600
HISTORY_REMEDY = "They are checked when `slot_metrics` has their last weeks; `feedpulse doctor` looks at the source."
USED_DAYS = 7
"""Who has had no report or no check for this long does not want any."""


def watch_report(notes: Notes, state: State) -> None:
    """Say that the report of yesterday was not sent by its deadline, if there was a report in the last days.

    The markers are read once a day, and at each run while a report is missing.
    """
    day = clock.yesterday()
    deadline = clock.report_deadline(day)
    is_due = deadline is not None and clock.utcnow() >= deadline + GRACE
    if not notes.stands("report") and (not is_due or state.get("report") == str(day)):
        return
    days = clock.days(day - timedelta(days=USED_DAYS), day)
    ids = {DailyReport(date=known).output().update_id: known for known in days}
    sent = {ids[item] for item in markers.done(ids)}
    if is_due and (day in sent or not sent):
        state["report"] = str(day)
    if day in sent:
        notes.lift("report", lambda words: words.report_sent(words.short_date(day)))
    elif sent and is_due:
        until = settings.ReportSettings().deadline
        notes.put("report", str(day), lambda words: words.no_report(words.short_date(day), until))


def newest_check(done: Sequence[Done]) -> tuple[datetime, Sequence[str]] | None:
    """Return the newest slot that a run checked, and the metrics without a history for it; None if it checked none."""
    checks = [task for task in done if task.family == "CheckAlerts"]
    if not checks:
        return None
    newest = max(checks, key=lambda task: task.slot)
    return newest.slot, newest.did.get("no_history", ())


def watch_history(notes: Notes, done: Sequence[Done]) -> None:
    """Say that metrics have no history for a check that they had on the day before."""
    newest = newest_check(done)
    if newest is None:
        return
    slot, without = newest
    if not without:
        notes.lift("history", lambda words: words.history_back())
    elif not notes.stands("history") and (lost := store.judged(without, slot - timedelta(days=1), slot)):
        labels = "; ".join(BY_NAME[metric].label_in(settings.ReportSettings().language) for metric in lost)
        notes.put("history", "history", lambda words: words.history_lost(labels), HISTORY_REMEDY)


def watch_slots(notes: Notes) -> None:
    """Say that `Alerts` has checked nothing for an hour, if it has succeeded in the last days.

    A run that an address refuses fails, but it has checked its slot.
    """
    now = clock.utcnow()
    alerts = runs.newest(now - timedelta(days=USED_DAYS)).get("Alerts")
    if alerts is None or alerts.newest_ok is None or now - alerts.newest_ok <= LONGEST_PAUSE:
        return
    slot = store.last_checked_slot()
    newest = max(alerts.newest_ok, slot + clock.SLOT) if slot else alerts.newest_ok
    if now - newest <= LONGEST_PAUSE:
        return
    since = clock.to_local(newest)
    notes.put("slots", "slots", lambda words: words.no_checks(f"{words.short_date(since.date())} {since:%H:%M}"))


def tell_foreign_presses(notes: Notes, state: State) -> None:
    """Say that the bot has presses of others; again only after there were none for `FOREIGN_PAUSE_SECONDS`."""
    now = time.time()
    if abs(now - state.get("foreign", now)) > FOREIGN_PAUSE_SECONDS:
        notes.forget("foreign")
    state["foreign"] = int(now)
    remedy = "A bot has one queue of presses: make a bot of its own for each feedpulse, and for each other program."
    notes.put("foreign", "foreign", lambda words: words.foreign_presses(), remedy)
