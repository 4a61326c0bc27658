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
# They begin a title, so that they are seen in the preview of a notification.
_SEVERE, _LASTING, _OVER = "\U0001f534", "\U0001f7e0", "\u2705"


def title(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return one line: how severe it is, which metric deviates by how much, and for how long."""
    return f"{sign(alert)} {_verdict(alert, metrics, words)}"


def html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the longest text that fits, with the metrics in the given order."""
    head = [bold(title(alert, metrics, words)), *map(escape, _remarks(alert, words)), ""]
    lines = context(alert, words)
    if lines:
        lines.insert(0, Line(""))
    tail = [Line(""), Line(f"<i>{escape(period(alert, words))}</i>"), *link_lines(alert)]
    return fitted([*map(Line, head), *_metric_lines(alert, metrics, words), *lines, *tail], len(metrics), words)


def sign(alert: Alert) -> str:
    """Return the sign of what lasts, of what lasts and is severe, or of what is over."""
    if alert.is_over:
        return _OVER
    return _SEVERE if alert.is_severe else _LASTING


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
        source = shorten(alert.source, _LABEL_LIMIT)
        return f"{sign(alert)} {words.still_no_data(source, words.duration(alert.length))}"
    if alert.status == "growing":
        return f"{sign(alert)} {words.worse(_verdict(alert, metrics, words))}"
    return title(alert, metrics, words)


def reply_html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the text of a reply: duration, worst values, causes and losses."""
    lines = [Line(bold(reply_title(alert, metrics, words))), *map(Line, map(escape, _remarks(alert, words)))]
    for metric in metrics[:_METRICS_IN_A_REPLY]:
        if alert.is_about_rows or alert.status == "growing":
            lines.append(Line(escape(headline(metric, words)), DETAILS))
            if alert.status == "growing" and known(metric.told):
                lines.append(Line(escape(words.told_before(words.percent(metric.told, signed=True))), DETAILS))
        elif worst := _worst(metric, alert.slot_start, words):
            lines.append(Line(escape(f"{label(metric)}, {worst}"), DETAILS))
    lines += [*_late_lines(alert, words), *_cause_lines(alert, words)[:1], *_loss_lines(alert, words)]
    if alert.status in ("new_normal", "false_alarm"):
        lines += _handling_lines(alert, words)[-1:]
    lines += [Line(""), Line(f"<i>{escape(period(alert, words))}</i>")]
    return fitted(lines, 0, words)


def period(alert: Alert, words: Texts) -> str:
    """Return when the incident was, until now or until its end: "Monday, 2 November 2026, 14:15–15:00 (UTC+3)"."""
    return f"{words.full_date(alert.began)}, {_hours(alert, words)}"


def picture_title(alert: Alert, words: Texts) -> str:
    """Return the same in fewer letters: "Mon 2 Nov, 14:15–15:00 (UTC+3)"."""
    return f"{words.weekday(alert.began)} {words.short_date(alert.began)}, {_hours(alert, words)}"


def label(metric: AlertMetric) -> str:
    """Return the label of a metric, with its slice if it is not the total."""
    part = f", {shorten(metric.part, _LABEL_LIMIT)}" if metric.part else ""
    return f"{shorten(metric.label, _LABEL_LIMIT)}{part}"


def outcome(metric: AlertMetric, words: Texts) -> str:
    """Return a metric's value beside its expectation, e.g. "0, expected 156 (-100%)"."""
    if metric.state == "ended":
        return words.back_to_normal(_compared(metric, metric.value, metric.expected, words))
    return _with_change(metric, metric.value, metric.expected, words)


def moved(metric: AlertMetric, words: Texts) -> str:
    """Return a metric and its change, e.g. "Views -53.1%", or its value if there is no change to write."""
    if deviation := change(metric.kind, metric.value, metric.expected, words, brief=True):
        return f"{label(metric)} {deviation}"
    return headline(metric, words)


def culprit(alert: Alert, slices: AlertMetric, words: Texts) -> str:
    """Return what is said of the slices that explain an incident: their value, and how much they explain."""
    shown = [outcome(slices, words)] if known(slices.value) else []
    for cause in alert.causes[:1]:
        share = words.percent(cause.explained, 0)
        shown.append(words.explains("", share, len(cause.values) > 1).strip())
    return ", ".join(shown)


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


def verdict(alert: Alert, metrics: Sequence[AlertMetric], length: str, words: Texts) -> str:
    """Return what holds of an incident that lasts for a time, or did; the rows of a table apart."""
    names, changed = (and_more(shown, metrics, words) for shown in (label(metrics[0]), moved(metrics[0], words)))
    match alert.status:
        case "recovered":
            return words.recovered(names, length)
        case "new_normal":
            return f"{words.NEW_NORMAL}: {changed}"
        case "withdrawn":
            return f"{words.WITHDRAWN}: {names}"
        case "false_alarm":
            return f"{words.FALSE_ALARM}: {names}"
    return words.recovering(names, length) if metrics[0].state == "ended" else words.ongoing(changed, length)


def _verdict(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    source = shorten(alert.source, _LABEL_LIMIT)
    if alert.status == "no_data":
        return words.no_data_since(_moment(alert.began, alert.slot_start, words), source)
    if alert.status == "data_late":
        return words.data_was_late(*_ends(alert.began, alert.ended, alert.slot_start, words), source)
    if not alert.is_final:
        return words.so_far(and_more(moved(metrics[0], words), metrics, words))
    return verdict(alert, metrics, words.duration(alert.length), words)


def _remarks(alert: Alert, words: Texts) -> list[str]:
    """Return what must be known beside the title."""
    remarks = {"no_data": words.WHY_NO_DATA, "withdrawn": words.WRONG_CLOCK}
    found = [remarks[alert.status]] if alert.status in remarks else []
    return found if alert.is_final else [*found, words.NOT_FINAL]


def and_more(first: str, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return what is said of the first metric, and how many others there are."""
    return f"{first} {words.more(len(metrics) - 1)}" if len(metrics) > 1 else first


def _metric_lines(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> list[Line]:
    lines = []
    for index, metric in enumerate(metrics[:_METRICS_WRITTEN]):
        lines.append(Line(bold(headline(metric, words)), MORE_METRICS if index else KEPT, 1))
        rank = MORE_DETAILS if index else DETAILS
        lines += [Line(escape(fact), rank, 0) for fact in _facts(alert, metric, words)]
    return lines


def headline(metric: AlertMetric, words: Texts) -> str:
    """Return a metric beside its expectation, e.g. "Messages sent: 0, expected 156 (-100%)"."""
    return f"{label(metric)}: {outcome(metric, words)}"


def _facts(alert: Alert, metric: AlertMetric, words: Texts) -> list[str]:
    """Return the facts about a metric. A time that is the incident's own is left out: the last line says it."""
    facts = [_minutes(metric, alert.slot_start, words), usual_range(metric, words)]
    if metric.until is None and instant(metric.since) != instant(alert.began):
        facts.append(words.since(_moment(metric.since, alert.slot_start, words)))
    if metric.until is not None and not _is_all_of(alert, metric.since, metric.until):
        length = instant(metric.until) - instant(metric.since)
        facts.append(words.lasted(*_ends(metric.since, metric.until, alert.slot_start, words), words.duration(length)))
    if not alert.is_about_rows:
        facts.append(_worst(metric, alert.slot_start, words))
    return [fact for fact in facts if fact]


def _is_all_of(alert: Alert, since: datetime, until: datetime) -> bool:
    """Whether a period is the incident's own."""
    return (instant(since), instant(until)) == (instant(alert.began), instant(alert.ended))


def usual_range(metric: AlertMetric, words: Texts) -> str:
    """Return the band of a metric that deviates; '' if it is unknown or no longer of interest."""
    # A symmetric band may go below zero; counts and ratios cannot.
    lower = value(metric.kind, max(0.0, metric.lower), words) if known(metric.lower) else ""
    upper = value(metric.kind, metric.upper, words) if known(metric.upper) else ""
    return words.usual_range(lower, upper) if metric.state != "ended" and (lower or upper) else ""


def _worst(metric: AlertMetric, slot_start: datetime, words: Texts) -> str:
    """Return the value furthest from its expectation, or "" if it is unknown or the newest one."""
    if metric.worst_at is None or (instant(metric.worst_at) == instant(slot_start) and metric.state != "ended"):
        return ""
    when = words.at(_moment(metric.worst_at, slot_start, words))
    return words.worst(when, worst_outcome(metric, words))


def _minutes(metric: AlertMetric, slot_start: datetime, words: Texts) -> str:
    """Return what the metric was in the minutes that deviate; '' if it is not a matter of minutes."""
    if metric.minutes is None:
        return ""
    start, end = _ends(*metric.minutes, slot_start, words)
    return words.between(start, end, _with_change(metric, metric.minutes_value, metric.minutes_expected, words))


def worst_outcome(metric: AlertMetric, words: Texts) -> str:
    """Return the value that was furthest from its expectation, beside it."""
    return _with_change(metric, metric.worst_value, metric.worst_expected, words)


def _with_change(metric: AlertMetric, amount: float, expected: float, words: Texts) -> str:
    compared = _compared(metric, amount, expected, words)
    deviation = change(metric.kind, amount, expected, words)
    return f"{compared} ({deviation})" if deviation else compared


def _compared(metric: AlertMetric, amount: float, expected: float, words: Texts) -> str:
    shown = value(metric.kind, amount, words) if known(amount) else words.NO_DATA
    return words.compared(shown, value(metric.kind, expected, words)) if known(expected) else shown


def _late_lines(alert: Alert, words: Texts) -> list[Line]:
    """Return when late rows last changed the incident, and what was told of it before."""
    if not (alert.late_until and alert.corrections):
        return []
    head = words.late_until(_moment(alert.late_until, alert.slot_start, words))
    corrections = [_correction(item, words) for item in alert.corrections[:_CORRECTIONS_SHOWN]]
    return [Line(escape(line), LOSS) for line in (head, *corrections)]


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
    """Return the amounts without their signs in one line, as many as fit."""
    shown = ""
    for name, amount in losses:
        if not known(amount) or abs(amount) >= READABLE or round(amount) == 0:
            continue
        phrase = words.amount(shorten(name, _LABEL_LIMIT), words.number(abs(round(amount))))
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


def _hours(alert: Alert, words: Texts) -> str:
    """Return the hours of an incident, with both offsets if clocks change within it."""
    start, end = alert.began, alert.ended
    if start.utcoffset() != end.utcoffset():
        return f"{start:%H:%M} ({_offset(start)}) – {_moment(end, start, words)} ({_offset(end)})"
    dash = "–" if start.date() == end.date() else " – "
    return f"{start:%H:%M}{dash}{_moment(end, start, words)} ({_offset(start)})"


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
