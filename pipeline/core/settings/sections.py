"""The sections of luigi.cfg, one class each, with settings and defaults."""

import re
from datetime import date, time
from typing import Any, ClassVar, cast

import luigi
from luigi.configuration import LuigiConfigParser, get_config
from luigi.task_register import Register

from pipeline.core.errors import SettingsError
from pipeline.core.parameters import FixedParameters
from pipeline.core.process import once

KEEP_DAYS = 400
"""The default of ``[warehouse] keep_days``."""


class _ReadOnce(Register):
    """Reads a section once per process. Luigi would look up every value each time, which costs more than a check."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs) if args or kwargs else _read(cls)


@once
def _read(section: Register) -> Any:
    return Register.__call__(section)


class Section(FixedParameters, luigi.Config, metaclass=_ReadOnce):
    """A section of luigi.cfg."""

    section: ClassVar[str] = ""
    """Its name in luigi.cfg; '' for a base class of several sections."""

    @classmethod
    def get_task_family(cls) -> str:
        """Return the name by which Luigi finds the section and its ``--section-key`` on the command line."""
        return cls.section or cls.__name__


class ClockSettings(Section):
    """Time zone and current time."""

    section = "clock"

    timezone = luigi.Parameter(default="Europe/Moscow")
    """The analysts' time zone (IANA name). It defines the day that is loaded and reported."""
    holidays = luigi.Parameter(default="")
    """A country (`RU`) whose public holidays, and ends of months, are compared with their like; empty: none."""
    now = luigi.Parameter(default="")
    """A time in UTC (2026-11-01T10:15) to use instead of the clock; empty uses the clock."""


class ConnectionSettings(Section):
    """How to reach a server: the settings that [warehouse] and [source] share."""

    host = luigi.Parameter(default="localhost")
    """Server: host name or address."""
    port = luigi.IntParameter(default=9000)
    """Server: port of the native protocol (9000; 9440 with TLS)."""
    user = luigi.Parameter(default="default")
    """Server: user name. The password is FEEDPULSE_CLICKHOUSE_PASSWORD, for [source] FEEDPULSE_SOURCE_PASSWORD."""
    secure = luigi.BoolParameter(default=False, parsing=luigi.BoolParameter.EXPLICIT_PARSING)
    """Server: use TLS and verify the certificate."""
    ca_certs = luigi.Parameter(default="")
    """Server: file with your own certificate authority; empty uses the system's."""
    alt_hosts = luigi.Parameter(default="")
    """Server: `host:port,host:port` to try when `host` does not answer."""
    url = luigi.Parameter(default="")
    """HTTP: `https://host[:port][/path]`, or http. `user` and `ca_certs` are those of the server, too."""


class WarehouseSettings(ConnectionSettings):
    """Where results are stored."""

    section = "warehouse"

    engine = luigi.Parameter(default="embedded")
    """`embedded` (chDB in a directory), `server` or `http` (a ClickHouse server, by its native protocol or by HTTP)."""
    path = luigi.Parameter(default="var/warehouse")
    """Embedded: data directory."""
    database = luigi.Parameter(default="test")
    """Database of every table that feedpulse writes."""
    prefix = luigi.Parameter(default="")
    """Begins the names of all our tables but `[etl] table`, so that several people can share a database: `anna_`."""
    cluster = luigi.Parameter(default="")
    """Server: a name of system.clusters. New tables are replicated on each of its servers; empty makes plain ones."""
    max_memory = luigi.Parameter(default="")
    """Memory that a statement may take, such as 2G; an aggregation that needs more than half of it goes on on disk."""
    keep_days = luigi.IntParameter(default=KEEP_DAYS)
    """Days kept in the tables of slots, incidents, deliveries and runs; whole months are dropped. 0 keeps all.

    The default grows with `[alerts] history_days` and `[etl] reload_days`: see `checking.days_kept`.
    """
    connect_timeout_seconds = luigi.IntParameter(default=10)
    """Server: time-out of a connection attempt."""
    query_timeout_seconds = luigi.IntParameter(default=300)
    """Server: longest wait for the next packet of an answer. HTTP answers when the whole statement has run."""


class SourceSettings(ConnectionSettings):
    """Where the events are; read access is enough."""

    section = "source"

    engine = luigi.Parameter(default="")
    """`embedded`, `server` or `http`; empty uses the connection of the warehouse."""
    path = luigi.Parameter(default="")
    """Embedded: data directory of the source."""
    database = luigi.Parameter(default="default")
    """Database of the two event tables, for example simulator_20231113."""
    feed_table = luigi.Parameter(default="feed_actions")
    """Table of views and likes."""
    message_table = luigi.Parameter(default="message_actions")
    """Table of messages."""
    columns = luigi.Parameter(default="")
    """What these tables call our columns: `user_id=uid, time=ts`; `feed.user_id=uid, messages.time=sent_at` of one."""
    view_action = luigi.Parameter(default="view")
    """The value of `action` in the rows of a view."""
    like_action = luigi.Parameter(default="like")
    """The value of `action` in the rows of a like."""


class EtlSettings(Section):
    """The daily load."""

    section = "etl"

    start = luigi.Parameter(default="")
    """First day that `Daily` keeps loaded (2026-11-01); empty loads only yesterday."""
    table = luigi.Parameter(default="daily_metrics")
    """Name of the final table."""
    attribute_days = luigi.IntParameter(default=30)
    """How many days back a user's missing os, gender or age is looked up."""
    reload_days = luigi.IntParameter(default=3)
    """`Daily` reloads those of the last N days whose source rows have changed; 0 disables this."""
    keep_staging_days = luigi.IntParameter(default=7)
    """Days kept in the per-user tables; `user_attributes` keeps `attribute_days` + `reload_days` if that is more."""


class ReportSettings(Section):
    """The morning report."""

    section = "report"

    language = luigi.Parameter(default="en")
    """`en` or `ru`; also the language of alerts."""
    channels = luigi.Parameter(default="outbox")
    """Channels of the report, comma-separated: `outbox`, `telegram`."""
    metrics = luigi.Parameter(default="feed_users,views,likes,ctr")
    """Metrics of the report, in this order; also those of `core.audience`."""
    deadline = luigi.Parameter(default="12:00")
    """Local time until which the report of yesterday waits for rows that are late; empty never waits."""


class AlertSettings(Section):
    """The check every 15 minutes."""

    section = "alerts"

    metrics = luigi.Parameter(default="feed_users,messenger_users,views,likes,ctr,messages_sent")
    """Metrics that are checked."""
    detector = luigi.Parameter(default="seasonal")
    """Detector (`feedpulse detectors list`); [metric.NAME] overrides it for one metric."""
    detector_params = luigi.Parameter(default="{}")
    """Parameters of the detector as JSON, for example {"multiplier": 4}."""
    day_detector = luigi.Parameter(default="weekday")
    """Detector of whole days, which `CheckDays` checks; empty leaves days unchecked."""
    channels = luigi.Parameter(default="outbox")
    """Channels of the alerts, comma-separated: `outbox`, `telegram`."""
    history_days = luigi.IntParameter(default=28)
    """Days of history before a slot that the detectors use."""
    catch_up_hours = luigi.IntParameter(default=24)
    """How far back missed slots are checked after downtime."""
    alarm_minutes = luigi.IntParameter(default=60)
    """A slot that could have been checked longer ago than this is recorded without an alert."""
    recovery_slots = luigi.IntParameter(default=4)
    """An incident ends after this many normal slots in a row."""
    minimum_volume = luigi.FloatParameter(default=5)
    """No alert while both the expected and the actual count are below this; [metric.NAME] overrides it."""
    slice_volume = luigi.FloatParameter(default=50)
    """Slices with at least this many events per slot on average are checked too."""
    slice_false_alarms = luigi.FloatParameter(default=0.1)
    """Expected false alarms per week over all slices together; sets the width of their bands."""
    close_score = luigi.FloatParameter(default=0.5)
    """An incident opens when a score leaves -1..1. It stays open while a score is outside plus or minus this."""
    minimum_slots = luigi.IntParameter(default=1)
    """Anomalous slots before an incident is posted."""
    adopt_hours = luigi.FloatParameter(default=24)
    """A deviation that lasts this long and is not an outage becomes the new normal."""
    escalate_slots = luigi.IntParameter(default=4)
    """When a table has had no rows for this many slots, a reminder is sent once."""
    propose_after = luigi.IntParameter(default=3)
    """After this many false alarms of a metric in four weeks, the weekly summary proposes a setting."""
    quiet_hours = luigi.Parameter(default="")
    """Local hours without alerts, such as 23:00-08:00; an incident that is still open is posted when they end."""
    links = luigi.Parameter(default="[]")
    """Links under an alert as JSON, ["https://bi.example/1?from={start}&to={end}"]; [metric.NAME] overrides them."""


class DeliverySettings(Section):
    """Sending of messages."""

    section = "delivery"

    lock_path = luigi.Parameter(default="var/locks")
    """Directory of lock files: of all processes on this machine only one at a time sends to an address."""


class StatusSettings(Section):
    """The status page."""

    section = "status"

    path = luigi.Parameter(default="")
    """Directory of the page (index.html), for any web server; empty writes none."""
    people = luigi.BoolParameter(default=False, parsing=luigi.BoolParameter.EXPLICIT_PARSING)
    """Whether the page names the people who took or muted an incident."""


SECTIONS: tuple[type[Section], ...] = (
    ClockSettings,
    WarehouseSettings,
    SourceSettings,
    EtlSettings,
    ReportSettings,
    AlertSettings,
    DeliverySettings,
    StatusSettings,
)


def load_start() -> date | None:
    """The first day that `Daily` keeps loaded; None loads only yesterday."""
    text = EtlSettings().start
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise SettingsError(f"[etl] start = {text}: not a day; write it as 2026-11-01.") from error


def report_deadline() -> time | None:
    """The local time until which the report of yesterday waits for late rows; None never waits."""
    text = ReportSettings().deadline
    if not text:
        return None
    try:
        if re.fullmatch(r"\d?\d:\d\d", text):
            return time.fromisoformat(text.zfill(5))
    except ValueError:
        pass
    raise SettingsError(f"[report] deadline = {text}: not a local time; write it as 12:00, or leave it empty.")


def section_names() -> list[str]:
    """The sections that luigi.cfg has, Luigi's own included."""
    return _config().sections()


def options(section: str) -> dict[str, str]:
    """The settings that luigi.cfg gives in a section; empty if there is no such section."""
    config = _config()
    if not config.has_section(section):
        return {}
    return {key.replace("-", "_"): config.get(section, key).strip() for key in config.options(section)}


def names(text: str) -> list[str]:
    """Split a comma-separated setting."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _config() -> LuigiConfigParser:
    return cast(LuigiConfigParser, get_config())
