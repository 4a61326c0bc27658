"""Reloads a day in a loop, from each source in turn, until it is killed: ``reloading.py DAY SOURCE SOURCE``."""

import itertools
import sys
from datetime import date

import luigi
from luigi.configuration import LuigiConfigParser

from pipeline.core import process
from pipeline.tasks import DailyMetrics
from pipeline.tasks.etl import invalidate, load_chain
from pipeline.warehouse import tables


def main() -> None:
    """Invalidate the day's load and run it again, in this process."""
    day, *databases = sys.argv[1:]
    task = DailyMetrics(date=date.fromisoformat(day))
    with tables.unchecked():  # the warehouse would refuse the other source
        for database in itertools.cycle(databases):
            LuigiConfigParser.instance().set("source", "database", database)
            process.reset()
            invalidate(load_chain(task.date))
            if not luigi.build([task], local_scheduler=True, log_level="WARNING"):
                sys.exit(1)


if __name__ == "__main__":
    main()
