"""The check of all settings before a command does anything."""

import re
from dataclasses import fields
from urllib.parse import urlsplit

from pipeline.core import metrics
from pipeline.core.errors import SettingsError
from pipeline.core.identifiers import IDENTIFIER, RULE
from pipeline.core.process import once
from pipeline.core.settings.metric_sections import MetricSettings
from pipeline.core.settings.sections import (
    KEEP_DAYS,
    SECTIONS,
    AlertSettings,
    ConnectionSettings,
    EtlSettings,
    Section,
    SourceSettings,
    WarehouseSettings,
    options,
    report_deadline,
    section_names,
)
from pipeline.core.settings.source_columns import action_names, source_columns

_MINIMUMS: tuple[tuple[type[Section], str, int], ...] = (
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
)

_NAMES: tuple[tuple[type[Section], str], ...] = (
    (WarehouseSettings, "database"),
    (EtlSettings, "table"),
    (SourceSettings, "database"),
    (SourceSettings, "feed_table"),
    (SourceSettings, "message_table"),
)

_SECRETS = {
    ("warehouse", "password"): "FEEDPULSE_CLICKHOUSE_PASSWORD",
    ("source", "password"): "FEEDPULSE_SOURCE_PASSWORD",
}
"""What people write into the file as a setting, and the environment variable that it is."""

SUMMARY_DAYS = 35
"""The weekly summary replays four weeks, and may itself be a week late."""

NATIVE_PORTS = "The native protocol has port 9000, or 9440 with secure = true. For HTTP set engine = http and url."
"""The remedy of each wrong address."""

HTTP_PORTS = "ClickHouse's usual ports of HTTP are 8123, and 8443 with TLS (https)."
"""The remedy of each wrong URL."""

_LEAST_MEMORY = 16 << 20
"""Below this even small statements fail."""

_URL = "write https://host[:port][/path], or http://"


@once
def check() -> None:
    """Refuse unknown settings and impossible values: a misspelt setting would silently keep its default.

    Raises
    ------
    SettingsError
        Names the section and the setting, and lists the valid ones.
    """
    known = {cls.section: {name for name, _ in cls.get_params()} for cls in SECTIONS}
    per_metric = {item.name for item in fields(MetricSettings)}
    for section in section_names():
        if section.startswith("metric."):
            metrics.by_names(section.removeprefix("metric."), f"section [{section}]")
            _refuse_unknown(section, per_metric)
        elif section in known:
            _refuse_unknown(section, known[section])
    for cls in SECTIONS:
        _require_readable(cls)
    for name, engine in (("warehouse", WarehouseSettings().engine), ("source", SourceSettings().engine)):
        if engine not in ("embedded", "server", "http") and not (name == "source" and engine == ""):
            raise SettingsError(f"[{name}] engine = {engine}: use embedded, server or http.")
    _require_addresses()
    _require_names()
    _require_cluster()
    _require_minimums()
    _require_kept_days()
    max_memory()
    report_deadline()
    source_columns()
    action_names()


def _require_readable(cls: type[Section]) -> None:
    try:
        cls()  # read once per process, so this costs nothing
    except ValueError:
        for name, parameter in cls.get_params():
            try:
                parameter.task_value(cls.section, name)
            except ValueError as error:
                raise SettingsError(
                    f"[{cls.section}] {name} has a value that cannot be read: {error}.{_hint(cls.section, name)}"
                ) from error
        raise


def _require_addresses() -> None:
    for section in (WarehouseSettings(), SourceSettings()):
        if section.engine == "server":
            _require_host(section)
        if section.engine == "http":
            _require_url(section)
        elif section.url:
            raise SettingsError(f"[{section.section}] url is given: set engine = http there too, or remove it.")


def _require_url(section: ConnectionSettings) -> None:
    """Refuse a URL that is not one of a server, without showing a password in it."""
    url = section.url
    name = f"[{section.section}] url"
    if not url:
        raise SettingsError(f"{name} is empty: engine = http needs it, https://host[:port][/path] or http://.")
    try:
        parts = urlsplit(url)
        host, port, is_secret = parts.hostname, parts.port, "@" in (parts.netloc or url)
        (host or "").encode("idna")
    except ValueError:
        raise SettingsError(f"{name}: {_URL}; the host or the port is wrong. {HTTP_PORTS}") from None
    if is_secret:
        variable = _SECRETS[section.section, "password"]
        raise SettingsError(f"{name} has a user or a password: set `user`, and {variable} in the environment; {_URL}.")
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[\s\x00-\x1f\\]", url):
        raise SettingsError(f"{name} = {url}: {_URL}.{_hint(section.section, 'url')} {HTTP_PORTS}")
    if "?" in url or "#" in url:
        raise SettingsError(f"{name} = {url.partition('?')[0].partition('#')[0]}...: {_URL}, without ? and #.")
    if section.secure and parts.scheme == "http":
        raise SettingsError(f"{name} = {url} with secure = true: begin it with https://, or set secure = false.")
    if section.alt_hosts:
        raise SettingsError(f"[{section.section}] alt_hosts are of engine = server; engine = http has one url.")


def _require_host(section: ConnectionSettings) -> None:
    host = section.host
    bare = host.rpartition("://")[2].partition("/")[0]
    if host != bare:
        raise SettingsError(
            f"[{section.section}] host = {host}: give the name alone, host = {bare.partition(':')[0]}.\n{NATIVE_PORTS}"
        )
    with_port = re.fullmatch(r"(\[.*\]|[^:]*):(\d+)", host)
    if with_port:
        raise SettingsError(
            f"[{section.section}] host = {host}: write host = {with_port[1]} and port = {with_port[2]}.\n{NATIVE_PORTS}"
        )

    if not 0 < section.port < 65_536:
        raise SettingsError(f"[{section.section}] port = {section.port}: must be 1 to 65535. {NATIVE_PORTS}")
    alternatives(section)


def alternatives(section: ConnectionSettings) -> list[tuple[str, int]]:
    """Return host and port of each of `alt_hosts`.

    Raises
    ------
    SettingsError
        If one is malformed.
    """
    found = []
    for address in filter(None, map(str.strip, section.alt_hosts.split(","))):
        parts = re.fullmatch(r"(\[[^][]+\]|[^][:/\s]+)(?::(\d{1,5}))?", address)
        if parts is None:
            raise SettingsError(f"[{section.section}] alt_hosts: {address}: write host:port, separated by commas.")
        default = 9440 if section.secure else 9000  # as the driver has it
        found.append((parts[1].removeprefix("[").removesuffix("]"), int(parts[2] or default)))
    return found


def _require_names() -> None:
    for cls, setting in _NAMES:
        name = getattr(cls(), setting)
        if not IDENTIFIER.fullmatch(name):
            remedy = "choose another name."
            hint = _hint(cls.section, setting)
            if cls is SourceSettings:
                remedy = "make views with such names, in a database with such a name, and set them here."
            raise SettingsError(f"[{cls.section}] {setting} = {name!r}: a name must have {RULE}; {remedy}{hint}")
    prefix = WarehouseSettings().prefix
    if prefix and not IDENTIFIER.fullmatch(prefix):
        raise SettingsError(f"[warehouse] prefix = {prefix!r}: a name must have {RULE}; for example anna_.")


def _require_cluster() -> None:
    section = WarehouseSettings()
    if not section.cluster:
        return
    if section.engine == "embedded":
        raise SettingsError(
            f"[warehouse] cluster = {section.cluster}: the embedded engine is in no cluster; set engine = server."
        )
    if not re.fullmatch(r"[\w.-]+", section.cluster, re.ASCII):
        raise SettingsError(
            f"[warehouse] cluster = {section.cluster!r}: give a name of letters, digits, _, - and dots."
        )


def _hint(section: str, name: str) -> str:
    """Return what is wrong with a value by what people write in other files."""
    value = options(section).get(name, "").strip()
    if re.search(r"\s[#;]", value):
        return " A comment must be on a line of its own."
    return " Write the value without quotes." if value[:1] in ("'", '"', "“", "«") else ""


def _require_minimums() -> None:
    for cls, name, least in _MINIMUMS:
        value = getattr(cls(), name)
        if value < least:
            raise SettingsError(f"[{cls.section}] {name} = {value}: must be {least} or more.")


def max_memory() -> int:
    """Return ``[warehouse] max_memory`` in bytes; 0 leaves the limit to the engine.

    Raises
    ------
    SettingsError
        It is no size.
    """
    text = WarehouseSettings().max_memory
    if not text:
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)(?:i?B)?", text, re.ASCII | re.IGNORECASE)
    size = int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " ")) if found else 0
    if size < _LEAST_MEMORY:
        raise SettingsError(f"[warehouse] max_memory = {text}: write 500M, 2G or more than {_LEAST_MEMORY >> 20}M.")
    return size


def days_kept() -> int:
    """Return ``[warehouse] keep_days``; the default grows with the settings that need more."""
    kept = WarehouseSettings().keep_days
    return max(kept, *_read_days().values()) if kept == KEEP_DAYS else kept


def _read_days() -> dict[str, int]:
    """The days that detectors, the weekly summary and the correction of a report still read, by setting."""
    alerts = AlertSettings()
    slots = alerts.history_days + max(SUMMARY_DAYS, int(alerts.catch_up_hours) // 24 + 1)
    return {"[alerts] history_days": slots, "[etl] reload_days": EtlSettings().reload_days + 1}


def _require_kept_days() -> None:
    """Refuse to drop what something still reads."""
    kept = days_kept()
    for setting, least in _read_days().items():
        if kept != 0 and kept < least:
            raise SettingsError(
                f"[warehouse] keep_days = {kept}: must be {least} or more because of {setting}; 0 keeps all."
            )


def _refuse_unknown(section: str, valid: set[str]) -> None:
    unknown = sorted(set(options(section)) - valid)
    if unknown:
        variable = _SECRETS.get((section, unknown[0]))
        secret = f" Remove it from the file, and set {variable} in the environment." if variable else ""
        raise SettingsError(
            f"[{section}]: unknown setting {', '.join(unknown)}; it has {', '.join(sorted(valid))}.{secret}"
        )
