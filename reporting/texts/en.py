"""English. What every name means is said once, in `reporting.texts.base.Texts`."""
# ruff: noqa: D103

from datetime import date, timedelta

from reporting.texts.base import NO_BREAK_SPACE, days_hours_minutes, fixed, inline

MISSING = "-"
SCALES: tuple[tuple[float, str], ...] = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"))
VS_YESTERDAY = "vs yesterday"
THIS_WEEK = "last 7 days"
WEEK_BEFORE = "the same weekdays a week before"
NO_DATA = "no data"
STILL_OPEN = "still open"
TEST_REPORT = "Test report: sent here only"
INCOMPLETE = "incomplete"
WITHDRAWN = "Withdrawn"
WRONG_CLOCK = "the clock of feedpulse was wrong"
WHY_NO_DATA = "Is the application down or the load late?"
NOT_FINAL = "not final: rows of this slot still arrive, so the number can only rise"
ACTUAL = "actual"
EXPECTED = "expected"
USUAL_RANGE = "usual range"
DAY_BEFORE = "the day before"
LAST_WEEK = "a week before"
OTHER_INCIDENT = "another incident"
MINUTES = "deviating minutes"
ACKNOWLEDGE = "Acknowledge"
ACKNOWLEDGED = "Acknowledged"
FALSE_ALARM = "False alarm"
NEW_NORMAL = "New normal"
UNMUTE = "Unmute"
UNMUTED = "Unmuted"
REOPEN = "Reopen"
REOPENED = "Reopened"
NOT_MUTED = "Unmuted: you will hear of changes again"
FALSE_ALARM_HELD = "Marked as a false alarm: you will hear no more of it"
NEW_NORMAL_HELD = "Marked as the new normal: this alert is over"
REOPENED_HELD = "Open again: you will hear of changes"
OVER = "This alert is over already: the press changes nothing"
PRESS_UNREADABLE = "feedpulse does not know this button"
PRESS_FOREIGN = "This button belongs to another feedpulse with the same bot; the press may not reach it"
PRESS_REFUSED = "You are not allowed to press the buttons of this bot"
PRESS_UNKNOWN = "feedpulse does not know this incident"
NOT_EXPLAINED = "no slice stands out"
PROPOSAL = "Proposal for feedpulse.cfg"
TEST_TITLE = "Test message"
TEST_TEXT = "feedpulse can write here: reports and alerts will arrive."

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def number(value: float, decimals: int = 0, signed: bool = False) -> str:
    return fixed(value, decimals, signed, group=",", point=".")


def percent(fraction: float, decimals: int = 1, signed: bool = False) -> str:
    return number(100 * fraction, decimals, signed) + "%"


def points(fraction: float, decimals: int = 1) -> str:
    return number(100 * fraction, decimals, signed=True) + NO_BREAK_SPACE + "pp"


def full_date(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1][:3]}"


def weekday(day: date) -> str:
    return _WEEKDAYS[day.weekday()][:3]


def vs_last(day: date) -> str:
    return f"vs last {_WEEKDAYS[day.weekday()]}"


def duration(length: timedelta) -> str:
    days, hours, minutes = days_hours_minutes(length)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts) or "0 min"


def report_title(day: str) -> str:
    return f"Daily report: {day}"


def corrected(moment: str, changes: str) -> str:
    return f"Corrected {moment}: {changes}"


def no_data_on(day: str, source: str, start: str, end: str) -> str:
    span = f" from {start} to {end}" if end else f" {since(start)}" if start else ""
    return f"No data for {day} in {source}{span}: is the application down or the load late?"


def few_rows_on(day: str, source: str, rows: str, usual: str) -> str:
    return f"Only {rows} rows for {day} in {source}, usually {usual}: is the application down or the load late?"


def no_actions_on(day: str, source: str) -> str:
    return f"No row for {day} in {source} is a view or a like: do the actions have other names?"


def whole_day(day: str) -> str:
    return f"{day}, whole day"


def a_day(change: str, days: int) -> str:
    return f"{change} a day for {days} days"


def rows_of_days_were_late(days: str) -> str:
    return f"Data was late: {days} is as usual"


def until(moment: str) -> str:
    return f"until {moment}"


def slots_checked(checked: int, expected: int) -> str:
    return f"{number(checked)} of {number(expected)} {'slot' if expected == 1 else 'slots'} checked"


def alerts(count: int) -> str:
    return f"{number(count)} {'alert' if count == 1 else 'alerts'}"


def month_so_far(days: str, before: str) -> str:
    return f"Month so far, {days} (vs {before})"


def at_worst(change: str) -> str:
    return f"{change} at the worst"


def compared(value: str, expected: str) -> str:
    return f"{value}, expected {expected}"


def back_to_normal(outcome: str) -> str:
    return f"{outcome} (back to normal)"


def usual_range(lower: str, upper: str) -> str:
    if not lower:
        return f"usually up to {upper}"
    return f"usually {lower} to {upper}" if upper else f"usually at least {lower}"


def since(moment: str) -> str:
    return f"since {moment}"


def lasted(start: str, end: str, length: str) -> str:
    return f"{start} to {end}, lasted {length}"


def at(moment: str) -> str:
    return f"at {moment}"


def on(day: str) -> str:
    return f"on {day}"


def between(start: str, end: str, outcome: str) -> str:
    return f"between {start} and {end}: {outcome}"


def worst(when: str, outcome: str) -> str:
    return f"worst {when}: {outcome}"


def ongoing(what: str, length: str) -> str:
    return f"{what}, ongoing for {length}"


def so_far(what: str) -> str:
    return f"{what} so far"


def worse(what: str) -> str:
    return f"Worse: {what}"


def told_before(change: str) -> str:
    return f"told before: {change}"


def recovering(what: str, length: str) -> str:
    return f"{what}: recovering, {length} so far"


def recovered(what: str, length: str) -> str:
    return f"{what}: recovered after {length}"


def no_data_since(moment: str, source: str) -> str:
    return f"No data{f' in {source}' if source else ''} since {moment}"


def still_no_data(source: str, length: str) -> str:
    return f"Still no data{f' in {source}' if source else ''}, for {length}"


def data_was_late(start: str, end: str, source: str) -> str:
    return f"Data was late: {f'{source}, ' if source else ''}{start} to {end}"


def late_until(moment: str) -> str:
    return f"data was late until {moment}, so this is corrected:"


def corrected_worst(label: str, worst: str, told: str) -> str:
    return f"{label}: {f'worst {worst}' if worst else 'as usual'}, first told as {told}"


def lost(amounts: str, so_far: bool) -> str:
    return f"lost{' so far' if so_far else ''}: {amounts}"


def gained(amounts: str, so_far: bool) -> str:
    return f"above expected{' so far' if so_far else ''}: {amounts}"


def amount(label: str, number: str) -> str:
    return f"{number} {inline(label)}"


def mute(length: str) -> str:
    return f"Mute {length}"


def muted(until: str) -> str:
    return f"Muted until {until}"


def explains(slices: str, share: str, several: bool) -> str:
    return f"{slices} {'explain' if several else 'explains'} {share}"


def moved(label: str, change: str, rose: bool) -> str:
    return f"{inline(label)} {'rose' if rose else 'fell'} ({change})"


def rate_and_mix(rate: str, mix: str) -> str:
    return f"{rate} within slices, {mix} by their mix"


def weekly_title(first_day: str, last_day: str) -> str:
    return f"Alerts of the week: {first_day} to {last_day}"


def incidents(count: int) -> str:
    return f"{number(count)} {'incident' if count == 1 else 'incidents'}"


def messages(count: int) -> str:
    return f"{number(count)} {'message' if count == 1 else 'messages'}"


def confirmed(count: int) -> str:
    return f"confirmed: {number(count)}"


def false_alarms(count: int) -> str:
    return f"false alarms: {number(count)}"


def now_set(value: str) -> str:
    return f"now {value}"


def replayed(days: int, messages_a_month: int, missed: int, confirmed: int) -> str:
    count, side = abs(messages_a_month), "more" if messages_a_month > 0 else "fewer"
    difference = f"{number(count)} {side} {'message' if count == 1 else 'messages'} a month"
    effect = f"replayed over {number(days)} days: {difference if count else 'as many messages'}"
    if not confirmed:
        return f"{effect}; there was no confirmed incident to try it on"
    if missed:
        return f"{effect}; misses {number(missed)} of {number(confirmed)} confirmed"
    return f"{effect}; finds all {number(confirmed)} confirmed"


def run_failed(task: str) -> str:
    return f"feedpulse: {task} failed"


def run_refused(task: str) -> str:
    return f"feedpulse: {task} cannot start"


def run_waits(task: str) -> str:
    return f"feedpulse: {task} does not start: an earlier run is still going"


def run_blocked(task: str) -> str:
    return f"feedpulse: {task} does not start: luigid does not let a task run, or data that it needs are missing"


def run_works(task: str, late_slots: int) -> str:
    late = (
        f", {number(late_slots)} {'slot was' if late_slots == 1 else 'slots were'} checked late" if late_slots else ""
    )
    return f"feedpulse: {task} works again{late}"


def without_luigid() -> str:
    return "feedpulse: luigid does not answer; runs go on without it"


def with_luigid() -> str:
    return "feedpulse: luigid answers again"


def no_report(day: str, deadline: str) -> str:
    return f"feedpulse: the report of {day} was not sent by {deadline}"


def report_sent(day: str) -> str:
    return f"feedpulse: the report of {day} was sent"


def no_checks(moment: str) -> str:
    return f"feedpulse: no slot was checked since {moment}"


def history_lost(metrics: str) -> str:
    return f"feedpulse: {metrics}: not checked, the history of yesterday is gone"


def history_back() -> str:
    return "feedpulse: every metric has a history again"


def learning(day: date) -> str:
    return f"feedpulse: learning, alerts from {day.day} {_MONTHS[day.month - 1]} on"


def learnt() -> str:
    return "feedpulse: learning is over, every metric is checked"


def loaded_late(source: str, interval: str, delay: str) -> str:
    return (
        f"feedpulse: {source}: loaded about every {interval}, so alerts come with each load, "
        f"up to {delay} after the quarter of an hour that they are about"
    )


def loaded_rarely(source: str, interval: str) -> str:
    return (
        f"feedpulse: {source}: loaded about every {interval}, too rarely for alerts every 15 minutes; days are checked"
    )


def loaded_at_once(source: str) -> str:
    return f"feedpulse: {source}: rows arrive at once, alerts come every 15 minutes"


def load_is_missing(source: str, moment: str, interval: str) -> str:
    return f"feedpulse: {source}: no rows after {moment}; until then they were loaded about every {interval}"


def load_came(source: str) -> str:
    return f"feedpulse: {source}: loaded again"


def checks_again() -> str:
    return "feedpulse: slots are checked again"


def foreign_presses() -> str:
    return "feedpulse: another installation or program uses the same bot, and presses of buttons may be lost"


def more(count: int) -> str:
    return f"and {number(count)} more"
