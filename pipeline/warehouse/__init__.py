"""The warehouse: one interface over a ClickHouse server and an embedded chDB."""

import os

from pipeline.warehouse.base import Columns, Params, Warehouse
from pipeline.warehouse.embedded import EmbeddedWarehouse
from pipeline.warehouse.server import ServerWarehouse
from pipeline.warehouse.statements import Fragment, check_identifier, statement

# clickhouse-driver otherwise computes every day from 1900 to 2299 at its import: 0.1 s of each process.
os.environ.setdefault("CLICKHOUSE_DRIVER_LASY_DATE_LUT", "1")

__all__ = [
    "Columns",
    "EmbeddedWarehouse",
    "Fragment",
    "Params",
    "ServerWarehouse",
    "Warehouse",
    "check_identifier",
    "statement",
]
