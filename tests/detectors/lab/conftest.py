from __future__ import annotations

import pytest

from detectors.lab.compare import Comparison, compare
from tests.detectors.lab.histories import METHODS, awkward


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """One comparison for all files: it has a hostile name, a note and a detector that fails."""
    return compare(awkward(), METHODS, workers=1)
