"""``feedpulse mute``: mutes the alerts of a metric for a while, or unmutes it."""

import argparse
import getpass
import re
import time
from collections.abc import Sequence
from datetime import timedelta

from pipeline.commands.common import new_parser, prepare

SUMMARY = "mute the alerts of a metric for a while, or unmute it"

_LENGTH = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("mute", f"{SUMMARY}. Messages are still edited; what is open when it ends is told then")
    made.add_argument("metric", help="a metric of [alerts] metrics, such as views")
    made.add_argument("--for", dest="length", type=_length, default="2h", help="90m, 4h, 1d12h (default: %(default)s)")
    made.add_argument("--why", default="", help="the reason, for the messages and `feedpulse status`")
    made.add_argument("--by", default="", help="who mutes (default: the user of this computer)")
    made.add_argument("--off", action="store_true", help="unmute it; this undoes presses of Mute, too")
    return made


def main(arguments: Sequence[str]) -> int:
    """Record the mute and print what holds."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.alerts.incidents import actions, store
    from pipeline.alerts.incidents.actions import Action
    from pipeline.core import clock, metrics, settings
    from pipeline.core.errors import SettingsError
    from pipeline.tasks.status import page
    from pipeline.warehouse.tables import open_warehouse
    from reporting.decoration import optional

    checked = [metric.name for metric in metrics.by_names(settings.AlertSettings().metrics, "[alerts] metrics")]
    if options.metric not in checked:
        raise SettingsError(f"{options.metric} is not one of [alerts] metrics: {', '.join(checked)}.")
    if not timedelta() < options.length <= actions.LONGEST_MUTE:
        raise SettingsError(f"--for {options.length}: mute for at most {actions.LONGEST_MUTE.days} days.")
    open_warehouse()
    now = clock.utcnow().replace(microsecond=0)
    person = options.by or getpass.getuser()
    if options.off:
        done = Action("", "unmute", person, now, options.metric, None, options.why)
    else:
        done = Action("", "mute", person, now, options.metric, now + options.length, options.why)
    store.save_mute(done, time.time_ns())
    optional("status page", page.rewrite)
    state = store.load_state(clock.last_closed_slot() + clock.SLOT)
    held = state.mute_of({options.metric}, now)
    if held is None:
        print(f"{options.metric}: not muted")
    else:
        why = f": {held.why}" if held.why else ""
        print(f"{options.metric}: muted until {clock.to_local(held.end):%Y-%m-%d %H:%M} by {held.person}{why}")
    return 0


def _length(text: str) -> timedelta:
    found = _LENGTH.fullmatch(text)
    if not text or found is None:
        raise argparse.ArgumentTypeError(f"{text} is not a length of time; write it as 90m, 4h or 1d12h")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes)
    except OverflowError:
        return timedelta.max
