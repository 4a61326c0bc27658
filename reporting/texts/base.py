"""What every language defines, and arithmetic that they share."""

from datetime import date, timedelta
from typing import Protocol

MINUS = "\u2212"
NO_BREAK_SPACE = "\u00a0"


class Texts(Protocol):
    """The names in a language's file. To add a language, copy ``en.py`` and translate it."""

    # Shown where there is no number to show.
    MISSING: str
    # Divisors of an axis and their names, largest first: (1000, "thousand").
    SCALES: tuple[tuple[float, str], ...]
    # Said before the change of a day from the day before it.
    VS_YESTERDAY: str
    # The two lines of the picture of a report.
    THIS_WEEK: str
    WEEK_BEFORE: str
    NO_DATA: str
    # Said in a report: of an incident that goes on, and of a report that one person tries.
    STILL_OPEN: str
    TEST_REPORT: str
    # Said of a value of a day that lacks rows.
    INCOMPLETE: str
    # Said of an alert about slots that were not over, and why.
    WITHDRAWN: str
    WRONG_CLOCK: str
    # Asked where a table has no rows.
    WHY_NO_DATA: str
    # Said of a count of a slot that is told before it has all of its rows.
    NOT_FINAL: str
    # The legend of an alert's picture.
    ACTUAL: str
    EXPECTED: str
    USUAL_RANGE: str
    DAY_BEFORE: str
    LAST_WEEK: str
    OTHER_INCIDENT: str
    MINUTES: str
    # What people do about an incident, as buttons, and as lines that say who did it.
    ACKNOWLEDGE: str
    ACKNOWLEDGED: str
    FALSE_ALARM: str
    NEW_NORMAL: str
    # What undoes it, as buttons, and as lines that say who did it.
    UNMUTE: str
    UNMUTED: str
    REOPEN: str
    REOPENED: str
    # Answers to a press: what holds now; `muted` is another.
    NOT_MUTED: str
    FALSE_ALARM_HELD: str
    NEW_NORMAL_HELD: str
    REOPENED_HELD: str
    # The incident has ended, so a press changes nothing.
    OVER: str
    # Answers to a press that is not applied.
    PRESS_UNREADABLE: str
    PRESS_FOREIGN: str
    PRESS_REFUSED: str
    PRESS_UNKNOWN: str
    # Said where no slice explains an incident.
    NOT_EXPLAINED: str
    # The heading of a setting that the weekly summary proposes.
    PROPOSAL: str
    # The message of `feedpulse doctor --send`.
    TEST_TITLE: str
    TEST_TEXT: str

    def number(self, value: float, decimals: int = 0, signed: bool = False) -> str:
        """Return e.g. "1,234.5"; a minus is always shown, a plus if `signed`."""

    def percent(self, fraction: float, decimals: int = 1, signed: bool = False) -> str:
        """Return e.g. "20.3%" for 0.203."""

    def points(self, fraction: float, decimals: int = 1) -> str:
        """Return a difference of two ratios in percentage points, signed: "+0.4 pp" for 0.004."""

    def full_date(self, day: date) -> str:
        """Return e.g. "Monday, 2 November 2026"."""

    def short_date(self, day: date) -> str:
        """Return e.g. "2 Nov"."""

    def weekday(self, day: date) -> str:
        """Return e.g. "Mon"."""

    def vs_last(self, day: date) -> str:
        """Return what is said before the change of a day from its weekday a week before: "vs last Saturday"."""

    def duration(self, length: timedelta) -> str:
        """Return e.g. "2 h 15 min"; whole minutes."""

    def report_title(self, day: str) -> str:
        """Return the heading of the morning report."""

    def corrected(self, moment: str, changes: str) -> str:
        """Return when a report was corrected, and what changed: "Corrected 30 Nov 09:10: DAU 1,204 → 1,310"."""

    def no_data_on(self, day: str, source: str, start: str, end: str) -> str:
        """Return that a table has no rows of a day, since `start` or until `end` if given, and ask why."""

    def few_rows_on(self, day: str, source: str, rows: str, usual: str) -> str:
        """Return that a table has far fewer rows of a day than usual, and ask why."""

    def no_actions_on(self, day: str, source: str) -> str:
        """Return that no row of a day in a table is a view or a like, and ask whether actions have other names."""

    def whole_day(self, day: str) -> str:
        """Return that an alert is about a whole day: "Monday, 2 November 2026, whole day"."""

    def a_day(self, change: str, days: int) -> str:
        """Return the mean change a day over some days: "\u22123.1% a day for 4 days"."""

    def rows_of_days_were_late(self, days: str) -> str:
        """Return that what was taken for an incident of days were rows that came late."""

    def until(self, moment: str) -> str:
        """Return until when a value counts: "until 18:00"."""

    def slots_checked(self, checked: int, expected: int) -> str:
        """Return e.g. "96 of 96 slots checked"."""

    def alerts(self, count: int) -> str:
        """Return e.g. "2 alerts"."""

    def month_so_far(self, days: str, before: str) -> str:
        """Return the heading of sums of the month so far, and with which days they are compared."""

    def at_worst(self, change: str) -> str:
        """Return how far a metric was from its expectation at most: "\u221253% at the worst"."""

    def compared(self, value: str, expected: str) -> str:
        """Return a value beside its expectation: "0, expected 156"."""

    def back_to_normal(self, outcome: str) -> str:
        """Return what `compared` says, and that it is normal again."""

    def usual_range(self, lower: str, upper: str) -> str:
        """Return the band; either bound may be empty, not both."""

    def since(self, moment: str) -> str:
        """Return since when an incident lasts."""

    def lasted(self, start: str, end: str, length: str) -> str:
        """Return when an ended incident was and how long it lasted."""

    def at(self, moment: str) -> str:
        """Return when something was: "at 14:30"."""

    def on(self, day: str) -> str:
        """Return on which day something was: "on Mon 9 Nov"."""

    def between(self, start: str, end: str, outcome: str) -> str:
        """Return what a metric was in those minutes of a slot that deviate."""

    def worst(self, when: str, outcome: str) -> str:
        """Return when a metric was furthest from what was expected, as `at` or `on` says it, and what it was then."""

    def ongoing(self, what: str, length: str) -> str:
        """Return what deviates, and for how long already: "Views \u221253% and 1 more, ongoing for 30 min"."""

    def so_far(self, what: str) -> str:
        """Return that what deviates is not complete yet: "Views +85% so far"."""

    def worse(self, what: str) -> str:
        """Return that it is much worse than people were told, with what `ongoing` says."""

    def told_before(self, change: str) -> str:
        """Return which change people were told of last: "told before: \u221240.0%"."""

    def recovering(self, what: str, length: str) -> str:
        """Return that metrics are back to normal, but not for long enough yet, and how old the incident is."""

    def recovered(self, what: str, length: str) -> str:
        """Return that an incident is over, and how long it was."""

    def no_data_since(self, moment: str, source: str) -> str:
        """Return that no rows of a table came since then; the table may be empty."""

    def still_no_data(self, source: str, length: str) -> str:
        """Return that there are none still, and for how long already."""

    def data_was_late(self, start: str, end: str, source: str) -> str:
        """Return that what was taken for an incident were rows that came late; the table may be empty."""

    def late_until(self, moment: str) -> str:
        """Return until when rows came late; a line of each `corrected_worst` follows."""

    def corrected_worst(self, label: str, worst: str, told: str) -> str:
        """Return a metric's worst change as it is known now, '' if nothing deviated, and as it was told first."""

    def lost(self, amounts: str, so_far: bool) -> str:
        """Return how much less there was than expected, in all or until now."""

    def gained(self, amounts: str, so_far: bool) -> str:
        """Return how much more there was than expected, in all or until now."""

    def amount(self, label: str, number: str) -> str:
        """Return a number of what `label` names, in one phrase: "12,300 views"."""

    def mute(self, length: str) -> str:
        """Return the button that mutes an incident for so long."""

    def muted(self, until: str) -> str:
        """Return until when an incident is muted: the head of a line that says who did it."""

    def explains(self, slices: str, share: str, several: bool) -> str:
        """Return how much of an incident a slice or `several` explain."""

    def moved(self, label: str, change: str, rose: bool) -> str:
        """Return that a count, named in the plural, rose or fell: "likes fell (\u221231.0%)"."""

    def rate_and_mix(self, rate: str, mix: str) -> str:
        """Return how much of a ratio's change happened within slices, and how much in their shares of the whole."""

    def weekly_title(self, first_day: str, last_day: str) -> str:
        """Return the heading of the weekly summary."""

    def incidents(self, count: int) -> str:
        """Return e.g. "3 incidents"."""

    def messages(self, count: int) -> str:
        """Return e.g. "5 messages"."""

    def confirmed(self, count: int) -> str:
        """Return how many incidents people confirmed."""

    def false_alarms(self, count: int) -> str:
        """Return how many incidents people called false alarms."""

    def now_set(self, value: str) -> str:
        """Return what a setting is now."""

    def replayed(self, days: int, messages_a_month: int, missed: int, confirmed: int) -> str:
        """Return what a setting would have done in so many days."""

    def run_failed(self, task: str) -> str:
        """Return that a task of ours failed; its cause is on the next line."""

    def run_refused(self, task: str) -> str:
        """Return that a task was not begun: a setting, the source or its state must be mended first."""

    def run_waits(self, task: str) -> str:
        """Return that a task was not begun, several times, because an earlier run of it goes on."""

    def run_blocked(self, task: str) -> str:
        """Return that a task was not begun, several times: the scheduler did not let it run, or data are missing."""

    def run_works(self, task: str, late_slots: int) -> str:
        """Return that a task works again, and how many slots were checked late."""

    def without_luigid(self) -> str:
        """Return that the scheduler does not answer and runs go on without it."""

    def with_luigid(self) -> str:
        """Return that the scheduler answers again."""

    def no_report(self, day: str, deadline: str) -> str:
        """Return that the report of a day was not sent by its deadline."""

    def report_sent(self, day: str) -> str:
        """Return that a report that was missing is sent."""

    def no_checks(self, moment: str) -> str:
        """Return that no slot was checked since then."""

    def history_lost(self, metrics: str) -> str:
        """Return that metrics are not checked, because they have no history any longer."""

    def history_back(self) -> str:
        """Return that all metrics have a history again."""

    def learning(self, day: date) -> str:
        """Return that alerts begin on a day, because the history is too short until then."""

    def learnt(self) -> str:
        """Return that all metrics are checked from now on."""

    def loaded_late(self, source: str, interval: str, delay: str) -> str:
        """Return how often a source is loaded, and how late a deviation is told because of that."""

    def loaded_rarely(self, source: str, interval: str) -> str:
        """Return that a source is loaded too rarely for alerts about slots, and is checked by day."""

    def loaded_at_once(self, source: str) -> str:
        """Return that the rows of a source arrive at once again."""

    def load_is_missing(self, source: str, moment: str, interval: str) -> str:
        """Return up to when a source is loaded, and how often it was loaded until then."""

    def load_came(self, source: str) -> str:
        """Return that a source that was not loaded is loaded again."""

    def checks_again(self) -> str:
        """Return that slots are checked again."""

    def foreign_presses(self) -> str:
        """Return that presses of another installation or another program are in the bot's queue."""

    def more(self, count: int) -> str:
        """Return what stands for `count` metrics that did not fit: "and 3 more"."""


def fixed(value: float, decimals: int, signed: bool, group: str, point: str) -> str:
    """`value` with `decimals` and a language's separators, one character each; what rounds to zero has no sign."""
    text = f"{abs(value):,.{decimals}f}"
    sign = ""
    if text.strip("0.,"):
        sign = MINUS if value < 0 else "+" if signed else ""
    return sign + text.translate(str.maketrans(",.", group + point))


def inline(label: str) -> str:
    """`label` as it stands within a sentence: "Likes" is "likes", "CTR" stays."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def days_hours_minutes(length: timedelta) -> tuple[int, int, int]:
    """`length` in days, hours and minutes."""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return hours // 24, hours % 24, minutes
