"""An extract from another server: the CPU a user and the memory of the process that carries the rows.

``python -m tests.benchmarks.cross_server [--users 1000000] [--rounds 5]``

Events are on a server, results in an embedded warehouse. `FeedUserDay` and `MessageUserDay` load a day over the native
protocol and over HTTP, in turn with blocks that pass undecoded and with each value decoded and encoded, as every block
was before. It prints medians, whether the loaded rows are equal, and the peak memory against a day of a thousandth of
the users.
"""

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.tasks import FeedUserDay, MessageUserDay
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine, raw
from tests.benchmarks.etl import DAY, NOW, SOURCE, make_events
from tests.conftest import end_owner
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place
from tests.servers.clickhouse import ClickHouseServer

Extract = type[FeedUserDay] | type[MessageUserDay]
EXTRACTS: tuple[Extract, ...] = (FeedUserDay, MessageUserDay)
WAYS: dict[str, Callable[[], None]] = {"as they are": lambda: None, "decoded": lambda: decode()}


class Carried(NamedTuple):
    """What an extract cost."""

    users: int
    checksum: int
    cpu: float
    seconds: float
    peak_mib: float


def decode() -> None:
    """Make this process decode and encode each value."""

    def insert(engine: Engine, table: str, columns: Any, blocks: Any) -> None:
        for group in raw.grouped(block.renamed(columns) for block in blocks):
            engine.insert(table, {name: [value for block in group for value in block[name]] for name in columns})

    setattr(Engine, "insert_blocks", insert)  # noqa: B010


def carry(origin: dict[str, str], warehouse: EmbeddedEngine, extract: Extract, way: str) -> Carried:
    """Extract a day in this process."""
    options = {
        "warehouse": {**place(warehouse), "database": "carried"},
        "source": {**origin, "database": SOURCE},
        "clock": {"timezone": "Europe/Moscow"},
    }
    WAYS[way]()
    with configured(NOW, **options):
        extract(date=DAY).run()  # the first load makes tables and imports modules
        start, cpu = time.perf_counter(), time.process_time()
        load = extract(date=DAY)
        load.run()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        sql = f"SELECT count(), sum(cityHash64(tuple(*))) FROM carried.{load.table}"
        ((users, checksum),) = warehouse.query(sql)
    return Carried(users, checksum, cpu, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(origins: dict[str, dict[str, str]], warehouse: EmbeddedEngine, rounds: int) -> None:
    """Print the medians of each extract and protocol, both ways in turn."""
    for extract in EXTRACTS:
        for protocol, origin in origins.items():
            every: dict[str, list[Carried]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way in WAYS:
                    with multiprocessing.get_context("spawn").Pool(1) as pool:
                        every[way].append(pool.apply(carry, (origin, warehouse, extract, way)))
            equal = len({(each.users, each.checksum) for ways in every.values() for each in ways}) == 1
            for way, carried in every.items():
                users = carried[0].users
                cpu = statistics.median(each.cpu / users * 1e6 for each in carried)
                print(
                    f"{extract.__name__:<15}{protocol:<8}{way:<12}{users:>10,} users {cpu:6.2f} us of CPU a user"
                    f"{statistics.median(each.seconds for each in carried):7.1f} s"
                    f"{max(each.peak_mib for each in carried):6.0f} MiB, rows equal: {'yes' if equal else 'NO'}",
                    flush=True,
                )


def main() -> None:
    """Measure a small day and a big one, each load in its own process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for users, rounds in ((options.users // 1000, 1), (options.users, options.rounds)):
        with tempfile.TemporaryDirectory() as folder, ClickHouseServer(Path(folder) / "server") as server:
            origins = {
                "native": {"engine": "server", "host": server.host, "port": str(server.port)},
                "http": {"engine": "http", "url": f"http://{server.host}:{server.http_port}"},
            }
            warehouse = EmbeddedEngine(f"{folder}/warehouse")
            # Enough messages that users who sent or received one outnumber half of the readers.
            make_events(ServerEngine(server.host, server.port), readers=users, feed=2 * users, messages=6 * users)
            measure(origins, warehouse, rounds)
            end_owner(warehouse)


if __name__ == "__main__":
    main()
