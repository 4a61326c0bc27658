"""The words of the status page in each language: one file per language in ``texts/``, found by its name."""

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from reporting import texts
from reporting.status.facts import End, RunOutcome


class Words(Protocol):
    """The names in a language's file."""

    TITLE: str
    ALL_WELL: str
    NOT_WELL: str
    # Said of a page that was not written for too long.
    OLD: str
    # Headings.
    OPEN: str
    MUTES: str
    LOADED: str
    RUNS: str
    WEEKS: str
    HISTORY: str
    MESSAGES: str
    # Said below the headings.
    NONE_OPEN: str
    WEEKS_ABOUT: str
    # The choices of the filter.
    EVERY_METRIC: str
    # The heads of columns.
    METRICS: str
    BEGAN: str
    LASTED: str
    WORST: str
    END: str
    TASK: str
    RAN: str
    TOOK: str
    OUTCOME: str
    DID: str
    MUTED: str
    UNTIL: str
    BY: str
    WHY: str
    # What people did about an incident.
    TAKEN: str
    NOBODY: str
    NOT_TOLD: str
    MARKS: Mapping[str, str]
    # How an alert and a run ended.
    ENDS: Mapping[End, str]
    OUTCOMES: Mapping[RunOutcome, str]
    # Names of what the section of days and slots tells.
    DAYS: str
    SLOTS: str
    LAGS: str
    LOADS: str
    LEARNING: str
    NO_VALUES: str
    # The unit of how long a run took.
    SECONDS: str

    def problems(self, count: int) -> str:
        """Return e.g. "2 problems"."""

    def as_of(self, moment: str, zone: str) -> str:
        """Return when the page was written, in which time zone."""

    def ago(self, length: str) -> str:
        """Return e.g. "5 min ago"."""

    def unreadable(self, cause: str) -> str:
        """Return that the state could not be read."""

    def days_missing(self, days: str) -> str:
        """Return which days are not loaded."""

    def run_ended(self, task: str, outcome: str, moment: str, cause: str) -> str:
        """Return how a run ended, when it began and why it ended so; the cause may be empty."""

    def unchecked(self) -> str:
        """Return that no slot was ever checked."""

    def stalled(self, moment: str, length: str) -> str:
        """Return since which slot none was checked, and how long ago that was."""

    def untaken(self, metrics: str, moment: str) -> str:
        """Return that an incident is open since a moment and nobody took it."""

    def unsent(self, key: str, channel: str, moment: str) -> str:
        """Return that a message was not sent by a channel."""

    def undropped(self) -> str:
        """Return that old months could not be dropped for days."""

    def taken_by(self, people: str) -> str:
        """Return who took an incident."""

    def muted_until(self, moment: str) -> str:
        """Return until when an incident is muted."""

    def silent_since(self, moment: str) -> str:
        """Return since when there are no rows."""

    def days_loaded(self, count: str, first: str, last: str, missing: str) -> str:
        """Return how many days are loaded, and which are missing; '' if none is."""

    def checked(self, slot: str, ago: str) -> str:
        """Return which slot was checked last, and how long ago it ended."""

    def grows(self, table: str, length: str) -> str:
        """Return for how long a slot receives rows in a table."""

    def loaded(self, table: str, interval: str, delay: str, slots: bool, overdue: bool) -> str:
        """Return how often and how late a table is loaded, whether slots are checked, and whether it is overdue."""

    def lacks(self, metrics: str, known: int, needed: int, day: str) -> str:
        """Return how many days of history metrics have and need, and from when on they are checked."""

    def no_alerts(self, days: int) -> str:
        """Return that there were no alerts in so many days."""

    def scale(self, low: str, high: str) -> str:
        """Return the ends of the axis of a picture."""

    def picture_of(self, metric: str) -> str:
        """Return what stands in place of a picture for those who cannot see it."""


def load(language: str) -> Words:
    """Return the words of a language that `reporting.texts` has."""
    texts.load(language)
    return cast(Words, importlib.import_module(f"reporting.status.texts.{language}"))
