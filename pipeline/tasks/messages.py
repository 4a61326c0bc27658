"""The base class of the tasks that send one message about a day."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from pipeline.core import clock
from pipeline.tasks.base import DayTask, bulk_complete
from pipeline.warehouse.delivery_log import TableDeliveryLog
from reporting import delivery

if TYPE_CHECKING:
    from reporting.channels.base import Channel


class MessageTask(DayTask):
    """Sends a message about a day.

    It is done when its marker says so. For the newest day every configured address must also have the message: an
    address that was added later gets it in the next run.
    """

    def message_key(self) -> str:
        """The key of the message."""
        raise NotImplementedError

    def channels(self) -> "Mapping[str, Channel]":
        """The channels to send to."""
        raise NotImplementedError

    def complete(self) -> bool:
        """Whether the marker says done, and no address lacks the message."""
        return super().complete() and not self._is_lacking()

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[Any]) -> Iterator[date]:
        """Return the days whose tasks are done, in one query; the newest day needs one more per channel."""
        return (day for day in bulk_complete(cls, parameter_tuples) if not cls(date=day)._is_lacking())

    def _is_lacking(self) -> bool:
        """Whether an address lacks the message of the newest day. Older messages are not sent to new addresses."""
        if self.date != clock.yesterday():
            return False
        return bool(delivery.lacking(self.message_key(), self.channels(), TableDeliveryLog()))
