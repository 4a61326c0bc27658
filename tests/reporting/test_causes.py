import math

import pytest

from reporting.causes import Cause, RatioSplit, cause_line, split_line
from reporting.texts import en


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (Cause("os", ["iOS"], 0.934), "os iOS explains 93%"),
        (Cause("", ["iOS"], 0.934), "iOS explains 93%"),
        (Cause("country", ["RU", "KZ"], 1.04), "country RU, KZ explain 104%"),
        (Cause("city", ["x" * 24], 0.5), f"city {'x' * 24} explains 50%"),
        (Cause("country", list("abcde"), 0.5), "country a, b, c and 2 more explain 50%"),
        (Cause("os", [], 0.5), "no slice stands out"),
        (Cause(), "no slice stands out"),
        (Cause("os", ["iOS"], math.nan), "no slice stands out"),
        (Cause("os", ["iOS"], 1e9), "no slice stands out"),
        (Cause(metric="CTR"), "CTR: no slice stands out"),
    ],
)
def test_causes(cause: Cause, line: str) -> None:
    assert cause_line(cause, en) == line


@pytest.mark.parametrize(
    ("split", "line"),
    [
        (RatioSplit("CTR", "Likes", "Views", -0.31, 0.004), "CTR: likes fell (−31.0%), views +0.4%"),
        (RatioSplit("CTR", "Likes", "Views", 0.01, 0.5), "CTR: views rose (+50.0%), likes +1.0%"),
        # Halving is a bigger change than growing by half; a fall to zero is the biggest.
        (RatioSplit("CTR", "Likes", "Views", -0.5, 0.6), "CTR: likes fell (−50.0%), views +60.0%"),
        (RatioSplit("CTR", "Likes", "Views", -1.0, 900.0), "CTR: likes fell (−100.0%), views +90,000.0%"),
        (RatioSplit("CTR", "Likes", "Views", math.nan, -0.2), "CTR: views fell (−20.0%)"),
        (
            RatioSplit("CTR", "DAU", "Views", -0.2, math.inf, 0.25),
            "CTR: DAU fell (−20.0%); 75% within slices, 25% by their mix",
        ),
        (RatioSplit("CTR", "Likes", "Views", math.nan, math.nan), ""),
        (RatioSplit("CTR", "Likes", "Views", -0.5, 1e12, mix=-1e12), "CTR: likes fell (−50.0%)"),
    ],
)
def test_splits(split: RatioSplit, line: str) -> None:
    assert split_line(split, en) == line
