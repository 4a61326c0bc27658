"""Engines: one interface over a ClickHouse server and an embedded chDB."""

from pipeline.warehouse.engines.base import Engine, Params
from pipeline.warehouse.engines.embedded import EmbeddedEngine
from pipeline.warehouse.engines.server import ServerEngine

__all__ = [
    "EmbeddedEngine",
    "Engine",
    "Params",
    "ServerEngine",
]
