"""How the cost of a day grows with its rows: CPU a row, and the memory of the engine and of Python.

``python -m tests.benchmarks.scale [--rows 1e6 1e7 3e7] [--rounds 3] [--max-memory 2G]``

A server makes the events of a day in SQL: as many rows of the feed, a fifth as many messages, a reader for 50 rows.
Each round loads the whole day (`DailyMetrics`, with its reconciliation) in its own process and its own database. It
prints medians; the last column compares the CPU a row with that of 1e7 rows. 1e8 rows take some 3 GB of disk and half
an hour on two cores; everything is deleted at the end.
"""

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import luigi

from pipeline.tasks import DailyMetrics
from pipeline.warehouse.engines import ServerEngine
from pipeline.warehouse.tables import open_warehouse
from tests.benchmarks.etl import DAY, NOW, SOURCE, MeasuredEngine, make_events
from tests.pipeline.configuration import configured, shipped
from tests.pipeline.etl.running import place
from tests.servers.clickhouse import ClickHouseServer

ROWS_A_USER = 50
ROWS_A_MESSAGE = 5
COMPARED_ROWS = 10_000_000


class Cost(NamedTuple):
    """What a day cost."""

    engine_cpu: float
    engine_mib: float
    """The peak of the engine over what it needs without a statement."""
    python_cpu: float
    python_mib: float
    seconds: float
    checksum: int


def load(warehouse: ServerEngine, database: str, max_memory: str) -> tuple[float, float, int]:
    """Load the day in this process: its CPU seconds and peak MiB, and a checksum of the result."""
    options = {
        "warehouse": {**place(warehouse), "database": database, "max_memory": max_memory},
        "source": {"database": SOURCE},
        "etl": {"attribute_days": "0"},
        "clock": {"timezone": "Europe/Moscow"},
        "worker": shipped("worker"),
    }
    with configured(NOW, **options):
        open_warehouse()
        cpu = time.process_time()
        if not luigi.build([DailyMetrics(date=DAY)], local_scheduler=True, log_level="WARNING"):
            raise SystemExit("the day was not loaded")
        cpu = time.process_time() - cpu
        columns = (
            "dimension, dimension_value, views, likes, messages_received, messages_sent, users_received, users_sent"
        )
        sql = f"SELECT sum(cityHash64({columns})) FROM {database}.daily_metrics"
        ((checksum,),) = warehouse.query(sql)
    return cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, checksum


def measure(server: ClickHouseServer, number: int, max_memory: str) -> Cost:
    """Load the day once, into a new database."""
    warehouse = ServerEngine(server.host, server.port)
    engine = MeasuredEngine("server", warehouse, lambda: server.pid)
    database = f"scale_{number}"
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak begins anew
    base, cpu, start = engine.peak_bytes(), engine.cpu_seconds(), time.perf_counter()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        own = pool.submit(load, warehouse, database, max_memory).result()
    seconds, cpu = time.perf_counter() - start, engine.cpu_seconds() - cpu
    peak = (engine.peak_bytes() - base) / 2**20
    warehouse.execute(f"DROP DATABASE {database}", idempotent=True)
    return Cost(cpu, peak, own[0], own[1], seconds, own[2])


def day_of(rows: int, rounds: int, max_memory: str) -> Cost:
    """Make the events of a day, and load them; return medians."""
    with tempfile.TemporaryDirectory() as folder, ClickHouseServer(Path(folder) / "server") as server:
        warehouse = ServerEngine(server.host, server.port, query_timeout_seconds=3600)
        make_events(warehouse, rows // ROWS_A_USER, rows, rows // ROWS_A_MESSAGE)
        every = [measure(server, number, max_memory) for number in range(rounds + 1)][1:]  # the first one warms caches
    if len({cost.checksum for cost in every}) != 1:
        raise SystemExit("the results of rounds differ")
    medians = {
        name: statistics.median(getattr(cost, name) for cost in every) for name in Cost._fields if name != "checksum"
    }
    return every[0]._replace(**medians)


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6, 1e7, 3e7])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-memory", default="", help="[warehouse] max_memory")
    options = parser.parse_args()
    print(
        f"{'rows':>12}{'engine CPU':>12}{'us a row':>10}{'engine MiB':>12}{'own CPU':>12}{'MiB':>6}{'wall':>8}  of 1e7"
    )
    compared = 0.0
    for rows in map(int, options.rows):
        cost = day_of(rows, options.rounds, options.max_memory)
        a_row = (cost.engine_cpu + cost.python_cpu) / rows * 1e6
        compared = a_row if rows == COMPARED_ROWS else compared
        print(
            f"{rows:>12,}{cost.engine_cpu:>12.2f}{a_row:>10.3f}{cost.engine_mib:>12,.0f}{cost.python_cpu:>12.2f}"
            f"{cost.python_mib:>6.0f}{cost.seconds:>8.1f}  {f'{a_row / compared:.2f}' if compared else '-'}"
            f"  checksum {cost.checksum}",
            flush=True,
        )


if __name__ == "__main__":
    main()
