"""``--grants``: prints the rights that the configured users need, as statements to copy."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from pipeline.commands.common import prepare
from pipeline.core import logs, settings
from pipeline.core.errors import WarehouseError
from pipeline.warehouse import connections, rights
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from pipeline.warehouse.rights import Grant
from pipeline.warehouse.statements import statement

GRANTS_SINCE = (20, 4)
"""The first version with GRANT. Before, users.xml has all rights."""

NARROW_SINCE = (24, 10)
"""The first version that grants on all tables whose names begin alike."""

_USER = """\
    <{user}>
      <password_sha256_hex>HASH</password_sha256_hex>
      <networks><ip>::/0</ip></networks>
      <profile>{profile}</profile>
      <quota>default</quota>
      <allow_databases>
{databases}      </allow_databases>
    </{user}>
"""


def print_grants() -> int:
    """Print the rights of the reader and the writer; always 0."""
    prepare()
    warehouse, source = connections.warehouse(), connections.source()
    section = settings.SourceSettings()
    reading = rights.reader(f"{section.database}.{table}" for table in (section.feed_table, section.message_table))
    writing = rights.writer(settings.WarehouseSettings().database)
    if source == warehouse:
        _print(warehouse, "the user of [warehouse], which reads the events too", [*reading, *writing], _narrow())
    else:
        _print(source, "the reader: the user of [source]", reading)
        _print(warehouse, "the writer: the user of [warehouse]", writing, _narrow())
    return 0


def _print(engine: Engine, role: str, grants: list[Grant], narrow: Sequence[Grant] = ()) -> None:
    """Print the rights of one user, and those that are enough where GRANT knows the beginnings of names."""
    user = engine.user
    print(f"-- {engine.place}, {role}")
    if isinstance(engine, EmbeddedEngine):
        print("-- the embedded engine asks for no rights")
        return
    version = _version(engine)
    if version is None or version >= GRANTS_SINCE:
        for grant in grants:
            if grant.optional:
                print(f"-- {grant.optional}")
            print(grant.to(user))
    if version is None or version < GRANTS_SINCE:
        print(_old(user, grants))
    if narrow and (version is None or version >= NARROW_SINCE):
        print("-- Version 24.10 or newer can give the rights on our own tables only, instead of the whole database:")
        for grant in narrow:
            print(grant.to(user))


def _narrow() -> list[Grant]:
    """Return what is enough for a writer whose tables have a prefix; nothing without one."""
    section, table = settings.WarehouseSettings(), settings.EtlSettings().table
    beginnings = dict.fromkeys([section.prefix, section.prefix if table.startswith(section.prefix) else table])
    return rights.narrow_writer(section.database, beginnings) if section.prefix else []


def _version(engine: Engine) -> tuple[int, int] | None:
    """Return the server's version; None if it does not answer."""
    try:
        with logs.collected():  # what is tried again is not worth a line
            ((version, *_),) = engine.query(statement("doctor_clock"))
    except WarehouseError:
        return None
    major, minor, *_ = str(version).split(".")
    return int(major), int(minor)


def _old(user: str, grants: list[Grant]) -> str:
    """Return the part of users.xml for a version without GRANT."""
    writes = any(rights.INSERT in grant.privileges for grant in grants)
    databases = dict.fromkeys(grant.place.split(".")[0] for grant in grants if not grant.place.startswith("system."))
    allowed = "".join(f"        <database>{escape(database)}</database>\n" for database in databases)
    profile = "default" if writes else "reader"
    readonly = "" if writes else "  <profiles><reader><readonly>1</readonly></reader></profiles>\n"
    described = _USER.format(user=escape(user), profile=profile, databases=allowed)
    return (
        "<!-- Version 18 or 19: /etc/clickhouse-server/users.d/feedpulse.xml. HASH: SHA-256 of the password. -->\n"
        f"<yandex>\n{readonly}  <users>\n{described}  </users>\n</yandex>"
    )
