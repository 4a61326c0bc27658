"""From an incident to its messages: the post that is edited while it lasts, and the replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pipeline import clock, settings, wording
from pipeline.actions import MUTE, Action
from pipeline.checks import Check, Watch, blocks
from pipeline.explaining import Explanation
from pipeline.history import Adjustment, Array, Part, Series
from pipeline.incidents import Incident, Member
from pipeline.metrics import BY_NAME

if TYPE_CHECKING:
    from reporting import alert
    from reporting.message import Message
    from reporting.texts.base import Texts

DRAWN_SLOTS = clock.SLOTS_A_DAY  # the last day
MOST_SHOWN = 6
"""An incident of more metrics or slices shows those that deviate furthest."""


@dataclass(frozen=True)
class Moment:
    """What is known when an incident is told of.

    Attributes
    ----------
    series : Series
        Up to the slot.
    checks : mapping
        Of the slot.
    watched : mapping
        By metric.
    adjustments : sequence of Adjustment
        What the slot was judged with.
    """

    series: Series
    checks: Mapping[Part, Check]
    watched: Mapping[str, Watch]
    adjustments: Sequence[Adjustment]


def message_key(incident: Incident) -> str:
    """What an incident's message is called."""
    metric, _, opened = incident.incident_id.partition(":")
    return f"alert-{opened}Z-{metric}"


def compose_post(
    incident: Incident, moment: Moment, explanation: Explanation | None, actions: Sequence[Action]
) -> "Message":
    """The living message as it should read now."""
    from reporting import alert
    from reporting.message import Button, Message, escape, parsed_length

    words = wording.load(settings.report().language)
    extra = [escape(line) for line in _story(incident, moment, explanation, actions, words)]
    shown = sorted(incident.shown, key=lambda member: -abs(member.worst))[:MOST_SHOWN]
    shown = [member for member in shown if member.part in moment.checks]
    for count in range(len(shown), 0, -1):
        composed = alert.compose(_alert(incident, shown[:count], moment), settings.report().language)
        head, _, tail = composed.html.rpartition("\n\n")
        html = "\n".join([head, *extra]) + "\n\n" + tail
        if parsed_length(html) <= alert.TEXT_LIMIT or count == 1:
            break
    buttons = () if incident.ended else _buttons(incident, words)
    return Message(
        message_key(incident), composed.title, html, composed.picture, tuple(Button(*button) for button in buttons)
    )


def compose_reply(incident: Incident, kind: str, moment: Moment) -> "Message":
    """A reply to the living message: that it is over, much worse, or still silent."""
    from reporting import texts
    from reporting.message import Message, escape

    words = wording.load(settings.report().language)
    phrases = texts.load(settings.report().language)
    start, end = clock.to_local(incident.opened), clock.to_local(incident.last_anomaly + clock.SLOT)
    times = {
        "start": _clock(start, end, phrases),
        "end": f"{end:%H:%M}",
        "length": phrases.duration(incident.last_anomaly + clock.SLOT - incident.opened),
        "what": _what(incident, words, phrases),
    }
    lines = []
    if kind == "close":
        outcome = {"new normal": words.new_normal, "late data": words.late_data}.get(incident.outcome, words.over)
        lines.append(outcome.format(**times))
        if incident.outcome != "late data" and (loss := _loss(incident, phrases)):
            lines.append(words.against.format(loss=loss))
    elif kind == "still silent" and incident.silent_since is not None:
        since = clock.to_local(incident.silent_since)
        length = phrases.duration(moment.series.slot + clock.SLOT - incident.silent_since)
        lines.append(words.still_silent.format(moment=_clock(since, end, phrases), length=length))
    else:
        lines.append(words.worse.format(**times))
    suffix = kind.replace(" ", "-")
    html = "\n".join([f"<b>{escape(lines[0])}</b>", *map(escape, lines[1:])])
    return Message(f"{message_key(incident)}-{suffix}", lines[0], html)


def _story(
    incident: Incident,
    moment: Moment,
    explanation: Explanation | None,
    actions: Sequence[Action],
    words: wording.Wording,
) -> list[str]:
    """What goes on, why, what it cost so far, and who said what."""
    from reporting import texts

    phrases = texts.load(settings.report().language)
    now = clock.to_local(moment.series.slot)
    lines = []
    if incident.silent_since is not None:
        lines.append(words.silent.format(moment=_clock(clock.to_local(incident.silent_since), now, phrases)))
    elif explanation is not None:
        lines += cause_lines(explanation)
    if incident.bad_slots > 1 and (loss := _loss(incident, phrases)):
        lines.append(words.so_far.format(loss=loss) if not incident.ended else words.against.format(loss=loss))
    for action in actions:
        at = clock.to_local(action.at)
        lines.append(
            words.receipts[action.action].format(
                person=action.person, moment=_clock(at, now, phrases), until=f"{at + MUTE:%H:%M}"
            )
        )
    return lines


def cause_lines(explanation: Explanation) -> list[str]:
    """What explains an incident, in one line or two."""
    from reporting import texts
    from reporting.message import shorten

    words, phrases = wording.load(settings.report().language), texts.load(settings.report().language)
    language = settings.report().language
    lines = []
    split = explanation.ratio
    if split is not None:
        change = split.numerator if split.side == "numerator" else split.denominator
        phrase = getattr(words, f"{split.side}_{'fell' if change < 0 else 'rose'}")
        lines.append(
            phrase.format(
                change=phrases.percent(change, 0, signed=True),
                numerator=BY_NAME["likes"].label_in(language),
                denominator=BY_NAME["views"].label_in(language),
            )
        )
        if split.mix_dimension:
            lines.append(words.mix.format(dimension=words.dimensions.get(split.mix_dimension, split.mix_dimension)))
    cause = explanation.cause
    if cause is None:
        return [*lines, words.nothing_explains] if not (split and split.mix_dimension) else lines
    named = {
        "dimension": words.dimensions.get(cause.dimension, cause.dimension),
        "values": ", ".join(shorten(value, 40) for value in cause.values),
        "change": phrases.percent(cause.change, 0, signed=True),
        "share": phrases.percent(cause.explained, 0),
    }
    if explanation.total_deviates:
        return [*lines, f"{words.explains.format(**named)} ({named['change']})"]
    return [*lines, words.only.format(**named)]


def _loss(incident: Incident, phrases: "Texts") -> str:
    """Events lost or gained so far, by metric: '-1,230 messages sent'."""
    language = settings.report().language
    events = {"views": "views", "likes": "likes", "ctr": "likes", "messages_sent": "messages_sent"}
    excess: dict[str, float] = {}
    for member in incident.members:
        metric = events.get(member.metric)
        has_total = any(other.part.is_total and other.metric == member.metric for other in incident.members)
        if metric and (member.part.is_total or not has_total) and abs(member.excess) > abs(excess.get(metric, 0.0)):
            excess[metric] = member.excess
    return ", ".join(
        f"{phrases.number(amount, signed=True)} {BY_NAME[metric].label_in(language).lower()}"
        for metric, amount in excess.items()
        if abs(amount) >= 1
    )


def _what(incident: Incident, words: wording.Wording, phrases: "Texts") -> str:
    member = max(incident.shown, key=lambda one: abs(one.worst))
    change = member.observed / member.expected - 1 if member.expected > 0 else member.worst
    return f"{_label(member, words)} {phrases.percent(change, 0, signed=True)}"


def _label(member: Member, words: wording.Wording) -> str:
    label = BY_NAME[member.metric].label_in(settings.report().language)
    if member.part.is_total:
        return label
    dimension = words.dimensions.get(member.dimension, member.dimension)
    return words.slice.format(metric=label, dimension=dimension, value=member.value)


def _clock(moment: datetime, now: datetime, phrases: "Texts") -> str:
    """The time of day, with the date where it is another day than now."""
    time = f"{moment:%H:%M}"
    return time if moment.date() == now.date() else f"{phrases.short_date(moment)}, {time}"


def _buttons(incident: Incident, words: wording.Wording) -> list[tuple[str, str]]:
    return [(label, f"{action}|{incident.incident_id}") for action, label in words.buttons.items()]


def _alert(incident: Incident, members: Sequence[Member], moment: Moment) -> "alert.Alert":
    from reporting import alert

    series = moment.series
    end = series.slot + clock.SLOT
    bands = _bands(series, [member.part for member in members], moment)
    watched = [moment.watched[member.metric] for member in members]
    return alert.Alert(
        slot_start=clock.to_local(series.slot),
        slot_end=clock.to_local(end),
        metrics=[_figures(incident, member, moment, bands[member.part]) for member in members],
        links=_links(watched, incident.opened, end),
    )


def _figures(
    incident: Incident, member: Member, moment: Moment, band: tuple[Array, Array, Array]
) -> "alert.AlertMetric":
    from reporting import alert

    series, check = moment.series, moment.checks[member.part]
    row = series.parts.index(member.part)
    drawn = [series.slot - back * clock.SLOT for back in range(DRAWN_SLOTS - 1, -1, -1)]
    over = incident.ended or member.last < series.slot
    state: alert.State = "ended" if over else "opened" if member.since == series.slot else "ongoing"
    expected, lower, upper = (series.in_real_time(array, DRAWN_SLOTS) for array in band)
    return alert.AlertMetric(
        name="-".join(member.part),
        label=_label(member, wording.load(settings.report().language)),
        kind=BY_NAME[member.metric].kind,
        state=state,
        value=check.value,
        expected=check.expected,
        lower=check.lower,
        upper=check.upper,
        since=clock.to_local(member.since),
        until=clock.to_local(member.last + clock.SLOT) if over else None,
        times=[clock.to_local(slot) for slot in drawn],
        values=series.in_real_time(series.values[row], DRAWN_SLOTS),
        band_expected=expected,
        band_lower=lower,
        band_upper=upper,
        detector=check.detector,
    )


def _bands(series: Series, parts: Sequence[Part], moment: Moment) -> dict[Part, tuple[Array, Array, Array]]:
    """Expected, lower and upper of every column, in the units of the part."""
    found = {}
    for block in blocks(series, list(moment.watched.values()), moment.adjustments, only=parts):
        bounds = block.detector.detect(block.values, block.denominators)
        for row, (part, window) in enumerate(block.keys):
            if window == 1:
                is_share = not part.is_total and BY_NAME[part.metric].kind == "count"
                scale = block.denominators[row] if is_share and block.denominators is not None else 1.0
                found[part] = tuple(array[row] * scale for array in (bounds.expected, bounds.lower, bounds.upper))
    return found


def _links(watched: Sequence[Watch], since: datetime, end: datetime) -> list[tuple[str, str]]:
    times = {
        name: quote(f"{clock.to_local(moment):%Y-%m-%d %H:%M}") for name, moment in (("start", since), ("end", end))
    }
    links = {}
    for watch in watched:
        for template in watch.settings.links:
            url = template.format(**times)
            links[url] = urlsplit(url).netloc or url
    return [(label, url) for url, label in links.items()]
