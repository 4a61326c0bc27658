"""The warehouse: one interface over a ClickHouse server and an embedded chDB."""

import os

from pipeline.warehouse.engines.base import Columns, Engine, Params
from pipeline.warehouse.engines.embedded import EmbeddedEngine
from pipeline.warehouse.engines.server import ServerEngine

# clickhouse-driver otherwise computes every day from 1900 to 2299 at its import: 0.1 s of each process.
os.environ.setdefault("CLICKHOUSE_DRIVER_LASY_DATE_LUT", "1")

__all__ = [
    "Columns",
    "EmbeddedEngine",
    "Engine",
    "Params",
    "ServerEngine",
]
