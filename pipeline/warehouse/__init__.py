"""The warehouse: one interface over a ClickHouse server and an embedded chDB."""

from pipeline.warehouse.base import Columns, Params, Warehouse
from pipeline.warehouse.embedded import EmbeddedWarehouse
from pipeline.warehouse.server import ServerWarehouse
from pipeline.warehouse.statements import Fragment, check_identifier, statement

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
