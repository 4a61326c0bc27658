from __future__ import annotations

import pytest

from detectors.lab.compare import Comparison, compare
from tests.detectors.lab.histories import METHODS, awkward


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """A comparison for all test files, with a hostile series name, a note and a failing detector."""
    return compare(awkward(), METHODS, workers=1)
