"""Writes the text of the morning report."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from reporting.causes import Cause, explanation_lines
from reporting.daily.model import Correction, DailyMetric, DailyReport, DayIncident, Gap, MonthSoFar
from reporting.decoration import optional
from reporting.formatting import change, known, value
from reporting.message import escape, link, parsed_length, shorten
from reporting.texts.base import Texts, inline

CORRECTIONS_SHOWN = 2
INCIDENTS_SHOWN = 6
CAPTION_LENGTH = 1024
"""The longest caption of a photo in Telegram; what is longer would be a second message."""
LABEL_LIMIT = 40
_SHORT_LABEL_LIMIT = 20


def html(report: DailyReport, words: Texts) -> str:
    """Return the text."""
    lines = [f"<b>{escape(title(report, words))}</b>", ""]
    corrected = [_corrected(correction, words) for correction in report.corrections[-CORRECTIONS_SHOWN:]]
    if any(corrected):
        lines += [*(f"<i>{escape(line)}</i>" for line in corrected if line), ""]
    gaps = dict.fromkeys(metric.gaps[report.day] for metric in report.metrics if report.day in metric.gaps)
    if gaps:
        lines += [*(f"<b>{escape(_missing_rows(gap, report.day, words))}</b>" for gap in gaps), ""]
    if report.without_actions:
        source = shorten(report.without_actions, LABEL_LIMIT)
        lines += [f"<b>{escape(words.no_actions_on(words.short_date(report.day), source))}</b>", ""]
    for metric in report.metrics:
        label, today = shorten(metric.label, LABEL_LIMIT), value_of(metric, report.day, words)
        lines.append(f"<b>{escape(label)}: {escape(today)}</b>")
        if report.day not in metric.gaps:
            lines.append(escape(changes(metric, report.day, words)))
    if report.month:
        lines += ["", *_month_lines(report.month, words)]
    what = f"cause in the report of {report.day}"
    explained = optional(what, lambda: explanation_lines(_compared(report, words), report.splits, words))
    if explained:
        lines += ["", *(escape(line) for line in explained)]
    checked = escape(words.slots_checked(report.slots_checked, report.slots_expected))
    if report.slots_checked < report.slots_expected:
        checked = f"<b>{checked}</b>"
    lines += ["", f"{checked}, {escape(words.alerts(report.alerts))}"]
    what = f"incidents in the report of {report.day}"
    return "\n".join([*lines, *(optional(what, lambda: _incident_lines(report, lines, words)) or ())])


def _compared(report: DailyReport, words: Texts) -> list[Cause]:
    """Name in each cause also the day with which its metric is compared."""
    compared = words.vs_last(report.day)
    return [
        replace(cause, metric=f"{shorten(cause.metric, _SHORT_LABEL_LIMIT)} {compared}") if cause.metric else cause
        for cause in report.causes
    ]


def _month_lines(month: MonthSoFar, words: Texts) -> list[str]:
    span, before = _span(month.first, month.last, words), _span(month.first_before, month.last_before, words)
    lines = [f"<b>{escape(words.month_so_far(span, before))}</b>"]
    for label, kind, amount, reference in month.metrics:
        parts = [value(kind, amount, words), change(kind, amount, reference, words)]
        lines.append(escape(f"{shorten(label, LABEL_LIMIT)}: {', '.join(filter(None, parts))}"))
    return lines


def _span(first: date, last: date, words: Texts) -> str:
    """Return the days of a month: "1–11 Nov"."""
    return words.short_date(last) if first == last else f"{first.day}–{words.short_date(last)}"


def _incident_lines(report: DailyReport, above: Sequence[str], words: Texts) -> list[str]:
    """Write the incidents for which the caption has room, and how many more there are."""
    written = [_incident(incident, report.day, words) for incident in report.incidents]
    shown = min(len(written), INCIDENTS_SHOWN)
    while shown:
        rest = len(written) - shown
        lines = [*written[:shown], *([escape(words.more(rest))] if rest else [])]
        if parsed_length("\n".join([*above, *lines])) <= CAPTION_LENGTH:
            return lines
        shown -= 1
    return []


def _incident(incident: DayIncident, day: date, words: Texts) -> str:
    """Return e.g. "• 12:00–13:15 Views: −53% at the worst", with the label as the link to the message."""
    start, end = incident.start, incident.end
    if incident.is_of_days:
        days = dict.fromkeys([start.date(), end.date() if end else start.date()])
        span = "–".join(words.short_date(each) for each in days)
    else:
        span = _moment(start, day, words)
        span = f"{span}–{_moment(end, start.date(), words)}" if end else words.since(span)
    label = link(shorten(incident.label, LABEL_LIMIT), incident.link)
    parts = [words.at_worst(words.percent(incident.worst, signed=True))] if known(incident.worst) else []
    parts += [words.more(incident.others)] if incident.others else []
    parts += [] if end else [words.STILL_OPEN]
    return f"• {escape(span)} {label}" + (f": {escape(', '.join(parts))}" if parts else "")


def _moment(moment: datetime, day: date, words: Texts) -> str:
    return f"{moment:%H:%M}" if moment.date() == day else f"{words.short_date(moment.date())} {moment:%H:%M}"


def _corrected(correction: Correction, words: Texts) -> str:
    """Write what a correction changed; '' if no number is written otherwise than before."""
    changes = []
    for label, kind, *values in correction.changes:
        before, after = (value(kind, amount, words) for amount in values)
        if before != after:
            changes.append(f"{shorten(inline(label), _SHORT_LABEL_LIMIT)} {before} → {after}")
    moment = f"{words.short_date(correction.at.date())} {correction.at:%H:%M}"
    return words.corrected(moment, ", ".join(changes)) if changes else ""


def _missing_rows(gap: Gap, day: date, words: Texts) -> str:
    source = shorten(gap.source, LABEL_LIMIT)
    if gap.rows:
        return words.few_rows_on(words.short_date(day), source, words.number(gap.rows), words.number(gap.usual))
    return words.no_data_on(words.short_date(day), source, gap.start, gap.end)


def value_of(metric: DailyMetric, day: date, words: Texts) -> str:
    """Write the value of a day, and what of the day it lacks."""
    written, gap = value(metric.kind, metric.values.get(day), words), metric.gaps.get(day)
    if gap is None:
        return written
    if gap.is_empty:
        return words.NO_DATA
    return f"{written} {words.until(gap.start)}" if gap.start and not gap.end else f"{written} ({words.INCOMPLETE})"


def changes(metric: DailyMetric, day: date, words: Texts, brief: bool = False) -> str:
    """Write the changes from the day before and from the same weekday a week before."""
    changes = []
    for name, days in ((words.VS_YESTERDAY, 1), (words.vs_last(day), 7)):
        before = metric.comparable(day - timedelta(days=days))
        changed = change(metric.kind, metric.values.get(day), before, words, brief)
        changes.append(f"{name}: {changed or words.MISSING}")
    return "; ".join(changes)


def title(report: DailyReport, words: Texts) -> str:
    """Write the title."""
    return words.report_title(words.full_date(report.day))
