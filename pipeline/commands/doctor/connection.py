"""Checks of the connections of warehouse and source: host, port, TLS, protocol, user, password, clock and database."""

import importlib.util
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.commands.doctor.report import note, of_error, ok, wrong
from pipeline.core import settings
from pipeline.core.errors import TerminalError, WarehouseError
from pipeline.core.settings.checking import HTTP_PORTS, NATIVE_PORTS
from pipeline.warehouse import connections
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine
from pipeline.warehouse.statements import statement
from reporting.channels.base import Finding

_NATIVE = {9000: "set port = 9000 and secure = false", 9440: "set port = 9440 and secure = true"}
_HTTP = {
    8123: "begin `url` with http://{host}:8123",
    8443: "begin `url` with https://{host}:8443",
    443: "begin `url` with https://{host}",
}
"""The settings of the usual ports, by protocol."""
_BAD_LOGIN = (192, 193, 194, 516)
_SKEW_SECONDS = 30
_SLOT_SECONDS = 900
_PROBE_SECONDS = 1.0


def warehouse() -> Iterator[Finding]:
    """Check the connection of ``[warehouse]``."""
    engine = connections.warehouse()
    yield from _connection("warehouse", engine, "FEEDPULSE_CLICKHOUSE_PASSWORD")


def source() -> Iterator[Finding]:
    """Check the connection of ``[source]``, if it has its own."""
    engine = connections.source()
    if engine != connections.warehouse():
        yield from _connection("source", engine, "FEEDPULSE_SOURCE_PASSWORD")
    if not is_made(engine):
        yield wrong(
            f"[source]: {engine.place} holds no data yet, so there are no events",
            "Set [source] engine = server and host, or engine = http and url, to the server of the events.",
        )


def is_made(engine: Engine) -> bool:
    """Whether an engine can be asked without making its data directory."""
    if not isinstance(engine, EmbeddedEngine):
        return True
    path = Path(engine.path)
    return path.exists() and not (path.is_dir() and next(path.iterdir(), None) is None)


def has_database(engine: Engine, name: str) -> bool:
    """Whether a database exists and the user may see it."""
    return bool(engine.query(statement("doctor_databases"), {"database": name}))


def _connection(name: str, engine: Engine, secret: str) -> Iterator[Finding]:
    if isinstance(engine, ServerEngine):
        yield from _reached(name, engine)
    elif isinstance(engine, HttpEngine):
        if problem := _unreachable_url(name, engine):
            yield problem
            return
    elif importlib.util.find_spec("chdb") is None:
        remedy = "Install it: pip install 'feedpulse[embedded]'; or set engine = server, and host."
        yield wrong(f"[{name}] engine = embedded: the embedded engine is not installed", remedy)
    if not is_made(engine):
        yield note(f"{name}: {engine.place} does not exist yet; the first run makes it")
        return
    try:
        ((version, seconds),) = engine.query(statement("doctor_clock"))
    except TerminalError as error:
        yield _login(name, error, secret) if error.code in _BAD_LOGIN else of_error(error, f"{name}: ")
        return
    except WarehouseError as error:
        yield of_error(error, f"{name}: ")
        return
    user = f", user {engine.user}" if engine.is_server else ""
    yield ok(f"{name}: {engine.place} answers: ClickHouse {version}{user}")
    yield _clock(name, seconds - time.time())


def _login(name: str, error: TerminalError, secret: str) -> Finding:
    text = of_error(error, f"{name}: ").text
    state = "is set" if os.environ.get(secret) else "is not set"
    value = os.environ.get(secret, "")
    state += " and begins or ends with white space" if value != value.strip() else ""
    return wrong(text, f"Check [{name}] user and the environment variable {secret}, which {state}.")


def _reached(name: str, engine: ServerEngine) -> Iterator[Finding]:
    """Check that something listens at the host, or at one of the others if it does not."""
    section = settings.WarehouseSettings() if name == "warehouse" else settings.SourceSettings()
    addresses = [(engine.host, engine.port), *settings.alternatives(section)]
    problems = [_unreachable(name, host, port, engine) for host, port in addresses]
    if all(problems):
        yield next(filter(None, problems))
        return
    for problem in filter(None, problems):
        yield note(f"{problem.text}; another of `host` and `alt_hosts` answers")


def _unreachable(name: str, host: str, port: int, engine: ServerEngine) -> Finding | None:
    """Return why nothing can be reached at an address; None if something listens."""
    try:
        socket.create_connection((host, port), engine.connect_timeout_seconds).close()
    except socket.gaierror as error:
        return wrong(f"[{name}] host = {host}: no such host ({error.strerror})", f"Correct [{name}] host.")
    except ConnectionRefusedError:
        text = f"[{name}] port = {port}: {host} is there, but nothing listens on port {port}"
        return wrong(
            text, _open_ports(host, _NATIVE) or f"Start ClickHouse there, or correct [{name}] port. {NATIVE_PORTS}"
        )
    except OSError as error:
        reason = error.strerror or "no answer"
        text = f"[{name}] host = {host}, port = {port}: cannot be reached ({reason})"
        return wrong(
            text, _open_ports(host, _NATIVE) or f"Check [{name}] host and port, the network and the firewall there."
        )
    return None


def _unreachable_url(name: str, engine: HttpEngine) -> Finding | None:
    """Return why nothing can be reached at a URL; None if something listens."""
    host, port, _ = engine.address
    text = f"[{name}] url = {engine.url}"
    try:
        socket.create_connection((host, port), engine.connect_timeout_seconds).close()
    except socket.gaierror as error:
        return wrong(f"{text}: there is no host {host} ({error.strerror})", f"Correct [{name}] url.")
    except OSError as error:
        remedy = _open_ports(host, _HTTP) or f"Start ClickHouse there, or correct [{name}] url. {HTTP_PORTS}"
        return wrong(f"{text}: nothing answers on port {port} ({error.strerror or error})", remedy)
    return None


def _open_ports(host: str, usual: Mapping[int, str]) -> str:
    """Return the settings of the usual ports that are open."""
    lines = []
    for port, remedy in usual.items():
        try:
            socket.create_connection((host, port), _PROBE_SECONDS).close()
        except OSError:
            continue
        shown = f"[{host}]" if ":" in host else host
        lines.append(f"Port {port} is open there: {remedy.format(host=shown)}.")
    return "\n".join(lines)


def _clock(name: str, ahead: float) -> Finding:
    text = f"clock: that of the {name} differs from this machine's by {abs(ahead):.0f} s"
    remedy = "Set both clocks by NTP: days and slots are those of this machine's clock."
    if abs(ahead) >= _SLOT_SECONDS:
        return wrong(text, remedy)
    return note(text, remedy) if abs(ahead) >= _SKEW_SECONDS else ok(text)
