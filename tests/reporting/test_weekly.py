from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting import texts
from reporting.errors import ReportingError, SettingsError
from reporting.message import parsed_length
from reporting.weekly import Proposal, WeeklySummary, compose
from tests.reporting.samples import HOSTILE
from tests.servers.bot_rules import TEXT_LIMIT, parse_html

PROPOSAL = Proposal("metric.ctr", "detector_params", '{"multiplier": 3}', '{"multiplier": 2.5}', 28, -7, 5, 0)
SUMMARY = WeeklySummary(
    date(2026, 11, 2), date(2026, 11, 8), 12, 21, 5, [("Views", 1), ("CTR", 2)], [PROPOSAL], 670, 672
)


def test_the_whole_text_in_english() -> None:
    message = compose(SUMMARY, "en")
    assert (message.key, message.title) == ("weekly_summary-2026-11-08", "Alerts of the week: 2 Nov to 8 Nov 2026")
    assert message.plain == (
        "Alerts of the week: 2 Nov to 8 Nov 2026\n\n"
        "12 incidents, 21 messages\n"
        "confirmed: 5\n"
        "false alarms: 3 (CTR 2, Views 1)\n"
        "670 of 672 slots checked\n\n"
        "Proposal for feedpulse.cfg\n"
        '[metric.ctr] detector_params = {"multiplier": 3} (now {"multiplier": 2.5})\n'
        "replayed over 28 days: 7 fewer messages a month; finds all 5 confirmed"
    )


def test_the_whole_text_in_russian() -> None:
    assert compose(SUMMARY, "ru").plain == (
        "Алерты за неделю: с 2 ноя по 8 ноя 2026\n\n"
        "12 инцидентов, 21 сообщение\n"
        "подтверждено: 5\n"
        "ложных тревог: 3 (CTR 2, Views 1)\n"
        "проверено интервалов: 670 из 672\n\n"
        "Предложение для feedpulse.cfg\n"
        '[metric.ctr] detector_params = {"multiplier": 3} (сейчас {"multiplier": 2.5})\n'
        "проверено на 28 дн.: на 7 сообщений в месяц меньше; найдены все подтверждённые: 5"
    )


def test_a_quiet_week_proposes_nothing() -> None:
    quiet = WeeklySummary(date(2026, 11, 2), date(2026, 11, 8), 0, 0, 0)
    assert compose(quiet, "en").plain.split("\n")[2:] == ["0 incidents, 0 messages", "confirmed: 0", "false alarms: 0"]
    assert "1 incident, 1 message\n" in compose(replace(quiet, incidents=1, messages=1), "en").plain


def test_slots_that_were_not_checked_stand_out() -> None:
    assert "\n<b>670 of 672 slots checked</b>\n" in compose(SUMMARY, "en").html
    assert "\n676 of 676 slots checked\n" in compose(replace(SUMMARY, slots_checked=676, slots_expected=676), "en").html


@pytest.mark.parametrize(
    ("changes", "english", "russian"),
    [
        (
            {"missed": 1, "messages_a_month": 1},
            "1 more message a month; misses 1 of 5 confirmed",
            "на 1 сообщение в месяц больше; пропущено 1 из 5 подтверждённых",
        ),
        (
            {"confirmed": 0, "messages_a_month": -22},
            "22 fewer messages a month; there was no confirmed incident to try it on",
            "на 22 сообщения в месяц меньше; подтверждённых инцидентов для проверки не было",
        ),
    ],
)
def test_what_a_proposal_would_have_done(changes: dict[str, int], english: str, russian: str) -> None:
    changed = replace(SUMMARY, proposals=[replace(PROPOSAL, **changes)])  # type: ignore[arg-type]
    assert compose(changed, "en").plain.endswith(f"replayed over 28 days: {english}")
    assert compose(changed, "ru").plain.endswith(f"проверено на 28 дн.: {russian}")


def test_a_setting_that_is_not_there_yet() -> None:
    new = replace(SUMMARY, proposals=[replace(PROPOSAL, now="")])
    assert 'detector_params = {"multiplier": 3}\n' in compose(new, "en").plain


@given(st.text(), st.integers(0, 10**9), st.sampled_from(texts.available()))
def test_any_values_give_one_text_that_telegram_accepts(value: str, count: int, language: str) -> None:
    for text in (value, HOSTILE.encode("utf-8", "replace").decode()):
        proposal = Proposal(text, text, text, text, count, -count, count, count)
        summary = replace(SUMMARY, false_alarms=[(text, count)] * 30, proposals=[proposal] * 3)
        html = compose(summary, language).html
        parse_html(html)
        assert parsed_length(html) <= TEXT_LIMIT


def test_impossible_input_is_a_clear_error() -> None:
    with pytest.raises(ReportingError, match="is before"):
        replace(SUMMARY, last_day=SUMMARY.first_day - timedelta(days=1))
    with pytest.raises(SettingsError, match="en, ru"):
        compose(SUMMARY, "xx")
