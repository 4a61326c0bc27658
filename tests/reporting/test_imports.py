"""What the package may import, and when: cron starts a process for every check."""

import subprocess
import sys

import pytest

EVERYTHING = (
    "import reporting.daily, reporting.delivery, reporting.alerts, reporting.weekly, reporting.channels.outbox, "
)
EVERYTHING += "reporting.channels.telegram, reporting.texts.ru, sys; "


@pytest.mark.parametrize(
    "module", ["matplotlib", "telebot", "requests", "jinja2", "PIL", "pandas", "luigi", "pipeline", "detectors"]
)
def test_nothing_heavy_or_foreign_is_imported_before_it_is_needed(module: str) -> None:
    code = EVERYTHING + f"assert 'numpy' in sys.modules; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
