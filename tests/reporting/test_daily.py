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
from reporting.daily import Correction, DailyMetric, Gap, compose
from reporting.errors import ReportingError, SettingsError
from reporting.message import parsed_length
from tests.reporting.samples import DAY, HOSTILE, days, report
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
        "DAU: 21,000\nday before: +5.0%; week before: +110.0%\n"
        "CTR: 21.0%\nday before: -; week before: +1.00\u00a0pp, +5.0%\n\n"
        "96 of 96 slots checked, 2 alerts"
    )


def test_the_whole_text_in_russian() -> None:
    assert compose(report(DAU, CTR, alerts=5), "ru").plain == (
        "Отчёт за день: воскресенье, 1 ноября 2026\n\n"
        "DAU: 21\u00a0000\nза день: +5,0\u00a0%; за неделю: +110,0\u00a0%\n"
        "CTR: 21,0\u00a0%\nза день: -; за неделю: +1,00\u00a0п.п., +5,0\u00a0%\n\n"
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
        "week before: +1.00\u00a0pp, +5.0%\n\nCTR: os iOS explains 93%\n"
        "CTR: likes fell (−30.0%), views +1.0%\n\n96 of 96 slots checked" in compose(explained, "en").plain
    )
    assert "\n\nни один срез этого не объясняет\n\n" in compose(replace(report(CTR), causes=[Cause()]), "ru").plain


@pytest.mark.parametrize("before", [None, 0, math.nan])
def test_a_day_that_is_missing_or_zero_gives_no_change(before: float | None) -> None:
    metric = DailyMetric("likes", "Likes", "count", {DAY: 5, DAY - timedelta(days=1): before})
    assert "Likes: 5\nday before: -; week before: -" in compose(report(metric), "en").plain


def test_a_missing_reported_day_is_no_zero() -> None:
    metric = DailyMetric("likes", "Likes", "count", days(5, 5, 5, 5, 5, 5, 5, None))
    assert "Likes: -\nday before: -; week before: -" in compose(report(metric), "en").plain


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


def bars_of(picture: bytes) -> list[tuple[int, int, bool]]:
    """The bars of the picture's one panel: (x of the left edge, height, whether emphasised), in pixels."""
    with Image.open(io.BytesIO(picture)) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    dark = np.all(np.abs(pixels - (0x00, 0x72, 0xB2)) < 3, axis=2)
    heights = (dark | np.all(np.abs(pixels - (0xA9, 0xCD, 0xE3)) < 3, axis=2)).sum(axis=0)
    bars = []
    for x in range(1, len(heights)):
        if heights[x] > 20 and heights[x - 1] <= 20:
            bars.append((x, int(heights[x + 5]), bool(dark[:, x + 5].any())))
    return bars


def test_the_picture_shows_seven_days_from_zero_with_gaps_and_marks_the_last() -> None:
    # The eighth day back is for comparison only, however high it is.
    metric = DailyMetric("m", "M", "count", days(10**9, 100, None, 50, 100, 25, 100, 75))
    bars = bars_of(compose(report(metric), "en").picture or b"")
    assert len(bars) == 6
    heights = np.array([height for _, height, _ in bars])
    np.testing.assert_allclose(heights / heights.max(), [1, 0.5, 1, 0.25, 1, 0.75], atol=0.02)
    steps = np.diff([x for x, _, _ in bars])
    np.testing.assert_allclose(steps / steps.min(), [2, 1, 1, 1, 1], atol=0.05)
    assert [emphasised for *_, emphasised in bars] == [False] * 5 + [True]


def test_a_ratio_starts_at_zero_too() -> None:
    metric = DailyMetric("m", "M", "ratio", days(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.21))
    heights = [height for _, height, _ in bars_of(compose(report(metric), "en").picture or b"")]
    assert heights[-1] / heights[0] == pytest.approx(1.05, abs=0.01)


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


def test_numbers_over_the_bars_carry_their_unit_in_the_title() -> None:
    two_days = [DAY - timedelta(days=1), DAY]
    panel = daily.panel(DAU, two_days, texts.load("en"))
    assert (panel.title, panel.unit, panel.labels) == ("DAU", "thousand", ["20.00", "21.00"])
    panel = daily.panel(CTR, two_days, texts.load("ru"))
    assert (panel.title, panel.unit, panel.labels) == ("CTR", "%", ["-", "21,0"])


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
        assert ("day before: 0.0%" in text) == (language == "en")


def test_rows_that_two_metrics_lack_are_said_once() -> None:
    text = compose(report(lacking(Gap("feed_actions")), lacking(Gap("feed_actions"), CTR)), "en").plain
    assert text.count("No data for 1 Nov") == 1
    assert "DAU: no data\nCTR: no data\n" in text


def test_there_is_no_change_from_a_day_that_lacked_rows() -> None:
    for back, changes in ((1, "day before: -; week before: +110.0%"), (7, "day before: +5.0%; week before: -")):
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
    panel = daily.panel(metric, [DAY - timedelta(days=back) for back in (4, 3, 2, 1, 0)], texts.load("en"))
    assert panel.notes == ["", "incomplete", "incomplete", "no data since 18:00", "no data"]
    assert panel.labels == ["20.00", "", "", "", ""]
    assert np.isnan(panel.heights).tolist() == [False, True, True, True, True]
    assert len(bars_of(compose(report(metric), "en").picture or b"")) == 3
    everywhere = {day: Gap(HOSTILE, HOSTILE[:5]) for day in metric.values}
    assert bars_of(compose(report(replace(metric, gaps=everywhere)), "ru").picture or b"") == []


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
