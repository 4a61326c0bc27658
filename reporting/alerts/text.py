"""Writes the text of an incident's message, and drops the least important lines if it does not fit a caption."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reporting.alerts.lines import (
    CAUSE,
    DETAILS,
    KEPT,
    LINKS,
    LOSS,
    MORE_CAUSES,
    MORE_DETAILS,
    MORE_METRICS,
    Line,
    bold,
    fitted,
)
from reporting.alerts.model import Action, Alert, AlertMetric, Correction, Handling, instant
from reporting.causes import explanation_lines
from reporting.decoration import optional
from reporting.formatting import READABLE, change, known, value
from reporting.message import escape, link, parsed_length, shorten, utf16_length
from reporting.texts.base import Texts, inline

# More metrics never fit; a reply names fewer.
_METRICS_WRITTEN = 50
_METRICS_IN_A_REPLY = 5
_LABEL_LIMIT = 40
_WHY_LIMIT = 60
_LINKS_LIMIT = 240
_LOSSES_LIMIT = 200
_HANDLINGS_SHOWN = 4
_CORRECTIONS_SHOWN = 3


def title(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return one line that says what happened: the first metric, or the state of the incident."""
    if alert.status != "opened":
        return _status(alert, metrics, words)
    return _and_more(_headline(metrics[0], words), metrics, words)


def html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the longest text that fits, with the metrics in the given order."""
    head = [] if alert.status == "opened" else [Line(bold(_status(alert, metrics, words))), Line("")]
    tail = [Line(""), Line(f"<i>{escape(slot(alert, words))}</i>")]
    tail += link_lines(alert)
    lines = context(alert, words)
    if lines:
        lines.insert(0, Line(""))
    return fitted([*head, *_metric_lines(alert, metrics, words), *lines, *tail], len(metrics), words)


def context(alert: Alert, words: Texts) -> list[Line]:
    """Return the lines of late rows, causes, losses and pressed buttons."""
    return [
        *_late_lines(alert, words),
        *_cause_lines(alert, words),
        *_loss_lines(alert, words),
        *_handling_lines(alert, words),
    ]


def link_lines(alert: Alert) -> list[Line]:
    """Return the line of links; none if there are no links."""
    links = optional(f"links in {alert.message_key}", lambda: _links(alert.links))
    return [Line(links, LINKS)] if links else []


def reply_title(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the first line of a reply."""
    if alert.status == "no_data":
        since = _moment(alert.began, alert.slot_start, words)
        return words.still_no_data(since, shorten(alert.source, _LABEL_LIMIT), words.duration(alert.length))
    return _status(alert, metrics, words)


def reply_html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the text of a reply: duration, worst values, causes and losses."""
    lines = [Line(bold(reply_title(alert, metrics, words)))]
    for metric in metrics[:_METRICS_IN_A_REPLY]:
        depth = outcome(metric, words) if alert.is_about_rows else _worst(metric, alert.slot_start, words)
        if depth:
            lines.append(Line(escape(f"{label(metric)}: {depth}"), DETAILS))
    lines += [*_late_lines(alert, words), *_cause_lines(alert, words)[:1], *_loss_lines(alert, words)]
    if alert.status in ("new_normal", "false_alarm"):
        lines += _handling_lines(alert, words)[-1:]
    lines += [Line(""), Line(f"<i>{escape(_period(alert.began, alert.ended, words))}</i>")]
    return fitted(lines, 0, words)


def slot(alert: Alert, words: Texts) -> str:
    """Return the newest slot, e.g. "Monday, 2 November 2026, 14:15–14:30 (UTC+3)"; of what is over, when it was."""
    start, end = alert.slot_start, alert.slot_end
    if alert.is_over:
        return _period(alert.began, alert.ended, words)
    if start.utcoffset() != end.utcoffset():
        return _period(start, end, words)
    return f"{words.full_date(start)}, {start:%H:%M}–{end:%H:%M} ({_offset(start)})"


def label(metric: AlertMetric) -> str:
    """Return the label of a metric, with its slice if it is not the total."""
    part = f", {shorten(metric.part, _LABEL_LIMIT)}" if metric.part else ""
    return f"{shorten(metric.label, _LABEL_LIMIT)}{part}"


def outcome(metric: AlertMetric, words: Texts) -> str:
    """Return a metric's value beside its expectation, e.g. "0, expected 156 (-100%)"."""
    compared = _compared(metric, metric.value, metric.expected, words)
    if metric.state == "ended":
        return words.back_to_normal(compared)
    deviation = change(metric.kind, metric.value, metric.expected, words)
    return f"{compared} ({deviation})" if deviation else compared


def button_label(action: Action, mute: timedelta, words: Texts) -> str:
    """Return the label of a button; `mute` is the duration of a mute."""
    labels = {
        "acknowledge": words.ACKNOWLEDGE,
        "mute": words.mute(words.duration(mute)),
        "unmute": words.UNMUTE,
        "false_alarm": words.FALSE_ALARM,
        "new_normal": words.NEW_NORMAL,
        "reopen": words.REOPEN,
    }
    return labels[action]


def answer(action: Action, at: datetime, muted_until: datetime | None, is_over: bool, words: Texts) -> str:
    """Return what holds after a press; the parameters are those of `compose_answer`."""
    if action == "acknowledge":
        return words.ACKNOWLEDGED
    if is_over:
        return words.OVER
    held = {"false_alarm": words.FALSE_ALARM_HELD, "new_normal": words.NEW_NORMAL_HELD, "reopen": words.REOPENED_HELD}
    if action in held:
        return held[action]
    return words.muted(_moment(muted_until, at, words)) if muted_until else words.NOT_MUTED


def _status(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the state of an incident that was sent before."""
    names = _and_more(label(metrics[0]), metrics, words)
    began, ended = _ends(alert.began, alert.ended, alert.slot_start, words)
    source, length = shorten(alert.source, _LABEL_LIMIT), words.duration(alert.length)
    match alert.status:
        case "no_data":
            return words.no_data_since(_moment(alert.began, alert.slot_start, words), source)
        case "recovered":
            return f"{words.recovered(length)}: {names}"
        case "new_normal":
            return f"{words.NEW_NORMAL}: {names}"
        case "data_late":
            return words.data_was_late(began, ended, source)
        case "withdrawn":
            return f"{words.WITHDRAWN}: {names}"
        case "false_alarm":
            return f"{words.FALSE_ALARM}: {names}"
    return f"{words.goes_on(length)}: {names}"


def _and_more(first: str, metrics: Sequence[AlertMetric], words: Texts) -> str:
    return f"{first} {words.more(len(metrics) - 1)}" if len(metrics) > 1 else first


def _metric_lines(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> list[Line]:
    lines = []
    for index, metric in enumerate(metrics[:_METRICS_WRITTEN]):
        lines.append(Line(bold(_headline(metric, words)), MORE_METRICS if index else KEPT, 1))
        worst = "" if alert.is_about_rows else _worst(metric, alert.slot_start, words)
        details = escape(_details(metric, alert.slot_start, worst, words))
        lines.append(Line(details, MORE_DETAILS if index else DETAILS, 0))
    return lines


def _headline(metric: AlertMetric, words: Texts) -> str:
    return f"{label(metric)}: {outcome(metric, words)}"


def _details(metric: AlertMetric, slot_start: datetime, worst: str, words: Texts) -> str:
    parts = []
    # A symmetric band may go below zero; counts and ratios cannot.
    lower = value(metric.kind, max(0.0, metric.lower), words) if known(metric.lower) else ""
    upper = value(metric.kind, metric.upper, words) if known(metric.upper) else ""
    if lower or upper:
        parts.append(words.usual_range(lower, upper))
    if metric.until is not None:
        length = instant(metric.until) - instant(metric.since)
        parts.append(words.lasted(*_ends(metric.since, metric.until, slot_start, words), words.duration(length)))
    else:
        parts.append(words.since(_moment(metric.since, slot_start, words)))
    if worst:
        parts.append(worst)
    if metric.detector:
        parts.append(words.found_by(shorten(metric.detector, _LABEL_LIMIT)))
    return "; ".join(parts)


def _worst(metric: AlertMetric, slot_start: datetime, words: Texts) -> str:
    """Return the value furthest from its expectation, or "" if it is unknown or the newest one."""
    if metric.worst_at is None or (instant(metric.worst_at) == instant(slot_start) and metric.state != "ended"):
        return ""
    deviation = change(metric.kind, metric.worst_value, metric.worst_expected, words)
    compared = _compared(metric, metric.worst_value, metric.worst_expected, words)
    return words.worst(
        _moment(metric.worst_at, slot_start, words), f"{compared} ({deviation})" if deviation else compared
    )


def _compared(metric: AlertMetric, amount: float, expected: float, words: Texts) -> str:
    shown = value(metric.kind, amount, words) if known(amount) else words.NO_DATA
    return words.compared(shown, value(metric.kind, expected, words)) if known(expected) else shown


def _late_lines(alert: Alert, words: Texts) -> list[Line]:
    """Return when late rows last changed the incident, and what was told of it before."""
    if not (alert.late_until and alert.corrections):
        return []
    corrections = [_correction(item, words) for item in alert.corrections[:_CORRECTIONS_SHOWN]]
    moment = _moment(alert.late_until, alert.slot_start, words)
    return [Line(escape(words.late_until(moment, "; ".join(corrections))), LOSS)]


def _correction(item: Correction, words: Texts) -> str:
    told, worst = (
        change(item.kind, amount, expected, words) or value(item.kind, amount, words)
        for amount, expected in ((item.told, item.told_expected), (item.worst, item.worst_expected))
    )
    return words.corrected_worst(shorten(item.label, _LABEL_LIMIT), worst if known(item.worst) else "", told)


def _cause_lines(alert: Alert, words: Texts) -> list[Line]:
    what = f"cause in {alert.message_key}"
    causes = optional(what, lambda: explanation_lines(alert.causes, alert.splits, words)) or []
    return [Line(escape(line), MORE_CAUSES if index else CAUSE) for index, line in enumerate(causes)]


def _loss_lines(alert: Alert, words: Texts) -> list[Line]:
    return optional(f"losses in {alert.message_key}", lambda: _losses(alert, words)) or []


def _losses(alert: Alert, words: Texts) -> list[Line]:
    lost = [(loss.label, loss.amount) for loss in alert.losses if loss.amount < 0]
    gained = [(loss.label, loss.amount) for loss in alert.losses if loss.amount > 0]
    totals = ((_amounts(lost, words), words.lost), (_amounts(gained, words), words.gained))
    return [Line(escape(write(amounts, not alert.is_over)), LOSS) for amounts, write in totals if amounts]


def _handling_lines(alert: Alert, words: Texts) -> list[Line]:
    return [Line(escape(_handling(done, alert.slot_start, words))) for done in alert.handled[-_HANDLINGS_SHOWN:]]


def _amounts(losses: Sequence[tuple[str, float]], words: Texts) -> str:
    """Return the amounts in one line, as many as fit."""
    shown = ""
    for name, amount in losses:
        if not known(amount) or abs(amount) >= READABLE or round(amount) == 0:
            continue
        phrase = words.amount(shorten(name, _LABEL_LIMIT), words.number(round(amount), signed=True))
        if utf16_length(shown) + utf16_length(phrase) > _LOSSES_LIMIT:
            break
        shown = f"{shown}, {phrase}" if shown else phrase
    return shown


def _handling(done: Handling, slot_start: datetime, words: Texts) -> str:
    """Return which button was pressed, by whom and when, and why."""
    labels = {
        "acknowledge": words.ACKNOWLEDGED,
        "unmute": words.UNMUTED,
        "false_alarm": words.FALSE_ALARM,
        "new_normal": words.NEW_NORMAL,
        "reopen": words.REOPENED,
    }
    what = words.muted(_moment(done.until, slot_start, words)) if done.until else labels[done.action]
    why = f" ({shorten(done.why, _WHY_LIMIT)})" if done.why else ""
    return f"{inline(what)}: {shorten(done.user, _LABEL_LIMIT)}, {_moment(done.at, slot_start, words)}{why}"


def _links(links: Sequence[tuple[str, str]]) -> str:
    """Return the links in one line, as many as fit."""
    shown: list[str] = []
    for name, url in links:
        added = [*shown, link(shorten(name, _LABEL_LIMIT), url)]
        if parsed_length(" · ".join(added)) > _LINKS_LIMIT:
            break
        shown = added
    return " · ".join(shown)


def _offset(moment: datetime) -> str:
    """Return the offset of a moment, e.g. "UTC+3"."""
    minutes = round((moment.utcoffset() or timedelta()) / timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def _period(start: datetime, end: datetime, words: Texts) -> str:
    """Return a period with its date, and with both offsets if clocks change within it."""
    if start.utcoffset() != end.utcoffset():
        began = f"{words.full_date(start)}, {start:%H:%M} ({_offset(start)})"
        return f"{began} – {_moment(end, start, words)} ({_offset(end)})"
    return f"{words.full_date(start)}, {start:%H:%M}–{_moment(end, start, words)} ({_offset(start)})"


def _ends(start: datetime, end: datetime, near: datetime, words: Texts) -> tuple[str, str]:
    """Return both ends of a period, with their offsets if clocks change within it."""
    began, ended = (_moment(moment, near, words) for moment in (start, end))
    if start.utcoffset() != end.utcoffset():
        return f"{began} ({_offset(start)})", f"{ended} ({_offset(end)})"
    return began, ended


def _moment(moment: datetime, near: datetime, words: Texts) -> str:
    """Return the time of day, with the date if it is not the day of `near`."""
    clock = f"{moment:%H:%M}"
    return clock if moment.date() == near.date() else f"{words.short_date(moment)}, {clock}"
