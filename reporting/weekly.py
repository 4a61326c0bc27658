"""Composes the weekly summary: how people rated the alerts, and settings that would avoid false alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reporting import texts
from reporting.errors import ReportingError
from reporting.message import Message, escape, shorten
from reporting.texts.base import Texts

METRICS_SHOWN = 10
_LABEL_LIMIT = 40
_VALUE_LIMIT = 200


@dataclass(frozen=True)
class Proposal:
    """A proposed setting and its effect in a replay of past days.

    Parameters
    ----------
    section, setting : str
        Its place in luigi.cfg: "metric.ctr", "detector_params".
    value, now : str
        Proposed and current value; `now` is empty if the setting is not in luigi.cfg.
    replayed_days : int
        Number of replayed days.
    messages_a_month : int
        Difference in messages a month: -7 is seven fewer.
    confirmed, missed : int
        Number of confirmed incidents of those days, and how many of them it would not have detected.
    """

    section: str
    setting: str
    value: str
    now: str
    replayed_days: int
    messages_a_month: int
    confirmed: int
    missed: int


@dataclass(frozen=True)
class WeeklySummary:
    """The data of the weekly summary.

    Parameters
    ----------
    first_day, last_day : date
        First and last day, in the analysts' time zone.
    incidents, messages : int
        Number of incidents, and of messages that notified people: posts and replies.
    confirmed : int
        Number of incidents that somebody acknowledged or marked as the new normal.
    false_alarms : sequence of (str, int)
        Label of a metric and number of its incidents that were marked as false alarms.
    proposals : sequence of Proposal
        Proposed settings.
    slots_checked, slots_expected : int
        Number of slots that the alerts checked, and number of slots of the week: 672, or 668 or 676 with a clock
        change. If 0 are expected, the line is left out.
    """

    first_day: date
    last_day: date
    incidents: int
    messages: int
    confirmed: int
    false_alarms: Sequence[tuple[str, int]] = ()
    proposals: Sequence[Proposal] = ()
    slots_checked: int = 0
    slots_expected: int = 0

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ReportingError(f"weekly summary: {self.last_day} is before {self.first_day}; swap them")


def message_key(last_day: date) -> str:
    """Return the key of the summary of a week."""
    return f"weekly_summary-{last_day.isoformat()}"


def compose(summary: WeeklySummary, language: str) -> Message:
    """Write the summary of a week.

    Parameters
    ----------
    summary : WeeklySummary
        The numbers.
    language : str
        Name of a module of `reporting.texts`.

    Returns
    -------
    Message
        A text without a picture.

    Raises
    ------
    SettingsError
        If the language is unknown.
    """
    words = texts.load(language)
    last_day = f"{words.short_date(summary.last_day)} {summary.last_day.year}"
    title = words.weekly_title(words.short_date(summary.first_day), last_day)
    lines = [f"<b>{escape(title)}</b>", ""]
    lines += [escape(line) for line in _outcome(summary, words)]
    if summary.slots_expected:
        checked = escape(words.slots_checked(summary.slots_checked, summary.slots_expected))
        lines.append(f"<b>{checked}</b>" if summary.slots_checked < summary.slots_expected else checked)
    for proposal in summary.proposals:
        lines += ["", f"<b>{escape(words.PROPOSAL)}</b>", *(escape(line) for line in _proposal(proposal, words))]
    return Message(key=message_key(summary.last_day), title=title, html="\n".join(lines))


def _outcome(summary: WeeklySummary, words: Texts) -> list[str]:
    lines = [f"{words.incidents(summary.incidents)}, {words.messages(summary.messages)}"]
    lines.append(words.confirmed(summary.confirmed))
    counts = sorted(summary.false_alarms, key=lambda labelled: -labelled[1])
    shown = [f"{shorten(label, _LABEL_LIMIT)} {words.number(count)}" for label, count in counts[:METRICS_SHOWN]]
    if len(counts) > METRICS_SHOWN:
        shown.append(words.more(len(counts) - METRICS_SHOWN))
    lines.append(words.false_alarms(sum(count for _, count in counts)) + (f" ({', '.join(shown)})" if shown else ""))
    return lines


def _proposal(proposal: Proposal, words: Texts) -> list[str]:
    """Return the line for luigi.cfg, and its effect."""
    now = f" ({words.now_set(shorten(proposal.now, _VALUE_LIMIT))})" if proposal.now else ""
    section, setting = (shorten(name, _LABEL_LIMIT) for name in (proposal.section, proposal.setting))
    return [
        f"[{section}] {setting} = {shorten(proposal.value, _VALUE_LIMIT)}{now}",
        words.replayed(proposal.replayed_days, proposal.messages_a_month, proposal.missed, proposal.confirmed),
    ]
