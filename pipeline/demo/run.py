"""Plays the demo: generates 30 days of events, then runs the tasks as cron would have on the last day."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import luigi
from luigi.configuration import get_config
from tqdm import tqdm

from pipeline.alerts.backtest.replay import replay
from pipeline.core import clock, own_file, process, settings
from pipeline.core.errors import FeedpulseError
from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import Scenario, default_incidents
from pipeline.demo.summary import REPLAY, print_summary
from pipeline.demo.words import BY_LANGUAGE
from pipeline.tasks import Alerts, CheckAlerts, DailyMetrics, Morning, SlotHistory
from pipeline.tasks.status import page as status_page
from pipeline.warehouse import connections
from pipeline.warehouse.statements import statement

SOURCE_DATABASE = "demo"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # fixed, so that the demo is the same on every machine
DAYS = 30
LOADED_DAYS = 14  # seven days of the report, over those of the week before
MORNING = timedelta(hours=9)


def run(folder: Path, views_per_day: float, language: str) -> None:
    """Play the demo and print what happens.

    Parameters
    ----------
    folder : Path
        Directory for all files of the demo; replaces an earlier demo there.
    views_per_day : float
        Views a day, the scale of the demo.
    language : str
        The language of the messages and of what is printed: en or ru.

    Raises
    ------
    FeedpulseError
        If a task fails.
    """
    folder = folder.absolute()
    last_day, words = NOW.date(), BY_LANGUAGE[language]
    _configure(folder, last_day - timedelta(days=LOADED_DAYS), language)
    _empty(folder)
    logging.getLogger("pipeline").setLevel(logging.WARNING)  # a bar says how far the load is
    scenario = Scenario(
        first_day=last_day - timedelta(days=DAYS - 1),
        days=DAYS,
        views_per_day=views_per_day,
        incidents=default_incidents(NOW),
        until=NOW,
    )
    print(words.events.format(days=DAYS, count=len(scenario.incidents)), flush=True)
    engine = connections.warehouse()
    create_tables(engine, SOURCE_DATABASE)
    with tqdm(total=DAYS, unit="day", disable=None) as bar:
        counts = load(engine, SOURCE_DATABASE, scenario, lambda done, days: bar.update())
    print(words.counted.format(feed=counts.feed_actions, messages=counts.message_actions))

    midnight = clock.day_bounds(last_day)[0]
    print(f"\n{words.slots}", flush=True)
    clock.set_now(midnight.replace(tzinfo=UTC))
    with _progress(SlotHistory, luigi.Event.PROGRESS, settings.AlertSettings().history_days, "day"):
        _build(SlotHistory(date=clock.yesterday()), midnight)

    print(f"\n{words.checks}", flush=True)
    moments = [midnight + i * clock.SLOT for i in range((NOW.replace(tzinfo=None) - midnight) // clock.SLOT + 1)]
    with _progress(CheckAlerts, luigi.Event.SUCCESS, clock.SLOTS_A_DAY + len(moments), "slot"):
        for moment in moments:
            _build(Alerts(), moment)

    print(f"\n{words.days.format(days=LOADED_DAYS)}", flush=True)
    with _progress(DailyMetrics, luigi.Event.SUCCESS, LOADED_DAYS, "day"):
        _build(Morning(), midnight + MORNING)
    clock.set_now(NOW)
    print(f"\n{words.replay}\n", flush=True)
    earliest = clock.to_local(min(item.start for item in scenario.incidents).replace(tzinfo=None)).date()
    replay(earliest, earliest, folder / REPLAY)
    status_page.rewrite()
    print_summary(folder, last_day - timedelta(days=1), scenario.incidents, words)


def settings_of(folder: Path, first_loaded: date, language: str) -> dict[str, dict[str, str]]:
    """Return the only settings of the demo; the user's own are not read.

    Also those that equal the default: a luigi.cfg may be beside who tries the demo's file.
    """
    return {
        "clock": {"timezone": "Europe/Moscow", "now": f"{NOW:%Y-%m-%dT%H:%M}"},
        "warehouse": {"engine": "embedded", "path": f"{folder}/warehouse", "database": "test"},
        "source": {
            "engine": "",
            "database": SOURCE_DATABASE,
            "feed_table": "feed_actions",
            "message_table": "message_actions",
        },
        "etl": {"start": str(first_loaded), "table": "daily_metrics"},
        "report": {"channels": "outbox", "language": language},
        "alerts": {"channels": "outbox", "links": '["https://bi.example/dashboard/1?from={start}&to={end}"]'},
        "outbox": {"path": f"{folder}/outbox"},
        "status": {"path": f"{folder}/status"},
        "delivery": {"lock_path": f"{folder}/locks"},
        "core": {"autoload_range": "true"},
    }


def _configure(folder: Path, first_loaded: date, language: str) -> None:
    path = folder / "luigi.cfg"
    said = settings_of(folder, first_loaded, language)
    text = own_file.render(said, "The demo's settings: everything stays in its directory.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own_file.write(path, text)
    except OSError as error:
        raise FeedpulseError(f"cannot write to {folder}: {error.strerror}. Give another directory (--path).") from error
    config = get_config()
    config.clear()  # the demo must never reach the warehouse of ./luigi.cfg
    config.read([str(path)])
    process.set_luigi_defaults()
    process.reset()


def _empty(folder: Path) -> None:
    engine = connections.warehouse()
    for database in (SOURCE_DATABASE, settings.WarehouseSettings().database):
        engine.execute(statement("drop_database", database=database), idempotent=True)
    for name in ("outbox", "status"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _build(root: luigi.Task, moment: datetime) -> None:
    clock.set_now(moment.replace(tzinfo=UTC))
    if not luigi.build([root], local_scheduler=True, log_level="WARNING", detailed_summary=True).scheduling_succeeded:
        raise FeedpulseError(f"the task {root} failed at {moment} UTC: see the lines above.")


@contextlib.contextmanager
def _progress(family: type[luigi.Task], event: str, total: int, unit: str) -> Iterator[None]:
    """Show a progress bar that advances with each event of a task of the family."""
    with tqdm(total=total, unit=unit, disable=None) as bar:

        def move(_: luigi.Task) -> None:
            bar.update()

        family.event_handler(event)(move)
        try:
            yield
        finally:
            family.remove_event_handler(event, move)
