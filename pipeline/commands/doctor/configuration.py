"""Checks of the configuration: which files are read, what they set, and whether a command would accept it."""

import difflib
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from pipeline.commands.doctor.report import note, ok, wrong
from pipeline.core import files, own_file
from reporting.channels.base import Finding

_VALUE_LIMIT = 60
SECRETS = {
    "FEEDPULSE_CLICKHOUSE_PASSWORD": "password of [warehouse]",
    "FEEDPULSE_SOURCE_PASSWORD": "password of [source]",
    "FEEDPULSE_TELEGRAM_TOKEN": "token of the bot",
    "FEEDPULSE_HEARTBEAT_URL": "address that is fetched after each healthy run",
}
"""The environment variables that feedpulse reads."""


def files_and_settings() -> Iterator[Finding]:
    """Show the files and what they set, and check it as the tasks do. `main` has checked that they can be read."""
    from pipeline.core import clock, process, settings

    read = list(reversed(files.found()))
    order = ["--section-key on the command line", *map(str, read), "the default"]
    yield ok(f"configuration: a setting comes from the first that has it: {'; '.join(order)}")
    shadowed = Path(files.OWN_FILE).absolute()
    if shadowed.exists() and shadowed not in read:
        yield note(f"{shadowed} is not read: LUIGI_CONFIG_PATH names another file")
    yield ok("\n".join(["settings that differ from the defaults:", *_differing(read)]))
    process.install()
    settings.check()
    _refuse_what_tasks_refuse()
    yield ok(
        f"settings: every value can be used; it is {clock.to_local(clock.utcnow()):%Y-%m-%d %H:%M} in {clock.zone()}"
    )
    if settings.ClockSettings().now:
        yield note(
            f"[clock] now = {settings.ClockSettings().now}: time stands still", "Empty it, unless this is a test."
        )
    start = settings.load_start()
    if start is None:
        yield note("[etl] start is empty: only yesterday is loaded, and the report has nothing to compare it with")
    elif start > clock.yesterday() + timedelta(days=1):
        yield wrong(f"[etl] start = {start} is in the future", "Set it to the first day to load.")


def secrets() -> Iterator[Finding]:
    """Say which secrets are set, never their values."""
    needed = _needed()
    states = [f"{name} {'is set' if os.environ.get(name) else 'is not set'}" for name in needed]
    yield ok(f"secrets: {', '.join(states) or 'none is needed'}")
    for name, value in os.environ.items():
        if not name.startswith("FEEDPULSE_"):
            continue
        if name not in SECRETS:
            near = difflib.get_close_matches(name, SECRETS, n=1)
            yield note(f"nothing reads the environment variable {name}", f"Did you mean {near[0]}?" if near else "")
        elif value != value.strip():
            yield note(f"{name} begins or ends with white space", "Remove it, unless the secret really has it.")


def _needed() -> list[str]:
    from pipeline.core import settings

    warehouse, source = settings.WarehouseSettings(), settings.SourceSettings()
    named = settings.names(settings.ReportSettings().channels) + settings.names(settings.AlertSettings().channels)
    wanted = {
        "FEEDPULSE_CLICKHOUSE_PASSWORD": warehouse.engine in ("server", "http"),
        "FEEDPULSE_SOURCE_PASSWORD": source.engine in ("server", "http"),
        "FEEDPULSE_TELEGRAM_TOKEN": "telegram" in named,
    }
    return [name for name, is_needed in wanted.items() if is_needed]


def _differing(read: list[Path]) -> Iterator[str]:
    """Describe each setting that is not the default, with the file that it comes from. Values are as they are written.

    A setting that nothing knows is not shown: it may hold a secret. Nor are a user and a password in a URL.
    """
    defaults = own_file.shipped()
    parsers = [(file, files.parse(file)) for file in read]
    shown = set()
    lines = []
    for file, parser in parsers:
        for section in parser.sections():
            for name, value in parser.items(section):
                setting = defaults.get((section, name.replace("-", "_")))
                known = setting is not None or section == "calendar" or section.startswith("metric.")
                if not known or (section, name) in shown:
                    continue
                shown.add((section, name))
                if setting is None or value.strip() != setting.default:
                    value = re.sub(r".*@|[?#].*", "...", value) if name == "url" else value  # a login may be there
                    cut = f"{value[:_VALUE_LIMIT]}..." if len(value) > _VALUE_LIMIT else value
                    lines.append(f"[{section}] {name} = {' '.join(cut.split())}  ({_short(file)})")
    yield from sorted(lines) or ["none"]


def _short(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _refuse_what_tasks_refuse() -> None:
    """Make everything that the tasks make of the settings before they run."""
    from pipeline.alerts.incidents import current_rules
    from pipeline.core import clock
    from pipeline.tasks.alerts import monitors_and_channels
    from pipeline.tasks.report import metrics_and_channels

    clock.zone()
    clock.now()
    metrics_and_channels()
    monitors_and_channels()
    current_rules()
