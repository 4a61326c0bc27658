import ast
from datetime import date, timedelta
from pathlib import Path

import pytest

from reporting import texts
from reporting.errors import SettingsError
from reporting.texts import base, en, ru
from reporting.texts.base import Texts

# mypy checks here that each language has every name with its type.
LANGUAGES: list[Texts] = [en, ru]
MONDAY = date(2026, 11, 2)


def public_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_every_language_defines_the_names_of_the_contract() -> None:
    contract = {name for name in (*vars(Texts), *Texts.__annotations__) if not name.startswith("_")}
    for language in texts.available():
        assert public_names(Path(base.__file__).with_name(f"{language}.py")) == contract, language


def test_there_are_at_least_the_two_languages() -> None:
    assert {"en", "ru"} <= set(texts.available())
    assert [texts.load("en"), texts.load("ru")] == LANGUAGES


def test_an_unknown_language_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="'fr' is unknown; choose one of: en, ru"):
        texts.load("fr")


def test_english_forms() -> None:
    assert en.full_date(MONDAY) == "Monday, 2 November 2026"
    assert en.percent(12.345) == "1,234.5%"
    assert en.points(-0.0042, 2) == "−0.42\u00a0pp"
    assert en.number(-1234567.5, 1) == "−1,234,567.5"
    assert (en.alerts(0), en.alerts(1), en.alerts(2)) == ("0 alerts", "1 alert", "2 alerts")
    assert en.slots_checked(96, 96) == "96 of 96 slots checked"
    assert en.short_date(MONDAY) == "2 Nov"
    assert en.weekday(MONDAY) == "Mon"


def test_russian_forms() -> None:
    assert ru.full_date(MONDAY) == "понедельник, 2 ноября 2026"
    assert ru.percent(12.345) == "1\u00a0234,5\u00a0%"
    assert ru.points(0.0042, 2) == "+0,42\u00a0п.п."
    assert ru.short_date(MONDAY) == "2 ноя"
    assert ru.weekday(MONDAY) == "пн"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 алертов"),
        (1, "1 алерт"),
        (2, "2 алерта"),
        (4, "4 алерта"),
        (5, "5 алертов"),
        (11, "11 алертов"),
        (12, "12 алертов"),
        (14, "14 алертов"),
        (21, "21 алерт"),
        (22, "22 алерта"),
        (111, "111 алертов"),
        (1001, "1\u00a0001 алерт"),
    ],
)
def test_russian_plurals(count: int, text: str) -> None:
    assert ru.alerts(count) == text


@pytest.mark.parametrize(
    ("length", "english", "russian"),
    [
        (timedelta(minutes=15), "15 min", "15 мин"),
        (timedelta(hours=2), "2 h", "2 ч"),
        (timedelta(hours=2, minutes=15), "2 h 15 min", "2 ч 15 мин"),
        (timedelta(days=1, minutes=30), "1 d 30 min", "1 дн. 30 мин"),
        (timedelta(0), "0 min", "0 мин"),
    ],
)
def test_durations(length: timedelta, english: str, russian: str) -> None:
    assert (en.duration(length), ru.duration(length)) == (english, russian)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_day_of_the_year_has_a_name(language: Texts) -> None:
    year = [date(2026, 1, 1) + timedelta(days=day) for day in range(365)]
    assert len({language.full_date(day) for day in year}) == 365
    assert len({language.short_date(day) for day in year}) == 365
    assert len({language.weekday(day) for day in year}) == 7


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert en.percent(-0.0001, signed=True) == "0.0%"
    assert en.percent(0.0005, signed=True) == "+0.1%"
