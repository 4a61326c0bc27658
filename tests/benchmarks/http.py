"""A whole day over HTTP against the native protocol: the CPU of the load and of the server.

``python -m tests.benchmarks.http [--feed 1000000] [--messages 200000] [--rounds 9]``

Both load the same day of the same server, in turn, each round in a process of its own: Daily's tasks, from the events
to the published tables. It prints the medians, and their ratio with that of each round's pair.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import luigi

from pipeline.tasks import DailyMetrics
from pipeline.warehouse.engines import Engine, HttpEngine, ServerEngine
from tests.benchmarks.etl import DAY, NOW, SOURCE, MeasuredEngine, make_events
from tests.pipeline.configuration import configured, shipped
from tests.pipeline.etl.running import place
from tests.servers.clickhouse import ClickHouseServer

WARM_ROUNDS = 2


class Cost(NamedTuple):
    """CPU seconds, and the rows that were loaded."""

    client: float
    server: float
    rows: tuple[object, ...]


def load(engine: Engine, database: str) -> tuple[float, tuple[object, ...]]:
    """Load the day in this process; return its CPU seconds and the rows."""
    sections = {
        "clock": {"timezone": "Europe/Moscow"},
        "worker": shipped("worker"),
        "warehouse": {**place(engine), "database": database},
        "source": {"database": SOURCE},
        "etl": {"attribute_days": "1"},
    }
    with configured(NOW, **sections):
        # The first load of a process imports modules and makes tables.
        assert luigi.build([DailyMetrics(date=DAY - timedelta(days=1))], local_scheduler=True, log_level="ERROR")
        before = time.process_time()
        assert luigi.build([DailyMetrics(date=DAY)], local_scheduler=True, log_level="ERROR")
        cpu = time.process_time() - before
    sql = f"SELECT count(), sum(views), sum(messages_sent) FROM {database}.daily_metrics"
    (rows,) = engine.query(sql)
    return cpu, rows


def measure(measured: MeasuredEngine, database: str) -> Cost:
    """Load the day in a process of its own, into a new database."""
    before = measured.cpu_seconds()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        cpu, rows = pool.apply(load, (measured.warehouse, database))
        pool.close()
        pool.join()
    server = measured.cpu_seconds() - before
    measured.warehouse.execute(f"DROP DATABASE {database}")
    return Cost(cpu, server, rows)


def main() -> None:
    """Measure both in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feed", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ClickHouseServer(Path(folder) / "server") as server:
        native = ServerEngine(server.host, server.port)
        http = HttpEngine(f"http://{server.host}:{server.http_port}")
        make_events(native, readers=options.feed // 20, feed=options.feed, messages=options.messages)
        ways = [
            MeasuredEngine(name, engine, lambda: server.pid) for name, engine in (("native", native), ("http", http))
        ]
        costs: dict[str, list[Cost]] = {way.name: [] for way in ways}
        for number in range(WARM_ROUNDS + options.rounds):
            for way in ways if number % 2 else reversed(ways):
                cost = measure(way, f"bench_{way.name}_{number}")
                if number >= WARM_ROUNDS:
                    costs[way.name].append(cost)
    assert len({cost.rows for some in costs.values() for cost in some}) == 1, costs
    print(f"{options.feed:,} feed rows, {options.messages:,} messages, {options.rounds} rounds, CPU seconds (medians)")
    print(f"{'':<8}{'client':>8}{'server':>8}{'both':>8}")
    for name, some in costs.items():
        columns = [[c.client for c in some], [c.server for c in some], [c.client + c.server for c in some]]
        print(f"{name:<8}" + "".join(f"{statistics.median(column):8.3f}" for column in columns))
    ratios = [
        [h / n for h, n in zip(map(pick, costs["http"]), map(pick, costs["native"]), strict=True)]
        for pick in (lambda c: c.client, lambda c: c.server, lambda c: c.client + c.server)
    ]
    print(f"{'ratio':<8}" + "".join(f"{statistics.median(column):8.3f}" for column in ratios))
    print(f"{'':<8}" + "".join(f"  {min(column):.2f}-{max(column):.2f}" for column in ratios))


if __name__ == "__main__":
    main()
