"""The settings of the configuration files and of the command line; `core.files` has the order of precedence.

Secrets are not settings; they come from the environment (``FEEDPULSE_CLICKHOUSE_PASSWORD``,
``FEEDPULSE_SOURCE_PASSWORD``, ``FEEDPULSE_TELEGRAM_TOKEN``). `reporting.channels` reads the sections of the channels
(``[telegram]``, ``[outbox]``).
"""

from pipeline.core.settings.checking import alternatives, check, days_kept, max_memory
from pipeline.core.settings.metric_sections import Direction, MetricSettings, metric, metric_sections
from pipeline.core.settings.sections import (
    SECTIONS,
    AlertSettings,
    ClockSettings,
    ConnectionSettings,
    DeliverySettings,
    EtlSettings,
    ReportSettings,
    Section,
    SourceSettings,
    StatusSettings,
    WarehouseSettings,
    load_start,
    names,
    options,
    report_deadline,
)
from pipeline.core.settings.source_columns import action_names, source_columns

__all__ = [
    "SECTIONS",
    "AlertSettings",
    "ClockSettings",
    "ConnectionSettings",
    "DeliverySettings",
    "Direction",
    "EtlSettings",
    "MetricSettings",
    "ReportSettings",
    "Section",
    "SourceSettings",
    "StatusSettings",
    "WarehouseSettings",
    "action_names",
    "alternatives",
    "check",
    "days_kept",
    "load_start",
    "max_memory",
    "metric",
    "metric_sections",
    "names",
    "options",
    "report_deadline",
    "source_columns",
]
