"""What an incident's message says besides its figures, by language."""

from dataclasses import dataclass
from typing import Literal

from pipeline.errors import SettingsError

Action = Literal["ack", "mute", "false_alarm", "new_normal"]


@dataclass(frozen=True)
class Wording:
    """The phrases of a language; braces are filled in."""

    explains: str
    only: str
    nothing_explains: str
    numerator_fell: str
    numerator_rose: str
    denominator_fell: str
    denominator_rose: str
    mix: str
    silent: str
    still_silent: str
    silence_over: str
    so_far: str
    against: str
    over: str
    new_normal: str
    late_data: str
    worse: str
    at_worst: str
    slice: str
    buttons: dict[Action, str]
    receipts: dict[Action, str]
    answers: dict[Action, str]
    unknown_press: str
    closed_press: str
    dimensions: dict[str, str]
    weekly: str


_EN = Wording(
    explains="{dimension} {values} explains {share}",
    only="only {dimension} {values}: {change}",
    nothing_explains="no slice explains it",
    numerator_fell="{numerator} fell ({change})",
    numerator_rose="{numerator} rose ({change})",
    denominator_fell="{denominator} fell ({change})",
    denominator_rose="{denominator} rose ({change})",
    mix="the mix of {dimension} changed, not its rates",
    silent="No data since {moment}: application or loading?",
    still_silent="Still no data since {moment} ({length}): application or loading?",
    silence_over="Data came again at {moment}",
    so_far="So far {loss} against expected",
    against="{loss} against expected",
    over="Over: {what}, {start} to {end} ({length})",
    new_normal="The new normal since {start}: {what}",
    late_data="Not an incident: the data of {start} to {end} came late",
    worse="Worse: {what}",
    at_worst="at worst {change}",
    slice="{metric}, {dimension} {value}",
    buttons={"ack": "Acknowledge", "mute": "Mute 2 h", "false_alarm": "False alarm", "new_normal": "New normal"},
    receipts={
        "ack": "Acknowledged by {person}, {moment}",
        "mute": "Muted until {until} by {person}",
        "false_alarm": "False alarm, says {person}, {moment}",
        "new_normal": "New normal, says {person}, {moment}",
    },
    answers={
        "ack": "Acknowledged",
        "mute": "Muted for 2 hours",
        "false_alarm": "Noted: nothing is learnt from it",
        "new_normal": "Noted: the level is the new normal",
    },
    unknown_press="This button is not known any more",
    closed_press="The incident is long closed; noted",
    dimensions={
        "os": "os",
        "gender": "gender",
        "age": "age",
        "source": "source",
        "country": "country",
        "city": "city",
        "exp_group": "experiment group",
    },
    weekly="Alerts of the week",
)

_RU = Wording(
    explains="{dimension} {values} объясняет {share}",
    only="только {dimension} {values}: {change}",
    nothing_explains="ни один срез не объясняет",
    numerator_fell="{numerator}: упали ({change})",
    numerator_rose="{numerator}: выросли ({change})",
    denominator_fell="{denominator}: упали ({change})",
    denominator_rose="{denominator}: выросли ({change})",
    mix="изменился состав по {dimension}, а не доли внутри",
    silent="Нет данных с {moment}: приложение или загрузка?",
    still_silent="Всё ещё нет данных с {moment} ({length}): приложение или загрузка?",
    silence_over="Данные снова пошли в {moment}",
    so_far="Пока {loss} к ожидаемому",
    against="{loss} к ожидаемому",
    over="Закончилось: {what}, с {start} до {end} ({length})",
    new_normal="Новая норма с {start}: {what}",
    late_data="Не инцидент: данные с {start} до {end} пришли с опозданием",
    worse="Стало хуже: {what}",
    at_worst="в худший момент {change}",
    slice="{metric}, {dimension} {value}",
    buttons={"ack": "Принято", "mute": "Тихо 2 ч", "false_alarm": "Ложная тревога", "new_normal": "Новая норма"},
    receipts={
        "ack": "Принято: {person}, {moment}",
        "mute": "Тихо до {until}: {person}",
        "false_alarm": "Ложная тревога: {person}, {moment}",
        "new_normal": "Новая норма: {person}, {moment}",
    },
    answers={
        "ack": "Принято",
        "mute": "Тихо на 2 часа",
        "false_alarm": "Записано: на этом не учимся",
        "new_normal": "Записано: это новая норма",
    },
    unknown_press="Эта кнопка больше не известна",
    closed_press="Инцидент давно закрыт; записано",
    dimensions={
        "os": "ОС",
        "gender": "пол",
        "age": "возраст",
        "source": "источник",
        "country": "страна",
        "city": "город",
        "exp_group": "группа эксперимента",
    },
    weekly="Алерты за неделю",
)

_LANGUAGES = {"en": _EN, "ru": _RU}


def load(language: str) -> Wording:
    """The phrases of a language.

    Raises
    ------
    SettingsError
        If there are none.
    """
    if language not in _LANGUAGES:
        raise SettingsError(f"[report] language = {language}: alerts speak {', '.join(_LANGUAGES)}.")
    return _LANGUAGES[language]
