"""What is mutated, and the fast tests that should notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A module and pytest's arguments for its own fast tests; `only` names its pure functions and classes."""

    module: str
    tests: tuple[str, ...]
    only: tuple[str, ...] = ()


TARGETS = (
    Target("pipeline/incidents.py", ("tests/pipeline/test_incidents.py",)),
    Target("pipeline/checks.py", ("tests/pipeline/test_checks.py",)),
    Target("pipeline/shares.py", ("tests/pipeline/test_shares.py",)),
    Target("pipeline/causes.py", ("tests/pipeline/test_causes.py",)),
    Target("pipeline/explaining.py", ("tests/pipeline/test_explaining.py",)),
    Target("pipeline/actions.py", ("tests/pipeline/test_actions.py",)),
    Target("pipeline/planned.py", ("tests/pipeline/test_planned.py",)),
    Target(
        "pipeline/history.py",
        ("tests/pipeline/test_history.py", "tests/pipeline/test_shares.py"),
        only=("Part", "Series", "ratio", "wall_columns", "lay_out"),
    ),
    Target(
        "pipeline/reconciliation.py",
        ("tests/pipeline/test_reconciliation.py",),
        only=("RawDay", "Difference", "moved", "listed"),
    ),
    Target("detectors/kinds.py", ("tests/detectors/test_kinds.py",)),
    Target("detectors/episodes.py", ("tests/detectors/test_episodes.py",)),
    Target(
        "reporting/alert_text.py",
        (
            "tests/reporting/test_alert.py",
            "tests/reporting/test_alert_life.py",
            "-k",
            "not picture and not drawn and not marked",
        ),
    ),
    Target("reporting/causes.py", ("tests/reporting/test_causes.py",)),
    Target("reporting/values.py", ("tests/reporting/test_values.py",)),
)
