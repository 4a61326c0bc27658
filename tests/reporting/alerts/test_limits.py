"""The message of any incident is valid, fits, and drops the least important lines first."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting import texts
from reporting.alerts import text
from reporting.alerts.compose import by_importance, compose
from reporting.alerts.lines import TEXT_LIMIT
from reporting.alerts.model import Alert, Handling, Loss, Status
from reporting.causes import Cause, RatioSplit
from reporting.errors import ReportingError
from reporting.message import Message, parsed_length
from tests.reporting.alerts.incidents import BUTTONS, KEY, QUARTER, WORST, growing, incident, text_of
from tests.reporting.samples import HOSTILE, SLOT, alert_metric
from tests.servers.bot_rules import parse_html


def test_many_losses_take_one_line_and_cost_no_detail() -> None:
    losses = [Loss(f"{index:02} {'x' * 30}", -1000.0 - index) for index in range(40)]
    text = text_of(incident(losses=losses))
    line = next(line for line in text.split("\n") if line.startswith("lost"))
    assert line.startswith("lost so far: 1,000 00 xxx")
    assert 150 < len(line) < 250
    assert "usually 120 to 190" in text


def crowded(status: Status, count: int) -> Alert:
    metrics = [
        alert_metric(
            name=f"{index:03}",
            label=f"{index:03} {HOSTILE}",
            part=HOSTILE,
            since=SLOT,
            state="ended",
            until=SLOT + QUARTER,
            **WORST,
        )
        for index in range(count)
    ]
    return Alert(
        SLOT + QUARTER,
        SLOT + 2 * QUARTER,
        metrics,
        [(HOSTILE, "https://e.example/")] * 9,
        KEY,
        status,
        source=HOSTILE,
        causes=[Cause(HOSTILE, [HOSTILE] * 9, 0.5, HOSTILE)] * 3,
        splits=[RatioSplit(HOSTILE, HOSTILE, HOSTILE, -0.5, 0.2, 0.1)] * 3,
        losses=[Loss(HOSTILE, -1e14), Loss(HOSTILE, 1e14)] * 9,
        handled=[Handling("mute", HOSTILE, SLOT, SLOT + timedelta(days=3))] * 30,
        buttons=BUTTONS,
    )


@pytest.mark.parametrize("language", texts.available())
@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("count", [1, 3, 40])
def test_everything_hostile_at_once_fits_a_caption(language: str, status: Status, count: int) -> None:
    alert = crowded(status, count)
    words = texts.load(language)
    for html in (
        text.html(alert, by_importance(alert), words),
        text.reply_html(alert, by_importance(alert), words),
    ):
        assert parsed_length(html) <= TEXT_LIMIT
        plain = parse_html(html)
        assert "<b>&amp;" not in html
        assert plain.split("\n")[0].count("…") <= 2
    whole = text.html(alert, by_importance(alert), words)
    # The headline, the newest receipts and the slot are never dropped.
    assert words.muted("").strip().lower()[:5] in whole
    assert "UTC+3" in whole
    assert "000 Robert" in whole
    shown = sum(f">{index:03} Robert" in whole for index in range(count))
    assert shown == count or words.more(count - shown) in whole


def test_the_least_important_lines_go_first() -> None:
    full = growing(links=[("Dashboard", "https://bi.example")])
    bulk = [alert_metric(name=f"m{i}", label=f"Metric {i} {'x' * 30}", since=SLOT + QUARTER) for i in range(30)]
    kinds = {
        "more details": "usually 2,200",
        "links": "Dashboard",
        "more metrics": "Likes, os iOS",
        "split": "CTR:",
        "details": "usually 120",
        "cause": "explains",
        "loss": "lost",
        "receipt": "muted",
        "headline": "Messages sent: 0",
    }
    order = list(kinds)
    dropped_before = 0
    for count in range(len(bulk) + 1):
        text = text_of(replace(full, metrics=[*full.metrics, *bulk[:count]]))
        dropped = [kind for kind, words in kinds.items() if words not in text]
        assert dropped == order[: len(dropped)]
        assert len(dropped) >= dropped_before
        dropped_before = len(dropped)
    assert dropped_before >= 3


times = st.integers(-2000, 2000).map(lambda quarters: SLOT + quarters * QUARTER)
numbers = st.floats() | st.sampled_from([0.0, -1.0, 1e14, -1e14])
causes = st.builds(Cause, st.text(), st.lists(st.text(), max_size=5), numbers, st.text())
splits = st.builds(RatioSplit, st.text(), st.text(), st.text(), numbers, numbers, numbers)
receipts = st.builds(Handling, st.sampled_from(["acknowledge", "false_alarm", "new_normal"]), st.text(), times)


@given(st.data())
@settings(max_examples=150)
def test_any_incident_gives_texts_that_telegram_accepts(data: st.DataObject) -> None:
    metrics = [
        alert_metric(
            name=str(index),
            label=data.draw(st.text()),
            part=data.draw(st.text()),
            value=data.draw(numbers),
            expected=data.draw(numbers),
            kind=data.draw(st.sampled_from(["count", "ratio"])),
            since=data.draw(times),
            worst_at=data.draw(st.none() | times),
            worst_value=data.draw(numbers),
            worst_expected=data.draw(numbers),
        )
        for index in range(data.draw(st.integers(1, 4)))
    ]
    alert = Alert(
        SLOT,
        SLOT + QUARTER,
        metrics,
        status=data.draw(st.sampled_from(get_args(Status))),
        since=data.draw(st.none() | times),
        until=data.draw(st.none() | times),
        source=data.draw(st.text()),
        causes=data.draw(st.lists(causes, max_size=4)),
        splits=data.draw(st.lists(splits, max_size=4)),
        losses=data.draw(st.lists(st.builds(Loss, st.text(), numbers), max_size=9)),
        handled=data.draw(st.lists(receipts, max_size=6)),
    )
    words = texts.load(data.draw(st.sampled_from(texts.available())))
    ordered = by_importance(alert)
    for title, html in (
        (text.title(alert, ordered, words), text.html(alert, ordered, words)),
        (text.reply_title(alert, ordered, words), text.reply_html(alert, ordered, words)),
    ):
        assert parsed_length(html) <= TEXT_LIMIT
        parse_html(html)
        assert Message("key", title, html).plain.strip()


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: Handling("mute", "x", SLOT), "a mute needs `until`"),
        (lambda: Handling("acknowledge", "x", SLOT, SLOT), "other actions have none"),
        (lambda: Handling("acknowledge", "x", datetime(2026, 11, 2)), "needs a time zone"),
        (lambda: incident(since=datetime(2026, 11, 2)), "needs a time zone"),
        (lambda: alert_metric(worst_at=datetime(2026, 11, 2)), "needs a time zone"),
        (lambda: compose(incident(key="a/b"), "en"), "not a file name"),
        (lambda: compose(incident(buttons=[("mute", "x" * 65)]), "en"), "64 bytes"),
    ],
)
def test_impossible_input_is_a_clear_error(build: Any, error: str) -> None:
    with pytest.raises(ReportingError, match=error):
        build()
