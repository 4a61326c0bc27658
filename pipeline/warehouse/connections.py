"""The two engines that luigi.cfg configures: the warehouse, and the one that holds the source."""

import os

from pipeline.core import settings
from pipeline.core.errors import SettingsError
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine

_SPILLING = ("max_bytes_before_external_group_by", "max_bytes_before_external_sort")
"""From this size on a statement goes on on disk; merging what is there needs memory too."""


def warehouse() -> Engine:
    """Return the engine of ``[warehouse]``; the password comes from FEEDPULSE_CLICKHOUSE_PASSWORD."""
    password = os.environ.get("FEEDPULSE_CLICKHOUSE_PASSWORD", "")
    engine = _engine(settings.WarehouseSettings(), "warehouse", password)
    limit = settings.max_memory()
    return engine.with_settings(max_memory_usage=limit, **dict.fromkeys(_SPILLING, limit // 2)) if limit else engine


def source() -> Engine:
    """Return the engine of ``[source]``, else the warehouse; the password comes from FEEDPULSE_SOURCE_PASSWORD."""
    section = settings.SourceSettings()
    if not section.engine:
        return warehouse()
    return _engine(section, "source", os.environ.get("FEEDPULSE_SOURCE_PASSWORD", ""))


def require_existing(engine: Engine) -> None:
    """Refuse an embedded engine whose directory does not exist: any statement would create it.

    Raises
    ------
    SettingsError
        The directory is missing.
    """
    if isinstance(engine, EmbeddedEngine) and not os.path.isdir(engine.path):
        raise SettingsError(f"nothing is loaded yet in {engine.path}: there is no such directory (path in luigi.cfg).")


def _engine(section: settings.WarehouseSettings | settings.SourceSettings, name: str, password: str) -> Engine:
    if section.engine == "embedded":
        if not section.path:
            raise SettingsError(f"[{name}] path is empty: give the data directory of the embedded engine.")
        return EmbeddedEngine(path=section.path)
    times = settings.WarehouseSettings()
    if section.engine == "http":
        return HttpEngine(
            url=section.url,
            user=section.user,
            password=password,
            ca_certs=section.ca_certs,
            connect_timeout_seconds=times.connect_timeout_seconds,
            query_timeout_seconds=times.query_timeout_seconds,
        )
    return ServerEngine(
        host=section.host.removeprefix("[").removesuffix("]"),  # an IPv6 address is also written [::1]
        port=section.port,
        user=section.user,
        password=password,
        secure=section.secure,
        ca_certs=section.ca_certs,
        alt_hosts=section.alt_hosts,
        connect_timeout_seconds=times.connect_timeout_seconds,
        query_timeout_seconds=times.query_timeout_seconds,
    )
