"""Makes the HTML of the status page: one file without anything from elsewhere, usable without its script."""

import functools
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from reporting import formatting, texts
from reporting.message import clean
from reporting.status import words as words_of
from reporting.status.facts import Facts, Load, Open, Past, Problem, Weeks
from reporting.status.words import Words
from reporting.texts.base import Texts

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent


def render(facts: Facts, language: str, zone: str) -> str:
    """Return the page.

    Parameters
    ----------
    facts : Facts
        What it shows.
    language : str
        One of `reporting.texts.available`.
    zone : str
        The time zone to show, an IANA name.
    """
    view = _View(facts, texts.load(language), words_of.load(language), ZoneInfo(zone))
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    style = (_FOLDER / "page.css").read_text(encoding="utf-8") + _filter_rules(len(view.filters))
    template = _environment().from_string((_FOLDER / "page.html").read_text(encoding="utf-8"))
    hashes = {"style_hash": _hash(style), "script_hash": _hash(script)}
    # In a strict policy these very texts are allowed, and no others.
    return template.render(view=view, facts=facts, w=view.w, language=language, style=style, script=script, **hashes)


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, StrictUndefined  # only a run that writes the page needs it

    # What is shown may come from the events, so it is cleaned of what would reorder the text around it.
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _filter_rules(count: int) -> str:
    """Return the rules that hide the rows of other metrics; they work without a script."""
    rules = (
        f"#alerts:has(#f{number}:checked) tbody tr:not(.m{number}){{display:none}}\n" for number in range(1, count)
    )
    return "".join(rules)


@dataclass(frozen=True)
class _View:
    """The facts as the template writes them: everything is a text in the language and zone of the page."""

    facts: Facts
    t: Texts
    w: Words
    zone: ZoneInfo

    @property
    def verdict(self) -> str:
        """The sentence on top."""
        if self.facts["well"]:
            return self.w.ALL_WELL
        return f"{self.w.NOT_WELL}: {self.w.problems(len(self.facts['problems']))}"

    @property
    def as_of(self) -> str:
        """When the page was written."""
        return self.w.as_of(f"{self._local(self.facts['now']):%Y-%m-%d %H:%M}", self.zone.key)

    @property
    def problems(self) -> list[str]:
        """What is not well."""
        return [self._problem(problem) for problem in self.facts["problems"]]

    def _problem(self, problem: Problem) -> str:
        w, subject, detail = self.w, problem["subject"], problem["detail"]
        at = self.moment(problem["at"]) if problem["at"] else ""
        match problem["kind"]:
            case "unreadable":
                return w.unreadable(detail)
            case "days":
                return w.days_missing(_ranges(subject.split(",")))
            case "run":
                return w.run_ended(subject, w.OUTCOMES[problem.get("outcome", "failed")], at, detail)
            case "unchecked":
                return w.unchecked()
            case "stalled":
                return w.stalled(at, self.age(problem["at"] or ""))
            case "incident":
                return w.untaken(self.labels(subject.split(",")), at)
            case "unsent":
                return w.unsent(subject, detail, at)
            case "undropped":
                return w.undropped()

    def handled(self, item: Open) -> str:
        """What people did about an incident."""
        taken = item["acknowledged_by"]
        named = ", ".join(filter(None, taken))
        parts = [self.w.taken_by(named) if named else self.w.TAKEN if taken else ""]
        parts += [self.w.muted_until(self.moment(item["muted_until"])) if item["muted_until"] else ""]
        parts += [self.w.MARKS.get(item["mark"], item["mark"]), "" if item["notified"] else self.w.NOT_TOLD]
        return ", ".join(filter(None, parts)) or self.w.NOBODY

    def happened(self, item: Open) -> str:
        """What an open incident is: since when, how bad, and whether rows are missing."""
        since = f"{self.moment(item['opened'])} ({self.age(item['opened'])})"
        silent = item["silent_since"]
        parts = [self.t.since(since), self.percent(item["worst"])]
        return ", ".join([*parts, *([self.w.silent_since(self.moment(silent))] if silent else [])])

    @property
    def state(self) -> list[tuple[str, list[str]]]:
        """The section of days and slots: a name and lines each."""
        facts = self.facts
        found: list[tuple[str, list[str]]] = []
        if days := facts["days"]:
            count, missing = self.t.number(days["loaded"]), _ranges(days["missing"])
            found.append((self.w.DAYS, [self.w.days_loaded(count, days["first"], days["last"], missing)]))
        if slots := facts["slots"]:
            newest = slots["newest_checked"]
            ended = self._local(newest) + timedelta(minutes=15)
            found.append((self.w.SLOTS, [self.w.checked(self.moment(newest), self._since(ended))]))
            known = {table: self._length(seconds) for table, seconds in slots["lag_seconds"].items() if seconds}
            lags = [self.w.grows(table, length) for table, length in known.items()]
            found.append((self.w.LAGS, lags))
        loads = [self._load(table, load) for table, load in facts["loads"].items() if load["delay_seconds"]]
        found.append((self.w.LOADS, loads))
        found.append((self.w.LEARNING, self._lacks()))
        return [row for row in found if row[1]]

    def _load(self, table: str, load: Load) -> str:
        lengths = self._length(load["interval_seconds"]), self._length(load["delay_seconds"] or 0)
        return self.w.loaded(table, *lengths, load["slots_are_checked"], load["overdue"])

    def _lacks(self) -> list[str]:
        alike: dict[tuple[int, int, str], list[str]] = {}
        for lack in self.facts["learning"]:
            alike.setdefault((lack["known_days"], lack["needed_days"], lack["checked_from"]), []).append(lack["metric"])
        return [self.w.lacks(self.labels(metrics), *numbers) for numbers, metrics in alike.items()]

    @property
    def filters(self) -> list[str]:
        """The choices of the filter: all, and each metric that had an alert."""
        return [self.w.EVERY_METRIC, *(self.labels([metric]) for metric in self._filtered)]

    @functools.cached_property
    def _filtered(self) -> list[str]:
        told = {metric for past in self.facts["history"] for metric in past["metrics"]}
        known = [metric for metric in self.facts["labels"] if metric in told]
        return [*known, *sorted(told.difference(known))]

    def classes(self, past: Past) -> str:
        """The classes by which the filter finds an alert."""
        return " ".join(f"m{self._filtered.index(metric) + 1}" for metric in past["metrics"])

    def lasted(self, past: Past) -> str:
        """How long an alert lasted, or lasts already."""
        end = self._local(past["until"] or self.facts["now"])
        return self.t.duration(end - self._local(past["opened"]))

    def link(self, key: str) -> str:
        """The address of a message; '' if the page of messages is elsewhere."""
        return f"{self.facts['messages']}#{quote(key)}" if self.facts["messages"] else ""

    def scale(self, weeks: Weeks) -> str:
        """The ends of the axis of a picture."""
        low, high = weeks["low"], weeks["high"]
        if low is None or high is None:
            return self.w.NO_VALUES
        return self.w.scale(*(formatting.value(weeks["format"], _rounded(end), self.t) for end in (low, high)))

    def weekdays(self, weeks: Weeks) -> list[str]:
        """The seven days of each row."""
        first = date.fromisoformat(weeks["days"][0])
        return [self.t.weekday(first + timedelta(days=day)) for day in range(7)]

    def row_labels(self, weeks: Weeks) -> list[str]:
        """The first day of each row."""
        return [self.t.short_date(date.fromisoformat(day)) for day in weeks["days"]]

    def labels(self, metrics: Sequence[str]) -> str:
        """The names of metrics for people."""
        return ", ".join(self.facts["labels"].get(metric, metric) for metric in metrics)

    def percent(self, change: float) -> str:
        """A deviation, signed."""
        return self.t.percent(change, 0, signed=True)

    def took(self, seconds: float) -> str:
        """How long a run took."""
        return f"{self.t.number(seconds, 1)} {self.w.SECONDS}" if seconds < 60 else self._length(seconds)

    def moment(self, at: str) -> str:
        """A moment in the zone: the day is left out today, the year within this one."""
        local, now = self._local(at), self._local(self.facts["now"])
        if local.date() == now.date():
            return f"{local:%H:%M}"
        day = self.t.short_date(local) + (f" {local.year}" if local.year != now.year else "")
        return f"{day} {local:%H:%M}"

    def age(self, at: str) -> str:
        """How long ago a moment is."""
        return self._since(self._local(at))

    def _since(self, moment: datetime) -> str:
        minutes = max(self._local(self.facts["now"]) - moment, timedelta()) // timedelta(minutes=1)
        hours = minutes // 60
        # Minutes of a day ago would suggest that they matter.
        return self.t.duration(timedelta(hours=hours) if hours >= 24 else timedelta(minutes=minutes))

    def _length(self, seconds: float) -> str:
        return self.t.duration(timedelta(seconds=seconds))

    def _local(self, at: str) -> datetime:
        return datetime.fromisoformat(at).astimezone(self.zone)


def _rounded(amount: float) -> float:
    """Round the end of an axis, which is no measured number, to two digits."""
    return float(f"{amount:.2g}")


def _ranges(days: Iterable[str]) -> str:
    return formatting.ranges(map(date.fromisoformat, days), " – ")
