"""``python -m tests.mutants``: mutate the pure modules and list the mutants that their tests do not detect.

A survivor either shows that a test is missing, or is equivalent; equivalent.txt lists those with their reasons. The
exit code is 1 if a survivor is not listed there.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from tests.mutants.mutations import Mutation, mutations, sample
from tests.mutants.running import Trial, UselessTestsError, copied
from tests.mutants.targets import TARGETS, Target

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
_HEADER = ("module", "possible", "tried", "killed", "survived", "known equivalent")
_LINE = "{:<28} {:>8} {:>6} {:>6} {:>8} {:>16}"


@dataclass(frozen=True)
class Outcome:
    """The results of a module's mutants."""

    target: Target
    possible: int
    tried: int
    survivors: tuple[Mutation, ...]
    known: tuple[Mutation, ...]
    """The survivors that are listed as equivalent."""

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of its row."""
        survived = len(self.survivors)
        return self.possible, self.tried, self.tried - survived, survived, len(self.known)


def main() -> int:
    """Run the mutants; return 1 if one survived that is not listed as equivalent."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="part of a module's path; all without one")
    parser.add_argument("--seed", type=int, default=1, help="another seed tries other mutants")
    parser.add_argument("--most", type=int, default=6, metavar="K", help="mutants of each module")
    arguments = parser.parse_args()
    chosen = [item for item in TARGETS if any(name in item.module for name in arguments.modules or [""])]
    if not chosen:
        parser.error(f"no module has such a name; choose of {', '.join(item.module for item in TARGETS)}")
    equivalent = read_equivalent(EQUIVALENT.read_text(encoding="utf-8"))
    try:
        with copied() as root:
            outcomes = []
            for item in chosen:
                outcomes.append(run(root, item, arguments.most, arguments.seed, equivalent))
                print(_LINE.format(item.module, *outcomes[-1].counts), file=sys.stderr, flush=True)
    except UselessTestsError as error:
        sys.exit(str(error))
    print(table(outcomes))
    return int(any(len(outcome.survivors) > len(outcome.known) for outcome in outcomes))


def run(root: Path, target: Target, most: int, seed: int, equivalent: Sequence[str]) -> Outcome:
    """Try a sample of a module's mutants in the copy of the project at `root`."""
    possible = mutations((root / target.module).read_text(encoding="utf-8"), target.only)
    tried = sample(possible, most, f"{seed} {target.module}")
    trial = Trial(root, target.module, target.tests)
    progress = tqdm(tried, desc=target.module, unit="mutant", disable=None, leave=False)
    survivors = tuple(mutation for mutation in progress if not trial.notices(mutation.source))
    known = tuple(mutation for mutation in survivors if f"{target.module}: {mutation.change}" in equivalent)
    return Outcome(target, len(possible), len(tried), survivors, known)


def read_equivalent(text: str) -> list[str]:
    """The listed mutations, each as ``path: line -> mutated line``; every entry ends with ``  # why``."""
    entries = [line.rpartition("  # ") for line in text.splitlines() if line and not line.startswith("#")]
    for entry, _, why in entries:
        if not entry or not why.strip():
            raise ValueError(f"equivalent.txt does not say why: {entry or why}")
    return [entry.strip() for entry, _, _ in entries]


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the counts by module, and the survivors in the form of equivalent.txt."""
    lines = [_LINE.format(*_HEADER)]
    lines += [_LINE.format(outcome.target.module, *outcome.counts) for outcome in outcomes]
    lines.append(_LINE.format("all", *map(sum, zip(*(outcome.counts for outcome in outcomes), strict=True))))
    for outcome in outcomes:
        for mutation in outcome.survivors:
            what = "equivalent" if mutation in outcome.known else "SURVIVED"
            lines.append(f"{what} {outcome.target.module}:{mutation.line}: {mutation.change}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
