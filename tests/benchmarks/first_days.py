"""The first days of a source, played from its first event on through the checks that production runs.

``python -m tests.benchmarks.first_days`` prints every message of healthy sources that begin at ten in the morning of
each weekday. Nothing is checked before a slot is known on the detector's `min_days`; all messages are false.
"""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from tqdm import tqdm

from pipeline.alerts.backtest.playback import Playback
from pipeline.alerts.detection import monitors
from pipeline.alerts.incidents import current_rules
from pipeline.core import clock
from pipeline.slots import Series
from tests.benchmarks._playing import HISTORY_DAYS, table
from tests.benchmarks._worlds import World, make_world
from tests.pipeline.configuration import configured

DAYS = 30
FIRST_SLOT = 40


def play(world: World, begins: int, days: int = DAYS) -> Iterator[tuple[datetime, str]]:
    """Play a source whose first event is on a day of the world; yield each message and the first check.

    Slices by country are missing on the first day: their values are the most frequent ones of the day before.
    """
    parts, numerators, denominators = table(world)
    start = datetime.fromtimestamp(int(world.rates.start[0]), UTC).replace(tzinfo=None)
    unknown = np.full((len(parts), HISTORY_DAYS * 96), np.nan)
    for array in (numerators, denominators):
        array[:, : begins * 96 + FIRST_SLOT] = np.nan
        array[[part.dimension == "country" for part in parts], : (begins + 1) * 96] = np.nan
    numerators, denominators = (np.concatenate([unknown, array], axis=1) for array in (numerators, denominators))
    playback, is_checked = Playback(monitors(), current_rules()), False
    for day in range(begins, begins + days):
        slots = [start + timedelta(days=day) + i * clock.SLOT for i in range(96)]
        columns = slice(day * 96, (day + HISTORY_DAYS + 1) * 96)
        width = columns.stop - columns.start
        series = Series(parts, slots[-1], numerators[:, columns], denominators[:, columns], np.arange(width))
        for played in playback.play(series, slots[FIRST_SLOT if day == begins else 0 :]):
            verdicts = {result.verdict for result in played.evaluation.results.values() if result.part.is_total}
            if not is_checked and verdicts & {"ok", "anomaly"}:
                is_checked = True
                yield played.evaluation.series.slot, "checked from here on"
            for notice in played.notices:
                if notice.kind not in ("edit", "share"):
                    names = ", ".join("/".join(member.part) for member in notice.incident.shown)
                    yield played.evaluation.series.slot, f"{notice.kind}: {names} {notice.incident.worst:+.0%}"


def main() -> None:
    """Print the messages of each source, and how many were posted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    posted = plays = 0
    with configured(clock={"timezone": "UTC"}):
        for seed in options.seeds:
            world = make_world(seed, DAYS + 7, is_healthy=True)
            for begins in tqdm(range(7), desc=f"seed {seed}", disable=None):
                messages = list(play(world, begins))
                plays += 1
                posted += sum(text.startswith("post") for _, text in messages)
                print(f"seed {seed}, begins on {world.scenario.day(begins):%A %Y-%m-%d} at 10:00")
                print(*(f"  {slot:%a %d %b %H:%M}  {text}" for slot, text in messages), sep="\n", flush=True)
    print(f"{posted} false messages in {plays} sources, {posted / plays / ((DAYS - 14) / 14):.2f} a fortnight each")


if __name__ == "__main__":
    main()
