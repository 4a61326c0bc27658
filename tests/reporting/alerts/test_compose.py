import io
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reporting import texts
from reporting.alerts import text
from reporting.alerts.compose import compose, panel
from reporting.alerts.lines import TEXT_LIMIT
from reporting.causes import Cause
from reporting.errors import ReportingError
from reporting.message import parsed_length
from reporting.texts import en, ru
from tests.reporting.samples import HOSTILE, SLOT, alert, alert_metric
from tests.servers.bot_rules import parse_html

ENDED: dict[str, Any] = {
    "name": "likes",
    "label": "Likes",
    "state": "ended",
    "value": 150.0,
    "since": SLOT - timedelta(hours=2, minutes=15),
    "until": SLOT,
}


def test_the_whole_text_in_english() -> None:
    links = [("Dashboard", "https://bi.example/1?from=a&to=b")]
    ctr = alert_metric(
        name="ctr", label="CTR", kind="ratio", state="ongoing", value=0.25, expected=0.2, lower=0.19, upper=0.21
    )
    message = compose(alert(alert_metric(**ENDED), ctr, alert_metric(), links=links), "en")
    assert message.key == "alert-2026-11-02T1115Z"
    assert message.title == "🔴 Messages sent −100% and 2 more, ongoing for 2 h 30 min"
    assert message.plain == (
        "🔴 Messages sent −100% and 2 more, ongoing for 2 h 30 min\n\n"
        "Messages sent: 0, expected 156 (−100%)\n"
        "usually 120 to 190\n"
        "since 14:15\n"
        "CTR: 25.0%, expected 20.0% (+5.00\u00a0pp, +25.0%)\n"
        "usually 19.0% to 21.0%\n"
        "since 14:15\n"
        "Likes: 150, expected 156 (back to normal)\n"
        "12:00 to 14:15, lasted 2 h 15 min\n\n"
        "Monday, 2 November 2026, 12:00–14:30 (UTC+3)\n"
        "Dashboard"
    )
    assert '<a href="https://bi.example/1?from=a&amp;to=b">Dashboard</a>' in message.html


def test_the_whole_text_in_russian() -> None:
    message = compose(alert(alert_metric(label="Отправлено сообщений"), alert_metric(**ENDED)), "ru")
    assert message.title == "🔴 Отправлено сообщений −100\u00a0% и ещё 1, длится 2 ч 30 мин"
    assert message.plain == (
        "🔴 Отправлено сообщений −100\u00a0% и ещё 1, длится 2 ч 30 мин\n\n"
        "Отправлено сообщений: 0, ожидалось 156 (−100\u00a0%)\n"
        "обычно от 120 до 190\n"
        "с 14:15\n"
        "Likes: 150, ожидалось 156 (снова в норме)\n"
        "с 12:00 до 14:15, длилось 2 ч 15 мин\n\n"
        "понедельник, 2 ноября 2026, 12:00–14:30 (UTC+3)"
    )


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"value": 78.0}, "🔴 Messages sent −50.0%, ongoing for 15 min"),
        ({"value": 79.0}, "🟠 Messages sent −49.4%, ongoing for 15 min"),
        ({"value": 312.0}, "🔴 Messages sent +100%, ongoing for 15 min"),
        ({"value": 311.0}, "🟠 Messages sent +99.4%, ongoing for 15 min"),
        # A slice alone leaves the total in its range.
        ({"part": "os iOS"}, "🟠 Messages sent, os iOS −100%, ongoing for 15 min"),
        ({"kind": "ratio", "value": 0.149, "expected": 0.198}, "🟠 Messages sent −4.90\u00a0pp, ongoing for 15 min"),
        ({"value": 5.0, "expected": 0.0}, "🟠 Messages sent: 5, expected 0, ongoing for 15 min"),
        ({"value": math.nan}, "🟠 Messages sent: no data, expected 156, ongoing for 15 min"),
        ({"state": "ended", "until": SLOT}, "🟠 Messages sent: recovering, 15 min so far"),
    ],
)
def test_a_preview_of_forty_letters_shows_severity_metric_and_change(changes: dict[str, Any], title: str) -> None:
    metric = alert_metric(**changes)
    assert text.title(alert(metric), [metric], en) == title


def test_the_slices_that_explain_it_are_said_to_do_so() -> None:
    explained = replace(alert(alert_metric()), causes=[Cause("os", ["iOS"], 0.92)])
    assert text.culprit(explained, alert_metric(value=math.nan), en) == "explains 92%"
    both = replace(explained, causes=[Cause("os", ["iOS", "Android"], 0.92)])
    assert text.culprit(both, alert_metric(value=5.0, expected=math.nan), ru) == "5, объясняют 92\u00a0%"
    assert text.culprit(alert(alert_metric()), alert_metric(value=5.0, expected=8.0), en) == "5, expected 8 (−37.5%)"


def test_a_slot_that_still_receives_rows_is_told_as_not_final() -> None:
    metric = alert_metric(value=250.0)
    early = replace(alert(metric), is_final=False)
    assert text.html(early, [metric], en).split("\n")[:2] == [
        "<b>🟠 Messages sent +60.3% so far</b>",
        "not final: rows of this slot still arrive, so the number can only rise",
    ]
    assert "Messages sent +60,3\u00a0% на данный момент" in text.title(early, [metric], ru)


def test_minutes_that_deviate_are_told_also_when_they_are_over() -> None:
    minutes = SLOT + timedelta(minutes=5), SLOT + timedelta(minutes=10)
    empty = alert_metric(value=104.0, lower=98.0, minutes=minutes, minutes_value=0.0, minutes_expected=52.0)
    users = replace(empty, minutes_value=7.0, minutes_expected=math.nan, state="ended", until=minutes[1])
    for metric, words, told in (
        (empty, en, "between 14:20 and 14:25: 0, expected 52 (−100%)"),
        (empty, ru, "с 14:20 до 14:25: 0, ожидалось 52 (−100\u00a0%)"),
        (users, en, "between 14:20 and 14:25: 7"),
    ):
        assert told in text.html(alert(metric), [metric], words).split("\n")
    assert "between" not in text.html(alert(alert_metric()), [alert_metric()], en)


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"expected": 0.0, "value": 5.0}, "Messages sent: 5, expected 0"),
        ({"expected": math.nan, "value": 5.0}, "Messages sent: 5"),
        ({"value": math.nan}, "Messages sent: no data, expected 156"),
        ({"value": 312.0}, "Messages sent: 312, expected 156 (+100%)"),
        ({"label": "A: b", "value": 78.0}, "A: b: 78, expected 156 (−50.0%)"),
    ],
)
def test_headlines(changes: dict[str, Any], headline: str) -> None:
    assert compose(alert(alert_metric(**changes)), "en").plain.split("\n")[2] == headline


@pytest.mark.parametrize(
    ("lower", "upper", "english", "russian"),
    [
        (-5.0, 20.0, "usually 0 to 20", "обычно от 0 до 20"),
        (-math.inf, 20.0, "usually up to 20", "обычно не больше 20"),
        (3.0, math.inf, "usually at least 3", "обычно не меньше 3"),
        (math.nan, math.nan, "", ""),
    ],
)
def test_bands_of_every_shape(lower: float, upper: float, english: str, russian: str) -> None:
    metric = alert_metric(lower=lower, upper=upper)
    for language, fact in ((en, english), (ru, russian)):
        # Without a band an empty line follows the metric.
        assert text.html(alert(metric), [metric], language).split("\n")[3] == fact


def test_another_day_is_named() -> None:
    since = SLOT.replace(day=1, hour=23, minute=45)
    metrics = [alert_metric(since=since - timedelta(minutes=15)), alert_metric(since=since)]
    lines = text.html(alert(*metrics), metrics, en).split("\n")
    assert "since 1 Nov, 23:45" in lines
    assert lines[-1] == "<i>Sunday, 1 November 2026, 23:30 – 2 Nov, 14:30 (UTC+3)</i>"


def test_an_incident_across_a_clock_change_lasts_its_real_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    slot = datetime(2026, 10, 25, 4, 0, tzinfo=berlin)
    metric = alert_metric(slot, state="ended", since=datetime(2026, 10, 25, 1, 0, tzinfo=berlin), until=slot)
    text = compose(alert(metric, slot=slot), "en").plain
    assert "01:00 (UTC+2) to 04:00 (UTC+1), lasted 4 h" in text
    assert "01:00 (UTC+2) – 04:15 (UTC+1)" in text


@pytest.mark.parametrize(
    ("zone", "offset"), [("Asia/Kolkata", "UTC+5:30"), ("America/St_Johns", "UTC-3:30"), ("UTC", "UTC+0")]
)
def test_every_zone_has_a_name(zone: str, offset: str) -> None:
    slot = datetime(2026, 11, 2, tzinfo=ZoneInfo(zone))
    assert text.period(alert(alert_metric(slot), slot=slot), en) == f"Monday, 2 November 2026, 00:00–00:15 ({offset})"


def test_the_order_is_urgency_then_severity() -> None:
    metrics = [
        alert_metric(label="ended", state="ended", until=SLOT, value=9000.0),
        alert_metric(label="ongoing", state="ongoing", value=9000.0),
        alert_metric(label="mild", value=195.0),
        alert_metric(label="missing", value=math.nan),
        alert_metric(label="severe", value=0.0),
        alert_metric(label="no width", value=157.0, lower=156.0, upper=156.0),
    ]
    text = compose(alert(*metrics), "en").html
    order = [line.split(":")[0] for line in text.split("\n") if line.startswith("<b>")]
    assert order[1:] == [f"<b>{label}" for label in ("no width", "severe", "mild", "missing", "ongoing", "ended")]


@given(
    st.lists(
        st.tuples(st.text(), st.floats(), st.floats(), st.sampled_from(["opened", "ended"])), min_size=1, max_size=60
    ),
    st.lists(st.tuples(st.text(), st.text() | st.just("https://bi.example/" + "x" * 300)), max_size=10),
    st.sampled_from(["en", "ru"]),
)
@settings(max_examples=150)
def test_any_alert_fits_a_caption_that_telegram_accepts(
    rows: list[tuple[str, float, float, Any]], links: list[tuple[str, str]], language: str
) -> None:
    metrics = [
        alert_metric(name=str(index), label=label, value=value, expected=expected, state=state, until=SLOT)
        for index, (label, value, expected, state) in enumerate(rows)
    ]
    ordered = sorted(metrics, key=lambda metric: metric.name)
    html = text.html(alert(*metrics, links=links), ordered, texts.load(language))
    plain = parse_html(html)
    assert parsed_length(html) <= TEXT_LIMIT
    headlines = html.count("<b>") - 1  # the title
    assert headlines == len(metrics) or texts.load(language).more(len(metrics) - headlines) in plain


def test_a_crowded_alert_keeps_the_most_severe_and_counts_the_rest() -> None:
    metrics = [alert_metric(label=f"{index:02} {HOSTILE}", value=200.0 + index) for index in range(40)]
    message = compose(alert(*metrics, links=[(HOSTILE, "https://e.example")]), "ru")
    lines = message.plain.split("\n")
    assert lines[0].startswith("🟠 39 Robert")
    shown = sum("ожидалось" in line for line in lines)
    assert f"и ещё {40 - shown}" in lines
    assert 5 < shown < 40
    # One more would not fit.
    assert TEXT_LIMIT - 110 < parsed_length(message.html) <= TEXT_LIMIT


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"values": [1.0]}, "give the same"),
        ({"since": datetime(2026, 11, 2)}, "needs a time zone"),
        ({"minutes": (SLOT, datetime(2026, 11, 2))}, "needs a time zone"),
        ({"state": "ended", "until": None}, "needs `until`"),
    ],
)
def test_impossible_input_is_a_clear_error(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(ReportingError, match=error):
        alert_metric(**changes)


def test_an_alert_of_nothing_is_an_error() -> None:
    with pytest.raises(ReportingError, match="no metrics"):
        alert()


def size_of(picture: bytes | None) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture or b"")) as image:
        return image.size


@pytest.mark.parametrize("count", [1, 2, 4, 6, 30])
def test_pictures_of_any_number_of_metrics_stay_within_telegrams_limits(count: int) -> None:
    message = compose(alert(*[alert_metric(name=str(index)) for index in range(count)]), "en")
    width, height = size_of(message.picture)
    assert width == 1280
    assert 400 < height < 3000


def test_odd_histories_are_drawn() -> None:
    nothing: dict[str, Any] = {"times": [], "values": [], "band_expected": [], "band_lower": [], "band_upper": []}
    missing = np.full(97, np.nan)
    metrics = [
        alert_metric(**nothing),
        alert_metric(values=missing, band_expected=missing, band_lower=missing, band_upper=missing),
        alert_metric(band_lower=np.full(97, -np.inf), band_upper=np.full(97, np.inf)),
        alert_metric(values=np.zeros(97), band_expected=np.zeros(97), band_lower=np.zeros(97), band_upper=np.zeros(97)),
        alert_metric(values=np.full(97, 1e18), label=HOSTILE),
        alert_metric(kind="ratio", values=np.full(97, 0.2), band_lower=missing, band_upper=missing),
        alert_metric(points=1),
    ]
    assert size_of(compose(alert(*metrics), "ru").picture)[0] == 1280


def colours(picture: bytes | None, colour: tuple[int, int, int]) -> int:
    with Image.open(io.BytesIO(picture or b"")) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return int(np.all(np.abs(pixels - colour) < 3, axis=2).sum())


@pytest.mark.parametrize("language", texts.available())
@pytest.mark.parametrize("count", [1, 4])
def test_nothing_is_cut_at_the_edges_of_the_picture(language: str, count: int) -> None:
    long = [alert_metric(name=str(index), label=HOSTILE, value=123456789.0, kind="ratio") for index in range(count)]
    with Image.open(io.BytesIO(compose(alert(*long), language).picture or b"")) as image:
        pixels = np.asarray(image.convert("RGB"))
    for edge in (pixels[:, :6], pixels[:, -6:], pixels[:6], pixels[-6:]):
        assert (edge == 255).all()


def test_points_outside_of_the_band_are_marked() -> None:
    vermillion = (0xD5, 0x5E, 0x00)
    calm = compose(alert(alert_metric(values=np.full(97, 156.0))), "en").picture
    marked = compose(alert(alert_metric()), "en").picture
    values = np.full(97, 156.0)
    values[[70, 80, 90]] = 500.0
    three = compose(alert(alert_metric(values=values)), "en").picture
    in_legend = colours(calm, vermillion)
    assert colours(marked, vermillion) > in_legend + 100
    assert colours(three, vermillion) > in_legend + 100


@pytest.mark.parametrize(
    ("lasts", "drawn"),
    [
        (timedelta(minutes=15), timedelta(hours=8)),
        (timedelta(hours=6), timedelta(hours=10)),
        (timedelta(hours=12), timedelta(hours=20)),
        (timedelta(days=3), timedelta(hours=36)),
    ],
)
def test_the_picture_covers_eight_hours_and_the_incident(lasts: timedelta, drawn: timedelta) -> None:
    end = SLOT + timedelta(minutes=15)
    metric = alert_metric(points=500, since=end - lasts, before=[np.full(500, 150.0)] * 2)
    made = panel(alert(metric), metric, "", en)
    assert end - made.times[0] == drawn
    lengths = {len(made.times), *(len(series) for series in (made.values, made.upper, *made.before))}
    assert lengths == {drawn / timedelta(minutes=15)}


def test_the_time_axis_follows_the_local_clock_through_a_change() -> None:
    from matplotlib.figure import Figure

    from reporting.plots.time_axis import label_time

    slot = datetime(2026, 10, 25, 13, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    axis = Figure().subplots()
    label_time(axis, alert_metric(slot, points=97).times, en.short_date, most=9)
    assert [label.get_text() for label in axis.get_xticklabels()] == [
        "15:00", "18:00", "21:00", "25 Oct", "03:00", "06:00", "09:00", "12:00",
    ]  # fmt: skip
    # On that day, midnight to 03:00 takes four hours; all other labels are three hours apart.
    np.testing.assert_allclose(np.diff(axis.get_xticks()) * 24, [3, 3, 3, 4, 3, 3, 3], atol=1e-6)
