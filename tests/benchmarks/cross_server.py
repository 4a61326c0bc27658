"""Memory of an extract from another server: per-user rows travel in blocks, so memory does not grow with users.

``python -m tests.benchmarks.cross_server [--users 5000000]``

Events are on a server, results in an embedded warehouse. It prints the seconds of `FeedUserDay` and `MessageUserDay`
and the greatest resident memory of the process that carried the rows, against a day of a thousandth of the users.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from pipeline.tasks import FeedUserDay, MessageUserDay
from pipeline.warehouse.engines import EmbeddedEngine, ServerEngine
from tests.benchmarks.etl import DAY, NOW, SOURCE, make_events
from tests.conftest import end_owner
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place
from tests.servers.clickhouse import ClickHouseServer

Extract = type[FeedUserDay] | type[MessageUserDay]
EXTRACTS: tuple[Extract, ...] = (FeedUserDay, MessageUserDay)


def carry(origin: ServerEngine, warehouse: EmbeddedEngine, extract: Extract) -> tuple[int, float, float]:
    """Extract a day in this process: users, seconds, greatest resident MiB."""
    options = {
        "warehouse": {**place(warehouse), "database": "carried"},
        "source": {**place(origin), "database": SOURCE},
        "clock": {"timezone": "Europe/Moscow"},
    }
    with configured(NOW, **options):
        start = time.perf_counter()
        load = extract(date=DAY)
        load.run()
        seconds = time.perf_counter() - start
        ((users,),) = warehouse.query(f"SELECT count() FROM carried.{load.table}")
    return users, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure a small day and a big one, each in its own process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=5_000_000)
    wanted = parser.parse_args().users
    for users in (wanted // 1000, wanted):
        with tempfile.TemporaryDirectory() as folder, ClickHouseServer(Path(folder) / "server") as server:
            origin = ServerEngine(server.host, server.port)
            warehouse = EmbeddedEngine(f"{folder}/warehouse")
            # Enough messages that users who sent or received one outnumber half of the readers.
            make_events(origin, readers=users, feed=2 * users, messages=6 * users)
            for extract in EXTRACTS:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    carried, seconds, peak = pool.apply(carry, (origin, warehouse, extract))
                print(
                    f"{extract.__name__:<15}{carried:>9,} users: {seconds:6.1f} s, peak {peak:,.0f} MiB in the process "
                    "that carries them",
                    flush=True,
                )
            end_owner(warehouse)


if __name__ == "__main__":
    main()
