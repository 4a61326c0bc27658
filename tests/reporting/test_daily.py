import io
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reporting import daily, texts
from reporting.causes import Cause, RatioSplit
from reporting.daily import Correction, DailyMetric, DayIncident, Gap, MonthSoFar, compose
from reporting.errors import ReportingError, SettingsError
from reporting.message import parsed_length
from tests.reporting.samples import DAY, HOSTILE, MOSCOW, days, report
from tests.servers.bot_rules import parse_html

DAU = DailyMetric("dau", "DAU", "count", days(10_000, 1, 1, 1, 1, 1, 20_000, 21_000))
# Without the letters of "nan", so that a written "nan" can be detected.
LABELS = st.text(st.characters(exclude_characters="nN"))
CTR = DailyMetric("ctr", "CTR", "ratio", days(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, None, 0.21))


def test_the_whole_text_in_english() -> None:
    message = compose(report(DAU, CTR), "en")
    assert message.key == "daily_report-2026-11-01"
    assert message.title == "Daily report: Sunday, 1 November 2026"
    assert message.plain == (
        "Daily report: Sunday, 1 November 2026\n\n"
        "DAU: 21,000\nvs yesterday: +5.0%; vs last Sunday: +110.0%\n"
        "CTR: 21.0%\nvs yesterday: -; vs last Sunday: +1.00\u00a0pp, +5.0%\n\n"
        "96 of 96 slots checked, 2 alerts"
    )


def test_the_whole_text_in_russian() -> None:
    assert compose(report(DAU, CTR, alerts=5), "ru").plain == (
        "Отчёт за день: воскресенье, 1 ноября 2026\n\n"
        "DAU: 21\u00a0000\nк вчера: +5,0\u00a0%; к прошлому воскресенью: +110,0\u00a0%\n"
        "CTR: 21,0\u00a0%\nк вчера: -; к прошлому воскресенью: +1,00\u00a0п.п., +5,0\u00a0%\n\n"
        "проверено интервалов: 96 из 96, 5 алертов"
    )


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "No row for 1 Nov in feed & actions is a view or a like: do the actions have other names?"),
        ("ru", "За 1 ноя в feed & actions ни одна строка не просмотр и не лайк: действия называются иначе?"),
    ],
)
def test_a_day_without_views_and_likes_is_said_above_the_numbers(language: str, says: str) -> None:
    lines = compose(replace(report(DAU), without_actions="feed & actions"), language).plain.split("\n\n")
    assert lines[1] == says
    assert lines[2].startswith("DAU: 21")


def test_what_explains_the_biggest_change_is_said_below_the_numbers() -> None:
    explained = replace(
        report(CTR),
        causes=[Cause("os", ["iOS"], 0.93, "CTR")],
        splits=[RatioSplit("CTR", "Likes", "Views", -0.3, 0.01)],
    )
    assert (
        "vs last Sunday: +1.00\u00a0pp, +5.0%\n\nCTR vs last Sunday: os iOS explains 93%\n"
        "CTR: likes fell (−30.0%), views +1.0%\n\n96 of 96 slots checked" in compose(explained, "en").plain
    )
    assert "\n\nни один срез не выделяется\n\n" in compose(replace(report(CTR), causes=[Cause()]), "ru").plain


def moscow(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=MOSCOW)


INCIDENTS = [
    DayIncident("Views, os iOS", -0.1234, datetime(2026, 10, 31, 23, 30, tzinfo=MOSCOW), moscow(1, 0, 45), others=2),
    DayIncident("CTR", 0.4, moscow(1, 12), moscow(1, 13, 15), link="https://t.me/c/1/7"),
    DayIncident("Likes", -0.05, moscow(1, 0), moscow(1, 0), is_of_days=True),
    DayIncident("Messages <sent>", math.nan, moscow(2, 8, 15)),
]


def test_incidents_of_the_day_are_a_line_each_with_a_link() -> None:
    told = compose(replace(report(DAU), incidents=INCIDENTS), "en")
    assert told.html.partition("96 of 96 slots checked, 2 alerts\n")[2] == (
        "• 31 Oct 23:30–1 Nov 00:45 Views, os iOS: −12.3% at the worst, and 2 more\n"
        '• 12:00–13:15 <a href="https://t.me/c/1/7">CTR</a>: +40.0% at the worst\n'
        "• 1 Nov Likes: −5.0% at the worst\n"
        "• since 2 Nov 08:15 Messages &lt;sent&gt;: still open"
    )
    assert compose(replace(report(DAU), incidents=INCIDENTS), "ru").plain.endswith(
        "• 31 окт 23:30–1 ноя 00:45 Views, os iOS: −12,3\u00a0% в худший момент, и ещё 2\n"
        "• 12:00–13:15 CTR: +40,0\u00a0% в худший момент\n"
        "• 1 ноя Likes: −5,0\u00a0% в худший момент\n"
        "• с 2 ноя 08:15 Messages <sent>: ещё открыт"
    )


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("metrics", [1, 4, 8, 30])
def test_incidents_never_make_a_second_message(language: str, metrics: int) -> None:
    shown = [replace(CTR, label=f"{number} {'long ' * 7}") for number in range(metrics)]
    words = texts.load(language)
    bare = daily.html(report(*shown), words)
    told = daily.html(replace(report(*shown), incidents=INCIDENTS * 5), words)
    assert told.startswith(bare)
    assert parsed_length(told) <= max(1024, parsed_length(bare))
    if metrics == 1:
        assert told.count("\n") == bare.count("\n") + 7
        assert told.endswith({"en": "\nand 14 more", "ru": "\nи ещё 14"}[language])


MONTH = MonthSoFar(
    date(2026, 10, 1),
    date(2026, 10, 31),
    date(2026, 9, 1),
    date(2026, 9, 30),
    [("Views", "count", 1_234_567, 1_200_000), ("CTR", "ratio", 0.21, 0.2), ("Likes", "count", 5, None)],
)


def test_the_month_so_far_is_compared_with_the_same_days_of_the_month_before() -> None:
    assert (
        "\n\nMonth so far, 1–31 Oct (vs 1–30 Sep)\nViews: 1,234,567, +2.9%\n"
        "CTR: 21.0%, +1.00\u00a0pp, +5.0%\nLikes: 5\n\n96 of 96"
    ) in compose(replace(report(DAU), month=MONTH), "en").plain
    first = replace(MONTH, last=MONTH.first, last_before=MONTH.first_before)
    assert "\n\nС начала месяца, 1 окт (к 1 сен)\nViews: 1\u00a0234\u00a0567, +2,9\u00a0%\n" in (
        compose(replace(report(DAU), month=first), "ru").plain
    )


@pytest.mark.parametrize("before", [None, 0, math.nan])
def test_a_day_that_is_missing_or_zero_gives_no_change(before: float | None) -> None:
    metric = DailyMetric("likes", "Likes", "count", {DAY: 5, DAY - timedelta(days=1): before})
    assert "Likes: 5\nvs yesterday: -; vs last Sunday: -" in compose(report(metric), "en").plain


def test_a_missing_reported_day_is_no_zero() -> None:
    metric = DailyMetric("likes", "Likes", "count", days(5, 5, 5, 5, 5, 5, 5, None))
    assert "Likes: -\nvs yesterday: -; vs last Sunday: -" in compose(report(metric), "en").plain


def test_slots_that_were_not_checked_stand_out() -> None:
    assert "<b>90 of 96 slots checked</b>, 1 alert" in compose(report(DAU, checked=90, alerts=1), "en").html


def test_a_report_of_nothing_and_an_unknown_language_are_errors() -> None:
    with pytest.raises(ReportingError, match="no metrics"):
        report()
    with pytest.raises(SettingsError, match="en, ru"):
        compose(report(DAU), "xx")


@given(st.dictionaries(st.sampled_from(sorted(days(*range(8)))), st.floats() | st.none()), LABELS, st.booleans())
@settings(max_examples=150)
def test_any_numbers_and_labels_give_a_text_that_telegram_accepts(
    values: Mapping[date, float | None], label: str, ratio: bool
) -> None:
    metric = DailyMetric("m", label, "ratio" if ratio else "count", values)
    html = daily.html(report(metric), texts.load("ru"))
    parse_html(html)
    assert "nan" not in html.lower()


def line_of(picture: bytes) -> list[tuple[int, float]]:
    """The line of the picture's one panel: (x, middle of its blue pixels), the legend cut off."""
    with Image.open(io.BytesIO(picture)) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)[: image.height - 100]
    blue = np.all(np.abs(pixels - (0x00, 0x72, 0xB2)) < 3, axis=2)
    return [(int(x), float(np.flatnonzero(blue[:, x]).mean())) for x in np.flatnonzero(blue.any(axis=0))]


def runs_of(line: list[tuple[int, float]]) -> int:
    """The number of pieces that a line has."""
    return 1 + int((np.diff([x for x, _ in line]) > 1).sum()) if line else 0


def test_heights_of_the_picture_are_proportional_and_days_without_a_number_are_gaps() -> None:
    # The days of the week before are drawn too, however high they are.
    metric = DailyMetric("m", "M", "count", days(*[100] * 7, 50, None, 100, 100, 100, None, 75))
    line = line_of(compose(report(metric), "en").picture or b"")
    assert runs_of(line) == 3
    first, highest, last = line[0][1], min(y for _, y in line), line[-1][1]
    assert (first - last) / (last - highest) == pytest.approx(1, abs=0.05)


def test_a_small_change_looks_small() -> None:
    metric = DailyMetric("m", "M", "ratio", days(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.202))
    small = line_of(compose(report(metric), "en").picture or b"")
    metric = replace(metric, values=days(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.22))
    ten_times = line_of(compose(report(metric), "en").picture or b"")
    assert (small[0][1] - small[-1][1]) * 9 == pytest.approx(ten_times[0][1] - ten_times[-1][1], rel=0.2)


def test_a_panel_has_the_days_over_the_same_weekdays_and_marks_the_weekend() -> None:
    panel = daily.panel(replace(DAU, values=days(*range(1, 15))), DAY, texts.load("en"))
    assert panel.values.tolist() == [8, 9, 10, 11, 12, 13, 14]
    assert panel.before.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert panel.ticks == ["Mon 26", "Tue 27", "Wed 28", "Thu 29", "Fri 30", "Sat 31", "Sun 1"]
    assert panel.weekend == [False] * 5 + [True, True]
    assert panel.changes == "vs yesterday: +7.7%; vs last Sunday: +100%"
    assert daily.panel(CTR, DAY, texts.load("ru")).changes == ("к вчера: -; к прошлому воскресенью: +1,00\u00a0п.п.")


def test_every_weekday_is_named_in_the_right_case() -> None:
    russian = [texts.load("ru").vs_last(DAY + timedelta(days=ahead)) for ahead in range(7)]
    assert russian == [
        "к прошлому воскресенью", "к прошлому понедельнику", "к прошлому вторнику", "к прошлой среде",
        "к прошлому четвергу", "к прошлой пятнице", "к прошлой субботе",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ru"])
def test_hostile_labels_and_odd_numbers_are_drawn_and_written(language: str) -> None:
    metrics = [
        DailyMetric("a", HOSTILE, "count", days(*[1.7e18] * 8)),
        DailyMetric("b", "", "count", {}),
        DailyMetric("c", "Zero", "count", days(*[0] * 8)),
        DailyMetric("d", "x", "ratio", days(1e-9, 5, math.inf)),
    ]
    message = compose(report(*metrics), language)
    parse_html(message.html)
    assert parsed_length(message.html) < 1024
    with Image.open(io.BytesIO(message.picture or b"")) as image:
        assert image.width == 1280


def test_numbers_over_the_points_carry_their_unit_in_the_title() -> None:
    panel = daily.panel(DAU, DAY, texts.load("en"))
    assert (panel.title, panel.unit, panel.labels[-2:]) == ("DAU: 21,000", "thousand", ["20.00", "21.00"])
    panel = daily.panel(CTR, DAY, texts.load("ru"))
    assert (panel.title, panel.unit, panel.labels[-2:]) == ("CTR: 21,0\u00a0%", "", ["-", "21,0\u00a0%"])


def lacking(gap: Gap, metric: DailyMetric = DAU) -> DailyMetric:
    return replace(metric, gaps={DAY: gap})


@pytest.mark.parametrize(
    ("gap", "english", "russian"),
    [
        (
            Gap("feed_actions"),
            "No data for 1 Nov in feed_actions: is the application down or the load late?\n\nDAU: no data\nMessages: ",
            "Нет данных за 1 ноя в feed_actions: приложение не работает или загрузка опаздывает?\n\n"
            "DAU: нет данных\nMessages: ",
        ),
        (
            Gap("feed_actions", "18:00"),
            "No data for 1 Nov in feed_actions since 18:00: is the application down or the load late?\n\n"
            "DAU: 21,000 until 18:00\nMessages: ",
            "Нет данных за 1 ноя в feed_actions с 18:00: приложение не работает или загрузка опаздывает?\n\n"
            "DAU: 21\u00a0000 до 18:00\nMessages: ",
        ),
        (
            Gap("feed_actions", "10:00", "14:15"),
            "No data for 1 Nov in feed_actions from 10:00 to 14:15: is the application down or the load late?\n\n"
            "DAU: 21,000 (incomplete)\nMessages: ",
            "Нет данных за 1 ноя в feed_actions с 10:00 до 14:15: приложение не работает или загрузка опаздывает?\n\n"
            "DAU: 21\u00a0000 (неполные данные)\nMessages: ",
        ),
        (
            Gap("feed_actions", rows=8100, usual=31000),
            "Only 8,100 rows for 1 Nov in feed_actions, usually 31,000: is the application down or the load late?\n\n"
            "DAU: 21,000 (incomplete)\nMessages: ",
            "За 1 ноя в feed_actions строк всего 8\u00a0100, обычно 31\u00a0000: "
            "приложение не работает или загрузка опаздывает?\n\nDAU: 21\u00a0000 (неполные данные)\nMessages: ",
        ),
    ],
)
def test_a_day_that_lacks_rows_has_no_changes(gap: Gap, english: str, russian: str) -> None:
    numbers = report(lacking(gap), DailyMetric("m", "Messages", "count", days(*[5] * 8)))
    for language, expected in (("en", english), ("ru", russian)):
        text = compose(numbers, language).plain
        assert text.split("\n", 2)[2].startswith(expected)
        assert "110" not in text
        assert ("vs yesterday: 0.0%" in text) == (language == "en")


def test_rows_that_two_metrics_lack_are_said_once() -> None:
    text = compose(report(lacking(Gap("feed_actions")), lacking(Gap("feed_actions"), CTR)), "en").plain
    assert text.count("No data for 1 Nov") == 1
    assert "DAU: no data\nCTR: no data\n" in text


def test_there_is_no_change_from_a_day_that_lacked_rows() -> None:
    told = {1: "vs yesterday: -; vs last Sunday: +110.0%", 7: "vs yesterday: +5.0%; vs last Sunday: -"}
    for back, changes in told.items():
        metric = replace(DAU, gaps={DAY - timedelta(days=back): Gap("feed_actions", "18:00")})
        text = compose(report(metric), "en").plain
        assert f"DAU: 21,000\n{changes}\n" in text
        assert "No data" not in text


def test_a_day_that_lacks_rows_is_a_gap_with_a_note() -> None:
    gaps = {
        DAY: Gap("t"),
        DAY - timedelta(days=1): Gap("t", "18:00"),
        DAY - timedelta(days=2): Gap("t", "1:00", "9:00"),
    }
    metric = replace(
        DAU, values=days(*[20_000.0] * 8), gaps=gaps | {DAY - timedelta(days=3): Gap("t", rows=1, usual=9)}
    )
    panel = daily.panel(metric, DAY, texts.load("en"))
    assert panel.notes == ["", "", "", "incomplete", "incomplete", "no data\nsince 18:00", "no data"]
    assert panel.labels == ["20.00", "20.00", "20.00", "", "", "", ""]
    assert np.isnan(panel.values).tolist() == [False, False, False, True, True, True, True]
    assert panel.changes == ""
    assert runs_of(line_of(compose(report(metric), "en").picture or b"")) == 1
    everywhere = {day: Gap(HOSTILE, HOSTILE[:5]) for day in metric.values}
    assert line_of(compose(report(replace(metric, gaps=everywhere)), "ru").picture or b"") == []


CORRECTED = Correction(
    datetime(2026, 11, 2, 9, 10),
    [
        ("DAU", "count", 1204, 1310),
        ("Views", "count", 0, 9_000),
        ("CTR", "ratio", None, 0.203),
        ("x", "ratio", 0.2, 0.2),
    ],
)


def test_what_a_correction_changed_is_said_below_the_title() -> None:
    first, *rest = (replace(CORRECTED, at=CORRECTED.at + timedelta(hours=back)) for back in range(3))
    numbers = replace(report(DAU), corrections=[first])
    assert compose(numbers, "en").plain.split("\n")[1:4] == [
        "", "Corrected 2 Nov 09:10: DAU 1,204 → 1,310, views 0 → 9,000, CTR - → 20.3%", "",
    ]  # fmt: skip
    assert compose(numbers, "ru").plain.split("\n")[2] == (
        "Исправлено 2 ноя 09:10: DAU 1\u00a0204 → 1\u00a0310, views 0 → 9\u00a0000, CTR - → 20,3\u00a0%"
    )
    # The newest two.
    lines = compose(replace(numbers, corrections=[first, *rest]), "en").plain.split("\n")
    assert [line[:22] for line in lines[2:5]] == ["Corrected 2 Nov 10:10:", "Corrected 2 Nov 11:10:", ""]


def test_a_correction_that_changes_no_written_number_is_not_said() -> None:
    same = Correction(CORRECTED.at, [("CTR", "ratio", 0.20301, 0.20302)])
    assert "Corrected" not in compose(replace(report(DAU), corrections=[same]), "en").plain


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_corrected_report_without_rows_fits_below_a_picture(language: str) -> None:
    gap = Gap("feed_actions" * 9, "18:00")
    metrics = [DailyMetric(str(i), "Отправленные сообщения", "count", days(*[1.7e9] * 8), {DAY: gap}) for i in range(4)]
    changes = [(HOSTILE, "count", 1.7e9, 1.8e9)] * 4
    numbers = replace(report(*metrics), corrections=[Correction(CORRECTED.at, changes)] * 3)  # type: ignore[arg-type]
    html = compose(numbers, language).html
    parse_html(html)
    assert parsed_length(html) < 1024
