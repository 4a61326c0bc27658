"""What tasks and settings share: parameters that are looked for once."""

import functools
from typing import Any, cast


class FixedParameters:
    """Beside `luigi.Task`: its parameters are those of its class body.

    Luigi looks through all attributes of a class whenever it wants its parameters, some hundred times a run, because
    somebody might add one. Nobody adds any here, and a quiet check felt it.
    """

    @classmethod
    @functools.cache
    def get_params(cls) -> list[tuple[str, Any]]:
        """Names and parameters, in the order of their declaration."""
        return cast(list[tuple[str, Any]], super().get_params())  # type: ignore[misc]
