"""The two connections that luigi.cfg describes: the warehouse and the source of events."""

import os

from pipeline import settings
from pipeline.errors import SettingsError
from pipeline.warehouse import EmbeddedWarehouse, ServerWarehouse, Warehouse


def warehouse() -> Warehouse:
    """The engine of ``[warehouse]``; the password comes from FEEDPULSE_CLICKHOUSE_PASSWORD."""
    return _engine(settings.warehouse(), "warehouse", os.environ.get("FEEDPULSE_CLICKHOUSE_PASSWORD", ""))


def source() -> Warehouse:
    """The engine of ``[source]``, by default the warehouse's; the password comes from FEEDPULSE_SOURCE_PASSWORD."""
    section = settings.source()
    if not section.engine:
        return warehouse()
    return _engine(section, "source", os.environ.get("FEEDPULSE_SOURCE_PASSWORD", ""))


def _engine(section: settings.warehouse | settings.source, name: str, password: str) -> Warehouse:
    if section.engine == "embedded":
        if not section.path:
            raise SettingsError(f"[{name}] path is empty: give the data directory of the embedded engine.")
        return EmbeddedWarehouse(path=section.path)
    times = settings.warehouse()
    return ServerWarehouse(
        host=section.host,
        port=section.port,
        user=section.user,
        password=password,
        secure=section.secure,
        ca_certs=section.ca_certs,
        alt_hosts=section.alt_hosts,
        connect_timeout_seconds=times.connect_timeout_seconds,
        query_timeout_seconds=times.query_timeout_seconds,
    )
