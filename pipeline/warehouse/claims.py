"""Claims of messages in the table ``delivery_state``: of several machines one sends or edits a message at a time.

A machine writes a claim and reads those of the others. With none it is the sender. Otherwise the machine with the
greater name takes its claim back, and the other one waits. So two machines are never senders at once: the later of two
writers always reads the claim of the earlier one. A claim that is as old as `TAKEN_OVER_SECONDS` no longer counts.

This needs a table that shows a row as soon as it is written, as one server does. Of a replicated table a machine first
waits for the rows of other servers. Through two servers with plain tables two machines may both be senders.
"""

import contextlib
import hashlib
import logging
import os
import platform
import random
import secrets
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import clock
from pipeline.core.errors import WarehouseError
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import DELIVERY_STATE, catch_up, full_name, open_warehouse, writer

if TYPE_CHECKING:
    from reporting.delivery import Version

LOGGER = logging.getLogger("luigi-interface")

TAKEN_OVER_SECONDS = 600
"""Longer than a message with all repetitions takes, shorter than the time between two checks of the alerts."""

FAILURE_PAUSE_SECONDS = 300
"""How long `shown_versions` leaves out an address where an attempt failed."""

POLL_SECONDS = 0.5

Row = tuple[str, str, str]
"""Item, state and version."""


@dataclass
class TableClaim:
    """Implements `reporting.delivery.Claim` for one message at one address."""

    key: str
    channel: str
    address: str
    machine: str
    shown: "Version" = ()
    copies: Collection[str] = ()
    _is_done: bool = field(default=False, init=False)

    @contextlib.contextmanager
    def held(self) -> Iterator["TableClaim"]:
        """Wait until no other machine has a claim, and hold this one."""
        self._wait()
        try:
            yield self
        except BaseException:
            with contextlib.suppress(WarehouseError):  # the failure inside is the one to tell
                self._write([self._claim("failed")])
            raise
        if not self._is_done:
            self._write([self._claim("over")])

    def done(self, message_id: str, shown: "Version", gone: Collection[str] = ()) -> None:
        """End the claim: the channel has confirmed the message."""
        rows = [self._claim("over"), (f"copy {message_id}", "there", "")]
        rows += [(f"copy {copy}", "gone", "") for copy in gone]
        if shown:
            rows.append(("shown", "", encode(shown)))
        self._write(rows)
        self._is_done = True

    def _wait(self) -> None:
        while True:
            self._write([self._claim("open")])
            rivals = self._read()
            if not rivals:
                return
            LOGGER.info("%s: waiting for another machine, which sends or edits %s", self.address, self.key)
            waits = True
            while rivals:
                if waits and min(rivals) < self.machine:
                    self._write([self._claim("over")])
                    waits = False
                time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  not a secret
                rivals = self._read()

    def _read(self) -> list[str]:
        """Read what is known of the message; return the other machines whose claims count."""
        catch_up(DELIVERY_STATE)
        rows = open_warehouse().query(
            statement("read_delivery_state", delivery_state=full_name(DELIVERY_STATE)), self._place
        )
        self.copies = [item.removeprefix("copy ") for item, state, *_ in rows if state == "there"]
        self.shown = next((decode(version) for item, _, version, _ in rows if item == "shown"), ())
        machines = [item.removeprefix("claim ") for item, state, _, age in rows if state == "open" and _counts(age)]
        return [machine for machine in machines if machine != self.machine]

    def _claim(self, state: str) -> Row:
        return f"claim {self.machine}", state, secrets.token_hex(8)

    def _write(self, rows: Collection[Row]) -> None:
        items, states, versions = zip(*rows, strict=True)
        writer().execute(
            statement("write_delivery_state", delivery_state=full_name(DELIVERY_STATE)),
            {**self._place, "items": list(items), "states": list(states), "versions": list(versions)},
            idempotent=True,
        )

    @property
    def _place(self) -> dict[str, str]:
        return {"key": self.key, "channel": self.channel, "address": self.address}


def shown_versions(keys: Iterable[str]) -> "dict[str, dict[str, Version]]":
    """Read what messages show, as far as channels have confirmed it, by key and ``channel:address``.

    An address where an attempt has just failed is left out, and so is a message of an earlier release.
    """
    rows = open_warehouse().query(
        statement("shown_versions", delivery_state=full_name(DELIVERY_STATE)),
        {"keys": tuple(keys), "pause": FAILURE_PAUSE_SECONDS},
    )
    versions: dict[str, dict[str, Version]] = {}
    for key, channel, address, version, failures in rows:
        if not failures:
            versions.setdefault(key, {})[f"{channel}:{address}"] = decode(version)
    return versions


def encode(version: "Version") -> str:
    """Write a version as text."""
    return ".".join(map(str, version))


def decode(text: str) -> "Version":
    """Read a version. One with a time to come was shown by a machine whose clock was ahead, and does not count."""
    version = tuple(int(number) for number in text.split(".") if number)
    return () if any(clock.from_epoch(number) > clock.utcnow() for number in version) else version


def machine(folder: Path) -> str:
    """Return a name for the processes that share the lock files in `folder`; a file there keeps it.

    On a full disk the path of the folder takes the file's place: a message must not wait for it.
    """
    try:
        kept = _kept_name(folder)
    except OSError:
        kept = str(folder.absolute())
    # With the host's name: a file that was copied with the machine is of another machine.
    return hashlib.sha256(f"{platform.node()} {kept}".encode()).hexdigest()[:16]


def _kept_name(folder: Path) -> str:
    path = folder / "machine.lock"
    if not path.exists():
        own = folder / f"machine-{secrets.token_hex(8)}.lock"
        try:
            with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(16))
            with contextlib.suppress(FileExistsError):  # another process was first
                os.link(own, path)
        finally:
            own.unlink(missing_ok=True)
    return path.read_text()


def _counts(age: int) -> bool:
    return age < TAKEN_OVER_SECONDS
