"""What a user gets who makes a mistake: a line or two that name the thing and the remedy, and nothing half-written."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.tables import DAILY_METRICS, DAILY_TOTALS, DELIVERIES, INCIDENTS, SLOT_CHECKS
from tests.process.conftest import MakeProject
from tests.process.project import NOW, SOURCE_DATABASE, TODAY, Finished, Project
from tests.servers.clickhouse import ClickHouseServer

RESULTS = {DAILY_METRICS, DAILY_TOTALS, SLOT_CHECKS, INCIDENTS, DELIVERIES}


@dataclass(frozen=True)
class Mistake:
    """A wrong setting, the command that meets it, and words of the answer."""

    section: str
    settings: dict[str, str]
    says: tuple[str, ...]
    command: str = "Alerts"
    id: str = field(default="", compare=False)
