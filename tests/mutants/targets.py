"""The mutated modules, and the fast tests that should detect the changes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A module and pytest's arguments for its own fast tests; `only` names its pure functions and classes."""

    module: str
    tests: tuple[str, ...]
    only: tuple[str, ...] = ()


INCIDENT_TESTS = (
    "tests/pipeline/alerts/incidents/test_lifecycle.py",
    "tests/pipeline/alerts/incidents/test_edges.py",
    "tests/pipeline/alerts/incidents/test_step.py",
    "tests/pipeline/alerts/incidents/test_properties.py",  # last, since it is slow
)
EXPLANATION_TESTS = (
    "tests/pipeline/alerts/root_cause/test_explanation.py",
    "tests/pipeline/alerts/root_cause/test_explanation_cases.py",
)

TARGETS = (
    Target("pipeline/alerts/incidents/incident.py", INCIDENT_TESTS),
    Target("pipeline/alerts/incidents/lifecycle.py", INCIDENT_TESTS),
    Target("pipeline/alerts/incidents/policy.py", INCIDENT_TESTS),
    Target("pipeline/alerts/incidents/state.py", INCIDENT_TESTS),
    Target("pipeline/alerts/detection/checks.py", ("tests/pipeline/alerts/detection/test_checks.py",)),
    Target("pipeline/alerts/detection/shares.py", ("tests/pipeline/alerts/detection/test_shares.py",)),
    Target("pipeline/alerts/root_cause/adtributor.py", ("tests/pipeline/alerts/root_cause/test_adtributor.py",)),
    Target("pipeline/alerts/root_cause/explanation.py", EXPLANATION_TESTS),
    Target("pipeline/alerts/root_cause/days.py", ("tests/pipeline/alerts/root_cause/test_days.py",)),
    Target(
        "pipeline/core/metrics.py", ("tests/pipeline/core/test_metrics.py",), only=("Metric", "defined", "_of_counts")
    ),
    Target("pipeline/alerts/incidents/actions.py", ("tests/pipeline/alerts/incidents/test_actions.py",)),
    Target("pipeline/alerts/incidents/calendar.py", ("tests/pipeline/alerts/incidents/test_calendar.py",)),
    Target(
        "pipeline/slots/series.py",
        ("tests/pipeline/slots/test_series.py", "tests/pipeline/alerts/detection/test_shares.py"),
        only=("Part", "Series", "ratio", "wall_columns", "lay_out"),
    ),
    Target(
        "pipeline/etl/reconciliation.py",
        ("tests/pipeline/etl/test_differences.py",),
        only=("RawDay", "Difference", "moved", "listed"),
    ),
    Target("detectors/noise.py", ("tests/detectors/test_noise.py",)),
    Target("detectors/episodes.py", ("tests/detectors/test_episodes.py",)),
    Target(
        "reporting/alerts/text.py",
        (
            "tests/reporting/alerts/test_compose.py",
            "tests/reporting/alerts/test_life.py",
            "tests/reporting/alerts/test_limits.py",
            "tests/reporting/alerts/test_receipts.py",
            "-k",
            "not picture and not drawn and not marked",
        ),
    ),
    Target("reporting/causes.py", ("tests/reporting/test_causes.py",)),
    Target("reporting/formatting.py", ("tests/reporting/test_formatting.py",)),
)
