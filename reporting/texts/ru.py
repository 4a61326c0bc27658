"""Russian. What every name means is said once, in `reporting.texts.base.Texts`."""
# ruff: noqa: D103

from datetime import date, timedelta

from reporting.texts.base import NO_BREAK_SPACE, days_hours_minutes, fixed, inline

MISSING = "-"
SCALES: tuple[tuple[float, str], ...] = ((1e12, "трлн"), (1e9, "млрд"), (1e6, "млн"), (1e3, "тыс."))
VS_YESTERDAY = "к вчера"
THIS_WEEK = "последние 7 дней"
WEEK_BEFORE = "те же дни неделей раньше"
NO_DATA = "нет данных"
STILL_OPEN = "ещё открыт"
TEST_REPORT = "Пробный отчёт: отправлен только сюда"
INCOMPLETE = "неполные данные"
WITHDRAWN = "Отозвано"
WRONG_CLOCK = "часы feedpulse шли неверно"
WHY_NO_DATA = "Не работает приложение или опаздывает загрузка?"
NOT_FINAL = "ещё не итог: строки за этот интервал поступают, число может только вырасти"
ACTUAL = "факт"
EXPECTED = "ожидалось"
USUAL_RANGE = "норма"
DAY_BEFORE = "днём раньше"
LAST_WEEK = "неделей раньше"
OTHER_INCIDENT = "другой инцидент"
MINUTES = "минуты отклонения"
ACKNOWLEDGE = "Взять в работу"
ACKNOWLEDGED = "Взято в работу"
FALSE_ALARM = "Ложная тревога"
NEW_NORMAL = "Новая норма"
UNMUTE = "Включить уведомления"
UNMUTED = NOT_MUTED = "Уведомления включены"
REOPEN = "Открыть заново"
REOPENED = "Открыто заново"
FALSE_ALARM_HELD = "Отмечено как ложная тревога: больше о ней не напомним"
NEW_NORMAL_HELD = "Отмечено как новая норма: алерт закрыт"
REOPENED_HELD = "Открыто заново: уведомления включены"
OVER = "Алерт уже закрыт, нажатие ничего не меняет"
PRESS_UNREADABLE = "feedpulse не знает такой кнопки"
PRESS_FOREIGN = "Это кнопка другого feedpulse с тем же ботом: нажатие может до него не дойти"
PRESS_REFUSED = "У вас нет прав на кнопки этого бота"
PRESS_UNKNOWN = "feedpulse не знает такого инцидента"
NOT_EXPLAINED = "ни один срез не выделяется"
PROPOSAL = "Предложение для feedpulse.cfg"
TEST_TITLE = "Проверка связи"
TEST_TEXT = "feedpulse может писать сюда: отчёты и алерты будут приходить."

_WEEKDAYS = ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье")
_SHORT_WEEKDAYS = ("пн", "вт", "ср", "чт", "пт", "сб", "вс")
_MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня",
    "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip
_SHORT_MONTHS = ("янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")
_LAST_WEEKDAYS = (
    "прошлому понедельнику", "прошлому вторнику", "прошлой среде", "прошлому четвергу",
    "прошлой пятнице", "прошлой субботе", "прошлому воскресенью",
)  # fmt: skip


def number(value: float, decimals: int = 0, signed: bool = False) -> str:
    return fixed(value, decimals, signed, group=NO_BREAK_SPACE, point=",")


def percent(fraction: float, decimals: int = 1, signed: bool = False) -> str:
    return number(100 * fraction, decimals, signed) + NO_BREAK_SPACE + "%"


def points(fraction: float, decimals: int = 1) -> str:
    return number(100 * fraction, decimals, signed=True) + NO_BREAK_SPACE + "п.п."


def full_date(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    return f"{day.day} {_SHORT_MONTHS[day.month - 1]}"


def weekday(day: date) -> str:
    return _SHORT_WEEKDAYS[day.weekday()]


def vs_last(day: date) -> str:
    return f"к {_LAST_WEEKDAYS[day.weekday()]}"


def duration(length: timedelta) -> str:
    counts = zip(days_hours_minutes(length), ("дн.", "ч", "мин"), strict=True)
    return " ".join(f"{count} {unit}" for count, unit in counts if count) or "0 мин"


def report_title(day: str) -> str:
    return f"Отчёт за день: {day}"


def corrected(moment: str, changes: str) -> str:
    return f"Исправлено {moment}: {changes}"


def no_data_on(day: str, source: str, start: str, end: str) -> str:
    span = f" с {start} до {end}" if end else f" {since(start)}" if start else ""
    return f"Нет данных за {day} в {source}{span}: приложение не работает или загрузка опаздывает?"


def few_rows_on(day: str, source: str, rows: str, usual: str) -> str:
    return f"За {day} в {source} строк всего {rows}, обычно {usual}: приложение не работает или загрузка опаздывает?"


def no_actions_on(day: str, source: str) -> str:
    return f"За {day} в {source} ни одна строка не просмотр и не лайк: действия называются иначе?"


def whole_day(day: str) -> str:
    return f"{day}, за весь день"


def a_day(change: str, days: int) -> str:
    return f"{change} в день на протяжении {number(days)} дней"


def rows_of_days_were_late(days: str) -> str:
    return f"Данные опоздали: {days}, теперь всё как обычно"


def until(moment: str) -> str:
    return f"до {moment}"


def slots_checked(checked: int, expected: int) -> str:
    return f"проверено интервалов: {number(checked)} из {number(expected)}"


def alerts(count: int) -> str:
    return f"{number(count)} {_plural(count, 'алерт', 'алерта', 'алертов')}"


def month_so_far(days: str, before: str) -> str:
    return f"С начала месяца, {days} (к {before})"


def at_worst(change: str) -> str:
    return f"{change} в худший момент"


def compared(value: str, expected: str) -> str:
    return f"{value}, ожидалось {expected}"


def back_to_normal(outcome: str) -> str:
    return f"{outcome} (снова в норме)"


def usual_range(lower: str, upper: str) -> str:
    if not lower:
        return f"обычно не больше {upper}"
    return f"обычно от {lower} до {upper}" if upper else f"обычно не меньше {lower}"


def since(moment: str) -> str:
    return f"с {moment}"


def lasted(start: str, end: str, length: str) -> str:
    return f"с {start} до {end}, длилось {length}"


def at(moment: str) -> str:
    return f"в {moment}"


def on(day: str) -> str:
    return f"({day})"


def between(start: str, end: str, outcome: str) -> str:
    return f"с {start} до {end}: {outcome}"


def worst(when: str, outcome: str) -> str:
    return f"сильнее всего {when}: {outcome}"


def ongoing(what: str, length: str) -> str:
    return f"{what}, длится {length}"


def so_far(what: str) -> str:
    return f"{what} на данный момент"


def worse(what: str) -> str:
    return f"Стало хуже: {what}"


def told_before(change: str) -> str:
    return f"раньше сообщалось {change}"


def recovering(what: str, length: str) -> str:
    return f"{what}: возврат к норме, длится {length}"


def recovered(what: str, length: str) -> str:
    return f"{what}: снова в норме, длилось {length}"


def no_data_since(moment: str, source: str) -> str:
    return f"Нет данных{f' в {source}' if source else ''} с {moment}"


def still_no_data(source: str, length: str) -> str:
    return f"Всё ещё нет данных{f' в {source}' if source else ''}, уже {length}"


def data_was_late(start: str, end: str, source: str) -> str:
    return f"Данные опоздали: {f'{source}, ' if source else ''}с {start} до {end}"


def late_until(moment: str) -> str:
    return f"данные опаздывали до {moment}, уточнено:"


def corrected_worst(label: str, worst: str, told: str) -> str:
    return f"{label}: {f'не сильнее {worst}' if worst else 'как обычно'}, раньше сообщалось {told}"


def lost(amounts: str, so_far: bool) -> str:
    return f"{'пока недобор' if so_far else 'недобор'}: {amounts}"


def gained(amounts: str, so_far: bool) -> str:
    return f"{'пока ' if so_far else ''}сверх ожидания: {amounts}"


def amount(label: str, number: str) -> str:
    return f"{inline(label)} {number}"


def mute(length: str) -> str:
    return f"Без уведомлений {length}"


def muted(until: str) -> str:
    return f"Уведомления отключены до {until}"


def explains(slices: str, share: str, several: bool) -> str:
    return f"{slices} {'объясняют' if several else 'объясняет'} {share}"


def moved(label: str, change: str, rose: bool) -> str:
    return f"{inline(label)} {'выросли' if rose else 'упали'} ({change})"


def rate_and_mix(rate: str, mix: str) -> str:
    return f"внутри срезов {rate}, за счёт их состава {mix}"


def weekly_title(first_day: str, last_day: str) -> str:
    return f"Алерты за неделю: с {first_day} по {last_day}"


def incidents(count: int) -> str:
    return f"{number(count)} {_plural(count, 'инцидент', 'инцидента', 'инцидентов')}"


def messages(count: int) -> str:
    return f"{number(count)} {_plural(count, 'сообщение', 'сообщения', 'сообщений')}"


def confirmed(count: int) -> str:
    return f"подтверждено: {number(count)}"


def false_alarms(count: int) -> str:
    return f"ложных тревог: {number(count)}"


def now_set(value: str) -> str:
    return f"сейчас {value}"


def replayed(days: int, messages_a_month: int, missed: int, confirmed: int) -> str:
    form = _plural(abs(messages_a_month), "сообщение", "сообщения", "сообщений")
    side = "больше" if messages_a_month > 0 else "меньше"
    difference = (
        f"на {number(abs(messages_a_month))} {form} в месяц {side}" if messages_a_month else "столько же сообщений"
    )
    effect = f"проверено на {number(days)} дн.: {difference if messages_a_month else 'столько же сообщений'}"
    if not confirmed:
        return f"{effect}; подтверждённых инцидентов для проверки не было"
    if missed:
        return f"{effect}; пропущено {number(missed)} из {number(confirmed)} подтверждённых"
    return f"{effect}; найдены все подтверждённые: {number(confirmed)}"


def run_failed(task: str) -> str:
    return f"feedpulse: сбой в {task}"


def run_refused(task: str) -> str:
    return f"feedpulse: {task} не может начать работу"


def run_waits(task: str) -> str:
    return f"feedpulse: {task} не начинает работу: предыдущий запуск ещё идёт"


def run_blocked(task: str) -> str:
    return f"feedpulse: {task} не начинает работу: luigid не даёт выполнить задачу, или нет нужных ей данных"


def run_works(task: str, late_slots: int) -> str:
    form = _plural(late_slots, "интервал проверен", "интервала проверены", "интервалов проверены")
    late = f", {number(late_slots)} {form} с опозданием" if late_slots else ""
    return f"feedpulse: {task} снова работает{late}"


def without_luigid() -> str:
    return "feedpulse: luigid не отвечает, задачи выполняются без него"


def with_luigid() -> str:
    return "feedpulse: luigid снова отвечает"


def no_report(day: str, deadline: str) -> str:
    return f"feedpulse: отчёт за {day} не отправлен к {deadline}"


def report_sent(day: str) -> str:
    return f"feedpulse: отчёт за {day} отправлен"


def no_checks(moment: str) -> str:
    return f"feedpulse: с {moment} не проверен ни один интервал"


def history_lost(metrics: str) -> str:
    return f"feedpulse: {metrics}: не проверяется, вчерашняя история пропала"


def history_back() -> str:
    return "feedpulse: у всех метрик снова есть история"


def learning(day: date) -> str:
    return f"feedpulse: накапливается история, алерты начнутся {day.day} {_MONTHS[day.month - 1]}"


def learnt() -> str:
    return "feedpulse: история накоплена, проверяются все метрики"


def loaded_late(source: str, interval: str, delay: str) -> str:
    return (
        f"feedpulse: {source}: загрузка примерно раз в {interval}, поэтому алерты приходят после каждой загрузки, "
        f"не позже чем через {delay} после четверти часа, о которой сообщают"
    )


def loaded_rarely(source: str, interval: str) -> str:
    return (
        f"feedpulse: {source}: загрузка примерно раз в {interval}, слишком редко для алертов каждые 15 минут; "
        "проверяются целые дни"
    )


def loaded_at_once(source: str) -> str:
    return f"feedpulse: {source}: строки приходят сразу, алерты каждые 15 минут"


def load_is_missing(source: str, moment: str, interval: str) -> str:
    return f"feedpulse: {source}: нет строк после {moment}; до этого загрузка была примерно раз в {interval}"


def load_came(source: str) -> str:
    return f"feedpulse: {source}: загрузка снова есть"


def checks_again() -> str:
    return "feedpulse: интервалы снова проверяются"


def foreign_presses() -> str:
    return "feedpulse: тот же бот у другой установки или программы, нажатия кнопок могут потеряться"


def more(count: int) -> str:
    return f"и ещё {number(count)}"


def _plural(count: int, one: str, few: str, many: str) -> str:
    """Return the form of a noun after `count`: 1 алерт, 2 алерта, 5 алертов, 11 алертов, 21 алерт."""
    if count % 10 == 1 and count % 100 != 11:
        return one
    return few if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else many
