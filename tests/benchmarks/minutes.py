"""What the minute of cron costs: how long after its end a slot is checked, where rows need some seconds to arrive.

``python -m tests.benchmarks.minutes [--seconds 0 10 90] [--minutes 0 1 2]``

Plays a day and a quarter of a stream whose rows are visible some seconds after their event, with `Alerts` at a minute
of each quarter of an hour. For the first hours, and for the last ones, when the lag is learnt, it prints the median age
of a slot at its check, the part of its rows that the check lacked, and how many slots a run measured again.
"""

import argparse
import statistics
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import luigi

from pipeline.core import clock
from pipeline.slots import completeness
from pipeline.tasks import Alerts
from pipeline.warehouse.engines import EmbeddedEngine
from tests.conftest import end_owner
from tests.soak.rhythms import FIRST_DAY, Play, made_site

RUNS = 96 + 24
HOURS = 6
START_SECONDS = 2
"""From the start of a process until it counts."""


def play(warehouse: EmbeddedEngine, folder: Path, minute: int, seconds: int) -> None:
    """Run `Alerts` at a minute of each quarter of an hour; rows are `seconds` late. Print what it costs."""
    checked: list[tuple[float, float, int]] = []
    with made_site(warehouse, folder, catch_up_hours="1") as site:
        playing = Play(site, 2, [])
        midnight = datetime.combine(FIRST_DAY, datetime.min.time())
        for number in range(RUNS):
            now = midnight + number * clock.SLOT + timedelta(minutes=minute, seconds=START_SECONDS)
            playing.load(now - timedelta(seconds=seconds))
            with site.at(now):
                slot = completeness.newest_settled_slot()
                again = len(completeness.recount(clock.last_closed_slot()).changed)
                built = luigi.build([Alerts()], local_scheduler=True, log_level="WARNING", detailed_summary=True)
                assert built.status.name == "SUCCESS", built.summary_text
            age = (now - slot - clock.SLOT).total_seconds()
            checked.append((age, max(0.0, seconds - age) / clock.SLOT.total_seconds(), again))
    for name, some in (("first", checked[1 : HOURS * 4]), ("learnt", checked[-HOURS * 4 :])):
        age, missing, again = map(statistics.median, zip(*some, strict=True))
        what = f"rows {seconds:>3} s late, minute {minute}, {name}"
        print(f"{what}: {age:.0f} s after its end, without {missing:.1%} of its rows, {again:.0f} again", flush=True)


def main() -> None:
    """Play every pair of a minute and a delay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, nargs="+", default=[0, 10, 90])
    parser.add_argument("--minutes", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        warehouse = EmbeddedEngine(f"{name}/warehouse")
        for seconds in options.seconds:
            for minute in options.minutes:
                folder = Path(name) / f"{seconds}-{minute}"
                folder.mkdir()
                play(warehouse, folder, minute, seconds)
        end_owner(warehouse)


if __name__ == "__main__":
    main()
