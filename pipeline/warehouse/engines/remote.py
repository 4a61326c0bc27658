"""What both engines of a ClickHouse server have, whatever the protocol."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self, cast

from pipeline.core.process import once
from pipeline.warehouse.engines.base import Engine


class RemoteEngine(Engine):
    """A server: its names, and the settings and time-outs of its statements.

    The implementation is a dataclass with the fields `query_timeout_seconds` and `settings`, which are not compared.
    """

    is_server = True
    query_timeout_seconds: float
    settings: Mapping[str, int | str]

    @property
    def servers(self) -> frozenset[str]:
        """The names of the servers that have answered this process: more than one behind a balancer."""
        return frozenset(_servers().get(self, ()))

    def with_settings(self, **settings: int | str) -> Self:
        """Return this engine with more settings."""
        return self._with(settings={**self.settings, **settings})

    def within(self, seconds: float) -> Self:
        """Return this engine with a shorter time-out of statements."""
        return self._with(query_timeout_seconds=min(seconds, self.query_timeout_seconds))

    def remember_server(self, name: str) -> None:
        """Remember the name that a server has told, if it has."""
        if name:
            _servers().setdefault(self, set()).add(name)

    def _with(self, **fields: Any) -> Self:
        changed: Self = replace(cast(Any, self), **fields)
        return changed


@once
def _servers() -> dict[RemoteEngine, set[str]]:
    """The names of the servers that answered, by engine."""
    return {}
