"""Russian."""
# ruff: noqa: D103

from collections.abc import Mapping

from reporting.status.facts import End, RunOutcome

TITLE = "feedpulse: состояние"
ALL_WELL = "Всё в порядке"
NOT_WELL = "Не в порядке"
OLD = "Страница устарела: с тех пор feedpulse её не обновлял. Он работает?"
OPEN = "Открытые инциденты"
MUTES = "Заглушённые метрики"
LOADED = "Дни и интервалы"
RUNS = "Последние запуски"
WEEKS = "Последние четыре недели"
HISTORY = "Алерты"
MESSAGES = "Все сообщения"
NONE_OPEN = "Открытых нет."
WEEKS_ABOUT = "Строка — неделя, последняя заканчивается сегодня. Линия — факт, область — норма, красное — вне нормы."
EVERY_METRIC = "Все"
METRICS = "Метрики"
BEGAN = "Начало"
LASTED = "Длился"
WORST = "Худшее отклонение"
END = "Итог"
TASK = "Задача"
RAN = "Начало"
TOOK = "Длился"
OUTCOME = "Итог"
DID = "Что сделано"
MUTED = "Метрика"
UNTIL = "До"
BY = "Кто"
WHY = "Причина"
TAKEN = "принят"
NOBODY = "никто не принял"
NOT_TOLD = "о нём не сообщали"
MARKS: Mapping[str, str] = {"false alarm": "объявлен ложной тревогой", "new normal": "объявлен новой нормой"}
ENDS: Mapping[End, str] = {
    "open": "открыт",
    "recovered": "восстановилось",
    "new normal": "новая норма",
    "late data": "данные опоздали",
    "wrong clock": "отозван",
    "false alarm": "ложная тревога",
}
OUTCOMES: Mapping[RunOutcome, str] = {
    "ok": "успешно",
    "failed": "ошибка",
    "refused": "отказ: настройки или источник",
    "not scheduled": "не запланирован",
    "already running": "уже выполняется",
    "not run": "не выполнен",
    "error": "внутренняя ошибка",
}
DAYS = "Дни"
SLOTS = "Интервалы"
LAGS = "Опоздание строк"
LOADS = "Загрузки"
LEARNING = "Обучение"
NO_VALUES = "данных ещё нет"
SECONDS = "с"


def problems(count: int) -> str:
    few = count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14)
    one = count % 10 == 1 and count % 100 != 11
    return f"{count} {'проблема' if one else 'проблемы' if few else 'проблем'}"


def as_of(moment: str, zone: str) -> str:
    return f"на {moment} ({zone})"


def ago(length: str) -> str:
    return f"{length} назад"


def unreadable(cause: str) -> str:
    return f"Состояние не читается: {cause}"


def days_missing(days: str) -> str:
    return f"Не загружены дни: {days}"


def run_ended(task: str, outcome: str, moment: str, cause: str) -> str:
    return f"{task}, {moment}: {outcome}{f'. {cause}' if cause else ''}"


def unchecked() -> str:
    return "Ни один интервал ещё не проверен"


def stalled(moment: str, length: str) -> str:
    return f"Последний проверенный интервал — {moment}, {length} назад"


def untaken(metrics: str, moment: str) -> str:
    return f"Инцидент открыт, и никто его не принял: {metrics}, с {moment}"


def unsent(key: str, channel: str, moment: str) -> str:
    return f"Сообщение {key} от {moment} не отправлено через {channel}"


def undropped() -> str:
    return "Старые месяцы не удаляются уже несколько дней: причина в логе"


def taken_by(people: str) -> str:
    return f"принял(а) {people}"


def muted_until(moment: str) -> str:
    return f"заглушён до {moment}"


def silent_since(moment: str) -> str:
    return f"нет данных с {moment}"


def days_loaded(count: str, first: str, last: str, missing: str) -> str:
    return f"загружено {count} из дней с {first} по {last}; {f'нет: {missing}' if missing else 'пропусков нет'}"


def checked(slot: str, ago: str) -> str:
    return f"последний проверенный — {slot}, закончился {ago} назад"


def grows(table: str, length: str) -> str:
    return f"{table}: до {length} после конца интервала"


def loaded(table: str, interval: str, delay: str, slots: bool, overdue: bool) -> str:
    what = "" if slots else "; проверяются дни, а не интервалы"
    return f"{table}: примерно раз в {interval}, с опозданием до {delay}{what}{'; просрочена' if overdue else ''}"


def lacks(metrics: str, known: int, needed: int, day: str) -> str:
    return f"{metrics}: история {known} из {needed} дней, алерты с {day}"


def no_alerts(days: int) -> str:
    return f"За последние {days} дн. алертов нет."


def scale(low: str, high: str) -> str:
    return f"шкала: от {low} до {high}"


def picture_of(metric: str) -> str:
    return f"{metric}: последние четыре недели по четвертям часа и норма"
