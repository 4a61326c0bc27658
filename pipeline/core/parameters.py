"""A mixin that makes Luigi look for the parameters of a class only once."""

import functools
from typing import Any, cast


class FixedParameters:
    """Mixin for Luigi tasks and settings whose parameters are those of the class body.

    Luigi searches all attributes of a class each time it needs the parameters, hundreds of times per run, because
    parameters could be added later. Ours never are. The search takes a noticeable part of a check without notices.
    """

    @classmethod
    @functools.cache
    def get_params(cls) -> list[tuple[str, Any]]:
        """Names and parameters, in the order of their declaration."""
        return cast(list[tuple[str, Any]], super().get_params())  # type: ignore[misc]
