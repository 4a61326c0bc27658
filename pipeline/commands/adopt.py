"""``feedpulse adopt``: makes tables that exist, or another source, part of this installation."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.commands.common import new_parser, prepare

if TYPE_CHECKING:
    from pipeline.warehouse.ownership import Inspection

SUMMARY = "take over tables that exist, or go on with another source"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("adopt", f"{SUMMARY}; show it and ask first")
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_argument("--reload", action="store_true", help="load every day since [etl] start again")
    return made


def main(arguments: Sequence[str]) -> int:
    """Print what would change, ask, and do it; 1 if it is refused."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.warehouse import connections, ownership, tables

    connections.require_existing(connections.warehouse())
    tables.require_own_names(tables.installation())
    found = tables.inspect()
    ownership.require_unclaimed(connections.warehouse(), found.installation)
    if impossible := [item for item in found.foreign if item.differences]:
        for name, differences, _ in impossible:
            print(f"{name} cannot become ours: {'; '.join(differences)}.", file=sys.stderr)
        print("Nothing was changed. Set [warehouse] prefix or another [etl] table.", file=sys.stderr)
        return 1
    lines = list(_described(found, reload=options.reload))
    if not lines:
        print("Nothing to adopt: every table is ours, and the settings are those of the record.")
        return 0
    print("\n".join(lines))
    if not (options.yes or _is_confirmed()):
        print("Nothing was changed.", file=sys.stderr)
        return 1
    if tables.TABLE_UPDATES not in found.missing:
        with tables.unchecked():  # before the record: if this is killed, the configuration is still refused
            _invalidate(found, reload=options.reload)
    ownership.record(connections.warehouse(), found)
    print("Done. `feedpulse run Daily` goes on from here.")
    return 0


def _described(found: "Inspection", *, reload: bool) -> Iterator[str]:
    """Say what would change, a line each."""
    from pipeline.warehouse.ownership import DECISIVE

    for name, *_ in found.foreign:
        yield f"{name} becomes ours: loads replace its rows, day by day."
    changed = found.changed
    for item, recorded, configured in changed:
        yield f"The {DECISIVE[item]} changes from {recorded} to {configured}."
    if any(item == "result_table" for item, *_ in changed):
        yield "Every loaded day must be published again, into the new table; the old table stays as it is."
    if reload:
        yield "Every day since [etl] start is loaded again. Slots stay as they were measured."
    elif any(item != "result_table" for item, *_ in changed):
        yield "Days and slots that are loaded stay as they are; --reload loads every day since [etl] start again."


def _invalidate(found: "Inspection", *, reload: bool) -> None:
    """Invalidate the loads that must run again."""
    from datetime import timedelta

    from pipeline.core import settings
    from pipeline.tasks.daily import days_to_load
    from pipeline.tasks.etl import UserAttributes, extracts, invalidate, load_chain
    from pipeline.warehouse import markers, tables

    if any(item == "result_table" for item, *_ in found.changed):
        markers.invalidate(markers.known(tables.DAILY_METRICS))
    if reload:
        days = days_to_load()
        before = [days[0] - timedelta(days=back) for back in range(1, settings.EtlSettings().attribute_days + 1)]
        invalidate(task for day in days for task in load_chain(day))
        invalidate(task for day in before for task in (UserAttributes(date=day), *extracts(day)))


def _is_confirmed() -> bool:
    if not sys.stdin.isatty():
        print("Add --yes to do it.", file=sys.stderr)
        return False
    return input("Do this? [y/N] ").strip().lower() in ("y", "yes")
