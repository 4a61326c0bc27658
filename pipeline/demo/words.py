"""What the demo says while it plays, in each language of the messages."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Words:
    """The demo's own sentences; the messages have those of `reporting.texts`."""

    events: str
    counted: str
    slots: str
    checks: str
    days: str
    replay: str
    result: str
    report: str
    hidden: str
    kinds: Mapping[str, str]
    replayed: str
    unseen: str
    replies: str
    pages: str
    try_next: str
    tries: tuple[str, str, str]


ENGLISH = Words(
    events="1. Events: {days} days of a feed and a messenger, with {count} incidents hidden in them",
    counted="   {feed:,} feed and {messages:,} message events",
    slots="2. The slots of the last four weeks are measured from the events (task SlotHistory)",
    checks="3. The slots of the day before are checked, then one every 15 minutes, as by cron (task Alerts)",
    days="4. {days} days are loaded and the last one is reported (task Morning)",
    replay="5. The level shift began before the days that were checked: its first day is replayed (feedpulse replay)",
    result="The day {day} in {table}, by gender and os (there is more by age):",
    report="The morning report, its picture in {picture}:",
    hidden="The incidents that were hidden in the events, and where each was told:",
    kinds={"level shift": "level shift", "spike": "spike", "drop": "drop", "outage": "outage"},
    replayed="would have been sent: it was replayed",
    unseen="not told",
    replies="A message is edited while its incident lasts. Its replies, which make a sound, say what happened:",
    pages="Open in a browser: the status page, and all messages with their pictures.",
    try_next="Try next:",
    tries=(
        "which slots were out of their usual range",
        "whether the loaded days equal their events",
        "the report as only you would get it, marked as a test",
    ),
)
RUSSIAN = Words(
    events="1. События: {days} дней ленты и мессенджера, в них спрятаны инциденты: {count}",
    counted="   событий ленты: {feed:,}, сообщений: {messages:,}",
    slots="2. По событиям считаются 15-минутные интервалы за четыре недели (задача SlotHistory)",
    checks="3. Проверяются интервалы вчерашнего дня, затем по одному каждые 15 минут, как из cron (задача Alerts)",
    days="4. Загружаются {days} дней, и отправляется отчёт за последний (задача Morning)",
    replay="5. Сдвиг уровня начался раньше проверенных дней: его первый день проигрывается заново (feedpulse replay)",
    result="День {day} в таблице {table}, по полу и ОС (там есть и возраст):",
    report="Утренний отчёт, его картинка: {picture}",
    hidden="Инциденты, спрятанные в событиях, и где о каждом сказано:",
    kinds={"level shift": "сдвиг уровня", "spike": "всплеск", "drop": "падение", "outage": "обрыв данных"},
    replayed="пришло бы: день проигран заново",
    unseen="сообщения нет",
    replies="Пока инцидент длится, его сообщение правится. Ответы на него приходят со звуком и говорят, что было:",
    pages="Откройте в браузере: страницу состояния и все сообщения с картинками.",
    try_next="Что попробовать дальше:",
    tries=(
        "в каких интервалах метрики вышли за обычные границы",
        "совпадают ли загруженные дни с событиями",
        "отчёт, который увидите только вы, с пометкой, что он пробный",
    ),
)
BY_LANGUAGE = {"en": ENGLISH, "ru": RUSSIAN}
