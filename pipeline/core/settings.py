"""The settings: one class is one section of luigi.cfg.

``--section-key value`` on Luigi's command line overrides the file. Secrets are no settings: they come from the
environment (``FEEDPULSE_CLICKHOUSE_PASSWORD``, ``FEEDPULSE_SOURCE_PASSWORD``, ``FEEDPULSE_TELEGRAM_TOKEN``).
The sections of the channels (``[telegram]``, ``[outbox]``) are read by `reporting.channels`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, ClassVar, Literal, TypeVar, cast

import luigi
from luigi.configuration import LuigiConfigParser, get_config
from luigi.task_register import Register

from pipeline.core import metrics
from pipeline.core.errors import SettingsError
from pipeline.core.parameters import FixedParameters
from pipeline.core.process import once


class _Remembered(Register):
    """Reads a section once a process: Luigi looks every value up anew each time, which costs more than a check."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs) if args or kwargs else _read(cls)


@once
def _read(section: Register) -> Any:
    return Register.__call__(section)


class Section(FixedParameters, luigi.Config, metaclass=_Remembered):
    """A section of luigi.cfg."""

    section: ClassVar[str] = ""
    """Its name there; '' for what several sections have in common."""

    @classmethod
    def get_task_family(cls) -> str:
        """Name the section: Luigi reads it, and ``--section-key`` on the command line, by this."""
        return cls.section or cls.__name__


class ClockSettings(Section):
    """Days and the present moment."""

    section = "clock"

    timezone = luigi.Parameter(default="Europe/Moscow")
    """The analysts' time zone (IANA name): their day is what is loaded and reported."""
    now = luigi.Parameter(default="")
    """A moment in UTC (2026-11-01T10:15) to believe in instead of the clock; empty is the real clock."""


class ConnectionSettings(Section):
    """How to reach an engine; no section of its own, but what `warehouse` and `source` have in common."""

    host = luigi.Parameter(default="localhost")
    """Server: its name or address."""
    port = luigi.IntParameter(default=9000)
    """Server: its native port (9000; 9440 with TLS)."""
    user = luigi.Parameter(default="default")
    """Server: the user. The password comes from FEEDPULSE_CLICKHOUSE_PASSWORD, the source's from
    FEEDPULSE_SOURCE_PASSWORD."""
    secure = luigi.BoolParameter(default=False, parsing=luigi.BoolParameter.EXPLICIT_PARSING)
    """Server: speak TLS and verify the certificate."""
    ca_certs = luigi.Parameter(default="")
    """Server: a file with the certificate authority of your own; empty is the system's."""
    alt_hosts = luigi.Parameter(default="")
    """Server: further `host:port,host:port` to try when the first does not answer."""


class WarehouseSettings(ConnectionSettings):
    """Where results are kept."""

    section = "warehouse"

    engine = luigi.Parameter(default="embedded")
    """`embedded` (chDB in a directory) or `server` (a ClickHouse server)."""
    path = luigi.Parameter(default="var/warehouse")
    """Embedded: the data directory."""
    database = luigi.Parameter(default="test")
    """The database of every table that feedpulse writes."""
    connect_timeout_seconds = luigi.IntParameter(default=10)
    """Server: how long to wait for a connection."""
    query_timeout_seconds = luigi.IntParameter(default=300)
    """Server: how long to wait for a statement's next answer."""


class SourceSettings(ConnectionSettings):
    """Where the events are; reading them is enough."""

    section = "source"

    engine = luigi.Parameter(default="")
    """`embedded` or `server`; empty is the warehouse's own connection."""
    path = luigi.Parameter(default="")
    """Embedded: the data directory of the source."""
    database = luigi.Parameter(default="default")
    """The database of the two event tables, for example simulator_20231113."""
    feed_table = luigi.Parameter(default="feed_actions")
    """The table of views and likes."""
    message_table = luigi.Parameter(default="message_actions")
    """The table of messages."""


class EtlSettings(Section):
    """The daily load."""

    section = "etl"

    start = luigi.Parameter(default="")
    """The first day that `Daily` keeps loaded (2026-11-01); empty loads yesterday only."""
    table = luigi.Parameter(default="daily_metrics")
    """The name of the final table."""
    attribute_days = luigi.IntParameter(default=30)
    """How many days back a user's os, gender and age are looked for."""
    reload_days = luigi.IntParameter(default=3)
    """`Daily` loads a day again when its source rows changed within so many days; 0 never."""
    keep_staging_days = luigi.IntParameter(default=7)
    """Per-user tables keep the days of so many days; attributes are kept as long as they are looked for."""


class ReportSettings(Section):
    """The morning report."""

    section = "report"

    language = luigi.Parameter(default="en")
    """`en` or `ru`; also the language of alerts."""
    channels = luigi.Parameter(default="outbox")
    """Where the report goes: comma-separated names of reporting/channels."""
    metrics = luigi.Parameter(default="feed_users,views,likes,ctr")
    """What it tells, in this order."""


class AlertSettings(Section):
    """The checks every 15 minutes."""

    section = "alerts"

    metrics = luigi.Parameter(default="feed_users,messenger_users,views,likes,ctr,messages_sent")
    """What is checked."""
    detector = luigi.Parameter(default="seasonal")
    """The method (`feedpulse detectors list`); [metric.NAME] overrides it for one metric."""
    detector_params = luigi.Parameter(default="{}")
    """Its parameters as JSON, for example {"multiplier": 4}."""
    channels = luigi.Parameter(default="outbox")
    """Where alerts go: comma-separated names of reporting/channels."""
    history_days = luigi.IntParameter(default=28)
    """How many days before a slot the detectors look at."""
    catch_up_hours = luigi.IntParameter(default=24)
    """After downtime: how far back missed slots are still checked."""
    alarm_minutes = luigi.IntParameter(default=60)
    """A slot that ended longer ago than this is recorded, never alarmed."""
    recovery_slots = luigi.IntParameter(default=4)
    """An incident has ended after so many good slots in a row."""
    minimum_volume = luigi.FloatParameter(default=5)
    """Fewer events than this, expected and actual, alarm nobody; [metric.NAME] overrides it."""
    slice_volume = luigi.FloatParameter(default=50)
    """Slices with so many events a slot on average are checked too."""
    slice_false_alarms = luigi.FloatParameter(default=0.1)
    """How many false alarms a week chance may raise among all slices together: how far out of its band one must be."""
    close_score = luigi.FloatParameter(default=0.5)
    """An incident goes on while a score is outside of +-this; it opened outside of +-1."""
    minimum_slots = luigi.IntParameter(default=1)
    """How many bad slots it takes before people hear of an incident."""
    adopt_hours = luigi.FloatParameter(default=24)
    """A deviation that lasts so long, and is no outage, is the new normal."""
    escalate_slots = luigi.IntParameter(default=4)
    """After so many slots without any row of a table people hear of it once more."""
    propose_after = luigi.IntParameter(default=3)
    """After so many false alarms of a metric in four weeks the weekly summary proposes a setting."""
    quiet_hours = luigi.Parameter(default="")
    """Local hours in which nobody is called, as 23:00-08:00; what still goes on is told when they end."""
    links = luigi.Parameter(default="[]")
    """Links under every alert as JSON, ["https://bi.example/1?from={start}&to={end}"]; [metric.NAME] overrides."""


class DeliverySettings(Section):
    """Sending."""

    section = "delivery"

    lock_path = luigi.Parameter(default="var/locks")
    """A directory for the locks that let one process of this machine send at a time."""


SECTIONS: tuple[type[Section], ...] = (
    ClockSettings,
    WarehouseSettings,
    SourceSettings,
    EtlSettings,
    ReportSettings,
    AlertSettings,
    DeliverySettings,
)

T = TypeVar("T")
Direction = Literal["both", "up", "down"]


@dataclass(frozen=True)
class MetricSettings:
    """A section [metric.NAME]: how one metric is checked; what it leaves out comes from [alerts]."""

    detector: str
    """The method for this metric."""
    detector_params: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters."""
    direction: Direction = "both"
    """Which deviations alarm: `both`, `up` or `down`."""
    links: tuple[str, ...] = ()
    """Links with {start} and {end} (local time, YYYY-MM-DD HH:MM, percent-encoded)."""
    minimum_volume: float = 5
    """Fewer events than this, expected and actual, alarm nobody."""


def metric(name: str) -> MetricSettings:
    """Read how a metric is checked, from [metric.NAME] over [alerts]."""
    section = f"metric.{name}"
    own = options(section)
    general = AlertSettings()
    direction = own.get("direction", "both")
    if direction not in ("both", "up", "down"):
        raise SettingsError(f"[{section}] direction = {direction}: use both, up or down.")
    where = {key: f"[{section if key in own else 'alerts'}] {key}" for key in ("detector_params", "links")}
    # Parameters belong to the method that they were written for.
    parameters = own.get("detector_params", "{}" if "detector" in own else general.detector_params)
    return MetricSettings(
        detector=own.get("detector", general.detector),
        detector_params=_json(parameters, dict, where["detector_params"]),
        direction=cast(Direction, direction),
        minimum_volume=_number(own.get("minimum_volume", general.minimum_volume), f"[{section}] minimum_volume"),
        links=_links(own.get("links", general.links), where["links"]),
    )


def metric_sections() -> list[str]:
    """The sections [metric.NAME] that there are."""
    return [section for section in _config().sections() if section.startswith("metric.")]


def options(section: str) -> dict[str, str]:
    """All settings that luigi.cfg gives in a section; empty where there is none."""
    config = _config()
    if not config.has_section(section):
        return {}
    return {key.replace("-", "_"): config.get(section, key).strip() for key in config.options(section)}


def _number(given: object, where: str) -> float:
    try:
        return float(str(given))
    except ValueError as error:
        raise SettingsError(f"{where} = {given}: not a number.") from error


def names(text: str) -> list[str]:
    """Split a comma-separated setting."""
    return [name.strip() for name in text.split(",") if name.strip()]


@once
def check() -> None:
    """Refuse settings that nothing reads (a misspelt one would silently keep its default) or that have no such value.

    Raises
    ------
    SettingsError
        Names the section and the setting, and lists the valid ones.
    """
    known = {cls.section: {name for name, _ in cls.get_params()} for cls in SECTIONS}
    per_metric = {item.name for item in fields(MetricSettings)}
    for section in _config().sections():
        if section.startswith("metric."):
            metrics.by_names(section.removeprefix("metric."), f"section [{section}]")
            _refuse_unknown(section, per_metric)
        elif section in known:
            _refuse_unknown(section, known[section])
    for cls in SECTIONS:
        _require_readable(cls)
    for name, engine in (("warehouse", WarehouseSettings().engine), ("source", SourceSettings().engine)):
        if engine not in ("embedded", "server") and not (name == "source" and engine == ""):
            raise SettingsError(f"[{name}] engine = {engine}: use embedded or server.")
    _require_positive()


def _require_readable(cls: type[Section]) -> None:
    try:
        cls()  # remembered: what is read here need not be read again
    except ValueError:
        for name, parameter in cls.get_params():
            try:
                parameter.task_value(cls.section, name)
            except ValueError as error:
                raise SettingsError(f"[{cls.section}] {name} has a value that cannot be read: {error}.") from error
        raise


def _require_positive() -> None:
    for cls, name, least in (
        (EtlSettings, "attribute_days", 0),
        (EtlSettings, "reload_days", 0),
        (EtlSettings, "keep_staging_days", 1),
        (AlertSettings, "history_days", 1),
        (AlertSettings, "catch_up_hours", 0),
        (AlertSettings, "alarm_minutes", 0),
        (AlertSettings, "recovery_slots", 1),
        (AlertSettings, "minimum_volume", 0),
        (AlertSettings, "slice_volume", 1),
        (AlertSettings, "close_score", 0),
        (AlertSettings, "minimum_slots", 1),
        (AlertSettings, "adopt_hours", 1),
        (AlertSettings, "escalate_slots", 1),
        (AlertSettings, "propose_after", 1),
    ):
        value = getattr(cls(), name)
        if value < least:
            raise SettingsError(f"[{cls.section}] {name} = {value}: must be {least} or more.")


def load_start() -> date | None:
    """The first day that `Daily` keeps loaded, None for yesterday only."""
    text = EtlSettings().start
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise SettingsError(f"[etl] start = {text}: not a day; write it as 2026-11-01.") from error


def _refuse_unknown(section: str, valid: set[str]) -> None:
    unknown = sorted(set(options(section)) - valid)
    if unknown:
        raise SettingsError(
            f"luigi.cfg [{section}]: unknown setting {', '.join(unknown)}; it has {', '.join(sorted(valid))}."
        )


def _json(text: str, kind: type[T], where: str) -> T:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where} = {text}: not JSON ({error.msg} at character {error.pos}).") from error
    if not isinstance(value, kind):
        raise SettingsError(f"{where} = {text}: must be a JSON {'object' if kind is dict else 'list'}.")
    return value


def _links(text: str, where: str) -> tuple[str, ...]:
    templates = _json(text, list, where)
    for template in templates:
        if not isinstance(template, str):
            raise SettingsError(f"{where} = {text}: must be a JSON list of texts.")
        try:
            template.format(start="", end="")
        except (KeyError, IndexError, ValueError) as error:
            raise SettingsError(f"{where}: {template}: only {{start}} and {{end}} are filled in.") from error
    return tuple(templates)


def _config() -> LuigiConfigParser:
    return cast(LuigiConfigParser, get_config())
