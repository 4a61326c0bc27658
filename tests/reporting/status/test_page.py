"""The HTML of the status page."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import get_args

import pytest

from reporting import texts
from reporting.status import Facts, render, words
from reporting.status.facts import End, ProblemKind, RunOutcome
from reporting.status.texts import en, ru
from reporting.status.words import Words
from tests.reporting.status.samples import ZONE, at, bad, good, run

# mypy checks here that each language has every name with its type.
LANGUAGES: list[Words] = [en, ru]


def text_of(html: str) -> str:
    """What people read, a line per element."""
    body = html[html.index("<body") : html.index("<script>")]
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]*>", "\n", body))


def shown(facts: Facts, language: str = "en", zone: str = ZONE) -> str:
    return text_of(render(facts, language, zone))


def test_every_language_of_messages_has_the_words_of_the_page() -> None:
    assert [words.load(language) for language in texts.available()] == LANGUAGES
    for language in LANGUAGES:
        assert set(language.ENDS) == set(get_args(End))
        assert set(language.OUTCOMES) == set(get_args(RunOutcome))


def test_all_is_well() -> None:
    text = shown(good())
    assert text.split("\n")[1:3] == ["All is well", "as of 2026-11-30 12:17 (Europe/Moscow)"]
    assert "None is open." in text
    assert "29 loaded of those from 2026-11-01 to 2026-11-29; none is missing" in text
    assert "checked up to that of 12:00, which ended 2 min ago" in text
    assert "message_actions: for 15 min after the end of a slot" in text
    assert "feed_actions: for" not in text  # its rows are there at once
    assert "message_actions: about every 1 h, up to 1 h 30 min late" in text
    assert "Daily\n05:17\n1 min\nok\nday 2026-11-29 loaded" in text
    assert "No alerts in the last 90 days." in text


def test_times_are_those_of_the_zone_and_words_those_of_the_language() -> None:
    text = shown(bad(), "ru", "Asia/Vladivostok")
    assert text.split("\n")[1:3] == ["Не в порядке: 6 проблем", "на 2026-11-30 19:17 (Asia/Vladivostok)"]
    assert "Инцидент открыт, и никто его не принял: Views, Likes, с 17:17" in text
    assert "с 17:15 (2 ч 2 мин), −56\u00a0%\n" in text


def test_every_problem_is_said() -> None:
    facts = bad()
    facts["problems"] += [
        {"kind": "unchecked", "subject": "", "at": None, "detail": ""},
        {"kind": "unreadable", "subject": "", "at": None, "detail": "no server answers"},
    ]
    assert {problem["kind"] for problem in facts["problems"]} == set(get_args(ProblemKind))
    text = shown(facts)
    assert "Not well: 8 problems" in text
    assert "Days that are not loaded: 2026-11-20 – 2026-11-21, 2026-11-24\n" in text
    assert "Daily at 05:17: failed. Robert" in text
    assert "No slot was checked since that of 07:17, 5 h ago\n" in text
    assert "An incident is open and nobody took it: Views, Likes, since 10:17\n" in text
    assert "The message alert-2026-11-30T0715Z-views of 11:17 was not sent by telegram\n" in text
    assert "Old months could not be dropped for days: the log says why\n" in text
    assert "No slot was ever checked\n" in text
    assert "The state cannot be read: no server answers\n" in text


def test_incidents_say_who_took_them() -> None:
    text = shown(bad())
    assert "Views, Likes\nsince 10:15 (2 h 2 min), −56%\nnobody took it\n" in text
    assert "no data since 11:00\ntaken by Robert" in text
    assert "CTR\nsince 10:15 (2 h 2 min), −56%\ntaken, muted until 14:17, declared a false alarm\n" in text


def test_what_people_and_events_name_is_text() -> None:
    html = render(bad(), "en", ZONE)
    assert html.count("&lt;b&gt;&amp;amp;") == 5  # a problem, who took it, who muted it and why, an error
    assert "<b>" not in html
    assert html.count("<script>") == 1
    facts = good()
    facts["runs"] = {'"><img src=x onerror=alert(1)>': run(seconds=1.0, hours=1)}
    facts["labels"] = {"views": "</h3><script>alert(1)</script>\u202e"}
    html = render(facts, "en", ZONE)
    assert "<img src=x" not in html
    assert html.count("<script>") == 1
    assert "\u202e" not in html


def test_the_policy_allows_only_the_pages_own_style_and_script() -> None:
    html = render(bad(), "en", ZONE)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;; img-src &#39;self&#39; file:;".replace("&#39;", "'"))
    assert "unsafe" not in policy[1]
    for element in ("style", "script"):
        content = html[html.index(f"<{element}>") + len(element) + 2 : html.index(f"</{element}>")]
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy[1]
    assert not re.search(r' (style|on\w+)="', html)
    assert re.findall(r"https?://", html) == []


def test_a_page_without_its_style_and_script_does_not_call_itself_old() -> None:
    """A server may send a policy that allows neither."""
    assert '<p class="old-note" id="old" hidden>This page is old' in render(good(), "en", ZONE)


def test_an_alert_is_found_by_each_of_its_metrics() -> None:
    html = render(bad(alerts=6), "en", ZONE)
    names = re.findall(r'<label for="f(\d)">([^<]*)</label>', html)
    assert names == [("0", "All"), ("1", "Views"), ("2", "Likes"), ("3", "CTR"), ("4", "Messages sent")]
    rows = re.findall(r'<tr class="([m\d ]*)"><td><a href="messages/index.html#alert-(\d)-x">', html)
    assert rows == [("m1 m4", "0"), ("m2", "1"), ("m3", "2"), ("m1", "3"), ("m2", "4"), ("m3 m4", "5")]
    for number in range(1, 5):
        assert f"#alerts:has(#f{number}:checked) tbody tr:not(.m{number}){{display:none}}" in html


def test_alerts_say_how_long_they_lasted_and_what_became_of_them() -> None:
    text = shown(bad(alerts=5))
    assert "Likes\n00:02\n12 h 15 min\n−56%\nopen\n" in text
    assert "Views\n29 Nov 03:32\n1 h\n−56%\nfalse alarm\n" in text


def test_without_a_page_of_messages_alerts_are_no_links() -> None:
    facts = bad(alerts=2)
    facts["messages"] = ""
    assert "<a " not in render(facts, "en", ZONE)


def test_a_metric_that_is_no_longer_defined_is_named_by_itself() -> None:
    facts = good()
    facts["history"] = [
        {
            "key": "k",
            "metrics": ["gone"],
            "opened": at(days=400),
            "until": at(days=399),
            "worst": 1.0,
            "end": "recovered",
        }
    ]
    assert "gone\n26 Oct 2025 12:17\n1 d\n+100%\nrecovered\n" in shown(facts)


@pytest.mark.parametrize(("low", "high", "says"), [(0.0, 661.7, "axis: 0 to 660"), (None, None, "no data yet")])
def test_the_axis_of_a_picture_is_written(low: float | None, high: float | None, says: str) -> None:
    facts = good()
    facts["weeks"][0]["low"], facts["weeks"][0]["high"] = low, high
    assert f"Views\n{says}\nTue\nWed\nThu\nFri\nSat\nSun\nMon\n3 Nov\n10 Nov\n17 Nov\n24 Nov\n" in shown(facts)


@pytest.mark.parametrize(
    ("count", "says"), [(1, "1 проблема"), (3, "3 проблемы"), (5, "5 проблем"), (12, "12 проблем"), (21, "21 проблема")]
)
def test_russian_plurals(count: int, says: str) -> None:
    assert ru.problems(count) == says
