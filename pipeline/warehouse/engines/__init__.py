"""Engines: one interface over an embedded chDB and a ClickHouse server, by its native protocol or by HTTP."""

from pipeline.warehouse.engines.base import Engine, Params
from pipeline.warehouse.engines.conversion import Columns
from pipeline.warehouse.engines.embedded import EmbeddedEngine
from pipeline.warehouse.engines.http import HttpEngine
from pipeline.warehouse.engines.server import ServerEngine

__all__ = [
    "Columns",
    "EmbeddedEngine",
    "Engine",
    "HttpEngine",
    "Params",
    "ServerEngine",
]
