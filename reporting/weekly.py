"""The weekly summary: what people made of the alerts, and a setting that would have spared them the false ones."""

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
    """A setting to change, and what it would have done.

    Parameters
    ----------
    section, setting : str
        Where it stands in luigi.cfg: "metric.ctr", "detector_params".
    value, now : str
        What to write there, and what is there; `now` is empty where nothing is.
    replayed_days : int
        How many days were run through the checks again with it.
    messages_a_month : int
        How many more messages a month it would have sent: -7 is seven less.
    confirmed, missed : int
        Incidents of those days that people confirmed, and how many of them it would not have told of.
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
    """What the weekly summary tells.

    Parameters
    ----------
    first_day, last_day : date
        The week, in the analysts' zone.
    incidents, messages : int
        How many there were, and how many messages made a sound: posts and replies.
    confirmed : int
        Incidents that somebody acknowledged, or that became the new normal.
    false_alarms : sequence of (str, int)
        Label of the metric and how many of its incidents were called false alarms.
    proposals : sequence of Proposal
        What could be changed.
    """

    first_day: date
    last_day: date
    incidents: int
    messages: int
    confirmed: int
    false_alarms: Sequence[tuple[str, int]] = ()
    proposals: Sequence[Proposal] = ()

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ReportingError(f"weekly summary: {self.last_day} is before {self.first_day}; swap them")


def compose(summary: WeeklySummary, language: str) -> Message:
    """Write the summary of one week.

    Parameters
    ----------
    summary : WeeklySummary
        The numbers.
    language : str
        A file of `reporting.texts`.

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
    for proposal in summary.proposals:
        lines += ["", f"<b>{escape(words.PROPOSAL)}</b>", *(escape(line) for line in _proposal(proposal, words))]
    return Message(key=f"weekly_summary-{summary.last_day}", title=title, html="\n".join(lines))


def _outcome(summary: WeeklySummary, words: Texts) -> list[str]:
    lines = [f"{words.incidents(summary.incidents)}, {words.messages(summary.messages)}"]
    lines.append(words.confirmed(summary.confirmed))
    often = sorted(summary.false_alarms, key=lambda counted: -counted[1])
    named = [f"{shorten(label, _LABEL_LIMIT)} {words.number(count)}" for label, count in often[:METRICS_SHOWN]]
    if len(often) > METRICS_SHOWN:
        named.append(words.more(len(often) - METRICS_SHOWN))
    lines.append(words.false_alarms(sum(count for _, count in often)) + (f" ({', '.join(named)})" if named else ""))
    return lines


def _proposal(proposal: Proposal, words: Texts) -> list[str]:
    """Return the line for luigi.cfg as it is to be written there, and what it would have done."""
    now = f" ({words.now_set(shorten(proposal.now, _VALUE_LIMIT))})" if proposal.now else ""
    section, setting = (shorten(name, _LABEL_LIMIT) for name in (proposal.section, proposal.setting))
    return [
        f"[{section}] {setting} = {shorten(proposal.value, _VALUE_LIMIT)}{now}",
        words.replayed(proposal.replayed_days, proposal.messages_a_month, proposal.missed, proposal.confirmed),
    ]
