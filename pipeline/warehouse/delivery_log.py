"""The delivery log in the table ``deliveries``."""

import contextlib
import hashlib
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.core import settings
from pipeline.core.errors import SettingsError, TransientError
from pipeline.warehouse.claims import TableClaim, machine
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import DELIVERIES, catch_up, full_name, insert, open_warehouse
from reporting import files
from reporting.errors import UnsafePathError

LOGGER = logging.getLogger(__name__)

RECORD_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)

RETRY_AFTER = timedelta(hours=1)
"""How long `TableDeliveryLog.tried_lately` names an address after an attempt."""


class TableDeliveryLog:
    """Implements `reporting.delivery.DeliveryLog` with the table ``deliveries``.

    Processes of one machine wait for each other at a lock file, and machines with `claims`.
    """

    def sent(self, key: str, channel: str) -> dict[str, str]:
        """Return the id of the sent message by address."""
        catch_up(DELIVERIES)  # another sender may have sent it through another server
        rows = open_warehouse().query(
            statement("sent_deliveries", deliveries=full_name(DELIVERIES)), {"key": key, "channel": channel}
        )
        return {str(address): str(message_id) for address, message_id in rows}

    def tried_lately(self, key: str) -> set[str]:
        """Return ``channel:address`` of every address to which the message was sent, or tried, in the last hour."""
        since = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - RETRY_AFTER
        sql = statement("tried_deliveries", deliveries=full_name(DELIVERIES))
        rows = open_warehouse().query(sql, {"key": key, "since": str(since)})
        return {f"{channel}:{address}" for channel, address in rows}

    def record_pending(self, key: str, channel: str, address: str) -> None:
        """Write a row with the state 'pending'."""
        _record(key, channel, address, "pending", "")

    def record_sent(self, key: str, channel: str, address: str, message_id: str) -> None:
        """Write a row with the state 'sent' and the id; for half a minute, as without it the message is sent again."""
        for pause in RECORD_PAUSES_SECONDS:
            try:
                return _record(key, channel, address, "sent", message_id)
            except TransientError as error:  # the same row twice is one row
                LOGGER.info("%s was sent, and is recorded in %s s: %s", key, pause, str(error).partition("\n")[0])
            time.sleep(pause)
        return _record(key, channel, address, "sent", message_id)

    @contextlib.contextmanager
    def claim(self, key: str, channel: str, address: str) -> Iterator[TableClaim]:
        """Lock the address on this machine, then wait until no other machine has a claim on the message there."""
        with self.lock(channel, address):
            folder = Path(settings.DeliverySettings().lock_path)
            with TableClaim(key, channel, address, machine(folder)).held() as claim:
                yield claim

    @contextlib.contextmanager
    def lock(self, channel: str, address: str) -> Iterator[None]:
        """Hold a lock file in ``[delivery] lock_path``; the system releases it if the process is killed."""
        folder = Path(settings.DeliverySettings().lock_path)
        name = hashlib.sha256(f"{channel}:{address}".encode()).hexdigest()[:16]
        with contextlib.ExitStack() as held:
            try:
                files.make_private(folder)
                held.enter_context(files.locked(folder / f"{name}.lock"))
            except UnsafePathError as error:
                raise SettingsError(f"[delivery] lock_path = {folder}: {error}") from None
            except OSError as error:
                raise SettingsError(
                    f"[delivery] lock_path = {folder}: cannot write there ({error.strerror}); "
                    "name a directory that you may write to."
                ) from error
            yield


def _record(key: str, channel: str, address: str, state: str, message_id: str) -> None:
    insert(
        DELIVERIES,
        {
            "message_key": [key],
            "channel": [channel],
            "address": [address],
            "state": [state],
            "message_id": [message_id],
            "at": [datetime.now(UTC).replace(tzinfo=None, microsecond=0)],
        },
    )
