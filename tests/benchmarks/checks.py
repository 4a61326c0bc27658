"""The cost of a quiet check, the saving by the rollup, and the time to catch up a day of missed slots.

``python -m tests.benchmarks.checks [--rounds 5] [--feed 2000000] [--messages 400000] [--engine embedded|server]``

1. A check without findings, minus its warehouse statements, against a no-op Luigi run that imports numpy and the
   driver: CPU of whole processes, in turn. The no-op runs with the driver as imported by default, and once more as a
   check imports it: without the driver's table of all dates, which our statements do not need.
2. Reading a check's input from ``slot_metrics``, against counting it from 28 days of raw events: CPU of the engine and
   of the reading process together; both give the same numbers.
3. A check that catches up 96 slots.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from pipeline.alerts.detection import monitors
from pipeline.core import clock, process, settings
from pipeline.core.dimensions import DIMENSIONS, Dimension
from pipeline.core.metrics import FEED, MESSAGES, METRICS
from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import Scenario
from pipeline.slots import history, measure, series
from pipeline.slots.series import Part
from pipeline.tasks import SlotHistory
from tests.benchmarks.etl import MeasuredEngine, engines
from tests.pipeline.configuration import configured, shipped
from tests.pipeline.etl.running import place

TODAY = date(2026, 11, 12)
MIDNIGHT = datetime(2026, 11, 12)
DAYS = 28
READS = 20
# The events of a day: attributes depend on the user, times are spread over the day.
EVENTS = """
    INSERT INTO bench_raw.{table} SELECT
        toUInt32(intHash64(number + {day} * 7919) % 50000) AS user_id, {own},
        toDateTime('{date} 00:00:00', 'UTC') + intHash32(number * 7 + {day}) % 86400 AS time,
        toInt8(intHash32(user_id) % 2) AS gender, toInt16(14 + intHash32(user_id + 1) % 50) AS age,
        if(intHash32(user_id + 2) % 5 < 3, 'Android', 'iOS') AS os,
        if(intHash32(user_id + 3) % 2 = 0, 'ads', 'organic') AS source,
        arrayElement(['Russia', 'Ukraine', 'Belarus', 'Turkey'], 1 + intHash32(user_id + 4) % 4) AS country,
        'Moscow' AS city, toInt8(intHash32(user_id + 5) % 5) AS exp_group
    FROM (SELECT number FROM system.numbers LIMIT {rows})
"""
ATTRIBUTES = """
    time DateTime('UTC'), gender Int8, age Int16, os String, source String, country String, city String, exp_group Int8
"""
Counts = dict[tuple[Part, int], tuple[int, int]]

# Both import the driver before the measurement: it would otherwise count as part of the first statement.
MEASURED = """
import os, sys, time
import clickhouse_driver.client, numpy, luigi
from luigi.cmdline import luigi_run
spent, statements, depth = 0.0, 0, 0

def counted(method):
    def wrapper(*arguments, **options):
        global spent, statements, depth
        depth += 1
        start = time.process_time()
        try:
            return method(*arguments, **options)
        finally:
            depth -= 1
            if not depth:
                spent, statements = spent + time.process_time() - start, statements + 1
    return wrapper

class NoOp(luigi.Task):
    def complete(self):
        return True

if sys.argv[1] != "NoOp":
    from pipeline.warehouse.engines import Engine
    for name in ("query", "execute", "insert"):
        setattr(Engine, name, counted(getattr(Engine, name)))
try:
    luigi_run(sys.argv[1:])
finally:
    packages = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
    print(time.process_time() - spent, statements, *sorted(name for name in packages if name[0] != "_"))
"""


class Place:
    """A directory with a luigi.cfg, to run processes in.

    Parameters
    ----------
    folder : Path
        The directory.
    engine : MeasuredEngine
        Has the events in the database ``bench_demo``.
    database : str
        The database of the results.
    tree : Path, optional
        The directory of the code that is run; by default that of this file.
    """

    def __init__(
        self, folder: Path, engine: MeasuredEngine, database: str = "bench_checks", tree: Path | None = None
    ) -> None:
        self.folder = folder
        self.tree = tree or Path(__file__).parents[2]
        self.sections: dict[str, dict[str, str]] = {
            "clock": {"timezone": "UTC"},
            "warehouse": {**place(engine.warehouse), "database": database},
            "source": {"database": "bench_demo"},
            "alerts": {"channels": "outbox", "catch_up_hours": "24"},
            "outbox": {"path": str(folder / "outbox")},
            "delivery": {"lock_path": str(folder / "locks")},
            "core": {"log_level": "WARNING", "lock_pid_dir": str(folder / "pids")},
            "worker": shipped("worker"),
            "retcode": {"task_failed": "30", "scheduling_error": "35", "not_run": "25"},
        }
        lines = []
        for name, options in self.sections.items():
            lines += [f"[{name}]", *(f"{key} = {value}" for key, value in options.items())]
        (folder / "luigi.cfg").write_text("\n".join(lines) + "\n")

    def run(self, task: str, *arguments: str, dates: bool = False) -> tuple[float, int, list[str]]:
        """Run a task in a new process; return CPU seconds beyond its statements, their number, and its imports.

        With `dates` the driver makes its table of dates.
        """
        environment = os.environ | {"LUIGI_CONFIG_PATH": str(self.folder / "luigi.cfg")}
        environment["CLICKHOUSE_DRIVER_LASY_DATE_LUT"] = "" if dates else "1"
        # Other packages were compiled at their installation, our modules at their first import.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPATH"] = str(self.tree)
        module = () if task == "NoOp" else ("--module", "pipeline")
        command = [sys.executable, "-c", MEASURED, task, *module, *arguments, "--local-scheduler"]
        done = subprocess.run(command, env=environment, cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True)
        seconds, statements, *packages = done.stdout.splitlines()[-1].split()
        return float(seconds), int(statements), packages

    def check(self, now: datetime) -> tuple[float, int, list[str]]:
        """Run `Alerts` at a moment."""
        return self.run("Alerts", "--clock-now", f"{now:%Y-%m-%dT%H:%M}")


def cpu_seconds(engine: MeasuredEngine, act: Callable[[], object]) -> float:
    """CPU of the engine and of this process during `act`."""
    start = engine.cpu_seconds() + time.process_time()
    act()
    return engine.cpu_seconds() + time.process_time() - start


def measure_checks(engine: MeasuredEngine, rounds: int) -> None:
    """Print 1 and 3."""
    with tempfile.TemporaryDirectory() as name:
        site = Place(Path(name), engine)
        scenario = Scenario(first_day=TODAY - timedelta(days=DAYS + 1), days=DAYS + 2, incidents=())
        create_tables(engine.warehouse, "bench_demo")
        load(engine.warehouse, "bench_demo", scenario)
        with configured(MIDNIGHT, **site.sections):
            SlotHistory(date=TODAY - timedelta(days=1)).run()

        now = MIDNIGHT + timedelta(hours=9)
        start, engine_start = time.perf_counter(), engine.cpu_seconds()
        beyond, statements, _ = site.check(now)
        wall, inside = time.perf_counter() - start, engine.cpu_seconds() - engine_start
        print(
            f"{engine.name}: a check that catches up 96 slots: {wall:.1f} s, {statements} statements; CPU "
            f"{beyond:.1f} s beyond them, {inside:.1f} s in the engine",
            flush=True,
        )

        ratios, lazy_ratios, packages = [], [], set[str]()
        for _ in range(rounds):
            now += clock.SLOT
            as_it_comes, _, usual = site.run("NoOp", dates=True)
            lazy, *_ = site.run("NoOp")
            beyond, statements, imported = site.check(now)
            ratios.append(beyond / as_it_comes)
            lazy_ratios.append(beyond / lazy)
            packages = set(imported) - set(usual)
        messages = len(list((site.folder / "outbox").glob("*.txt")))
        with configured(now, **site.sections):
            parts = history.read(METRICS, now - clock.SLOT, DAYS, settings.AlertSettings().slice_volume).parts
        print(
            f"{engine.name}: a check of {len(monitors())} metrics and {len(parts) - len(METRICS)} slices, beyond its "
            f"{statements} statements: {statistics.median(ratios):.2f} of a no-op run that imports numpy and the "
            f"driver [{min(ratios):.2f}..{max(ratios):.2f}], {statistics.median(lazy_ratios):.2f} where that makes no "
            f"table of dates either [{min(lazy_ratios):.2f}..{max(lazy_ratios):.2f}]; messages {messages}; "
            f"imports besides: {', '.join(sorted(packages))}",
            flush=True,
        )


def make_events(engine: MeasuredEngine, feed: int, messages: int) -> None:
    """Fill both source tables inside the engine; `feed` and `messages` are rows a day."""
    engine.warehouse.execute("CREATE DATABASE bench_raw")
    for table, own, rows in (
        ("feed_actions", "if(intHash32(number) % 6 = 0, 'like', 'view') AS action", feed),
        ("message_actions", "toUInt32(intHash64(number) % 50000) AS receiver_id", messages),
    ):
        column = "action String" if table == "feed_actions" else "receiver_id UInt32"
        engine.warehouse.execute(
            f"CREATE TABLE bench_raw.{table} (user_id UInt32, {column}, {ATTRIBUTES}) ENGINE = MergeTree ORDER BY time"
        )
        for back in range(DAYS, 0, -1):
            engine.warehouse.execute(
                EVENTS.format(table=table, own=own, rows=rows, day=back, date=TODAY - timedelta(days=back))
            )


def count_raw(engine: MeasuredEngine, dimensions: Sequence[Dimension], start: datetime) -> Counts:
    """Count every metric of every slot from raw events: in total, or by each of the given dimensions."""
    counts: Counts = {}
    slices = ", ".join(f"('{item.name}', {item.event_value})" for item in dimensions) or "('total', 'all')"
    for kind, table in ((FEED, "feed_actions"), (MESSAGES, "message_actions")):
        measured = [metric for metric in METRICS if metric.table == kind]
        numbers = ", ".join(f"{metric.slot}, {metric.slot_denominator or 1}" for metric in measured)
        rows = engine.warehouse.query(
            f"SELECT arrayJoin([{slices}]) AS slice, slice.1, slice.2, "
            f"intDiv(toUInt32(time), 900) * 900 AS slot, {numbers} FROM bench_raw.{table} "
            f"WHERE time >= toDateTime('{start}', 'UTC') GROUP BY slice, slot"
        )
        for _, dimension, value, slot, *pairs in rows:
            for metric, numerator, denominator in zip(measured, pairs[::2], pairs[1::2], strict=True):
                counts[Part(metric.name, dimension, value), slot] = (numerator, denominator)
    return counts


def measure_rollup(engine: MeasuredEngine, rounds: int, feed: int, messages: int) -> None:
    """Print 2."""
    make_events(engine, feed, messages)
    sections = {
        "clock": {"timezone": "UTC"},
        "warehouse": {**place(engine.warehouse), "database": "bench_rollup"},
        "source": {"database": "bench_raw"},
    }
    with configured(MIDNIGHT, **sections):
        measure.measure_days([TODAY - timedelta(days=back) for back in range(DAYS, 0, -1)], lambda _: None)
        print(f"{engine.name}: {DAYS} days of {feed:,} and {messages:,} rows; CPU of counting them against the rollup:")
        measure_reading(engine, rounds, "totals", None)
        measure_reading(engine, rounds, "totals and slices", 0.0)


def measure_reading(engine: MeasuredEngine, rounds: int, what: str, slice_volume: float | None) -> None:
    """Print one ratio of 2."""
    # The first slot of a table may lack events from before its start, so it is never measured.
    first, newest = MIDNIGHT - timedelta(days=DAYS) + clock.SLOT, MIDNIGHT - clock.SLOT

    def count() -> Counts:
        counts = count_raw(engine, (), first)
        if slice_volume is not None:  # a check reads the slices of the newest days only
            counts |= count_raw(engine, DIMENSIONS, newest - timedelta(days=series.SLICE_DAYS + 1, hours=1))
        return counts

    def read() -> series.Series:
        process.reset()  # as a new process
        return history.read(METRICS, newest, DAYS - 1, slice_volume)

    def read_often() -> None:
        for _ in range(READS):
            read()

    require_equal(read(), count())
    ratios, readings = [], []
    for _ in range(rounds):
        raw = cpu_seconds(engine, count)
        readings.append(cpu_seconds(engine, read_often) / READS)
        ratios.append(raw / readings[-1])
    print(
        f"  {what}: {statistics.median(ratios):,.0f} times [{min(ratios):,.0f}..{max(ratios):,.0f}]; "
        f"a reading {1000 * statistics.median(readings):.0f} ms",
        flush=True,
    )


def require_equal(series: series.Series, counted: Counts) -> None:
    """Stop if the rollup and the events give different numbers."""
    first = clock.epoch(MIDNIGHT - timedelta(days=DAYS))
    rows = {part: row for row, part in enumerate(series.parts)}
    assert rows.keys() == {part for part, _ in counted}, "other parts"
    for (part, slot), (numerator, denominator) in counted.items():
        column = (slot - first) // 900
        got = (series.numerators[rows[part], column], series.denominators[rows[part], column])
        assert got == (numerator, denominator), f"{part} at {slot}: {got}, not {numerator} and {denominator}"


def main() -> None:
    """Measure on each engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--feed", type=int, default=2_000_000)
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--engine", choices=("embedded", "server", "both"), default="both")
    options = parser.parse_args()
    with engines(options.engine) as each:
        for engine in each:
            measure_checks(engine, options.rounds)
            measure_rollup(engine, options.rounds, options.feed, options.messages)


if __name__ == "__main__":
    main()
