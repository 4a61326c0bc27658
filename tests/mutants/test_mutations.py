"""The mutator, on artificial sources and on an artificial project."""

from pathlib import Path

import pytest

from tests.mutants import running
from tests.mutants.__main__ import EQUIVALENT, read_equivalent, run, table
from tests.mutants.mutations import mutations, sample
from tests.mutants.running import ROOT, Trial, UselessTestsError
from tests.mutants.targets import TARGETS, Target


@pytest.mark.parametrize(
    ("line", "mutants"),
    [
        ("a < b", {"a <= b"}),
        ("a >= b", {"a > b"}),
        ("a == b != c", {"a != b != c", "a == b == c"}),
        ("a and b", {"a", "b"}),
        ("a or b or c", {"(b or c)", "(a or c)", "(a or b)"}),
        ("not a", {"a"}),
        ("c and not (a or b)", {"c", "(not (a or b))", "c and (a or b)", "c and not (a)", "c and not (b)"}),
        ("x = 0", {"x = 1", "x = -1"}),
        ("x = 'text'", {"x = ''"}),
        ("x = ''", set()),
        ("x = True", set()),
        ("a + b", {"(a - b)"}),
        ("a / b", {"(a * b)"}),
        ("max(a, b)", {"min(a, b)"}),
        ("f(a, key=b)", {"f(a)"}),
        ("zip(a, b, strict=True)", set()),
        ("[x for x in a if x]", {"[x for x in a]"}),
        ("sum(x for x in a if x)", {"sum((x for x in a))"}),
        ("a if b else c", {"a if True else c", "a if False else c"}),
        ("if a: b", {"if True: b", "if False: b"}),
        ("x: 'int' = a", set()),
        ("log.warning('late', 1)", set()),
        ("raise ValueError(1 + 1)", set()),
        ("assert a, 'text'", set()),
        ("__all__ = ['a']", set()),
        ("Kind = Literal['count']", set()),
        ("f'text {a:.1f}'", set()),
        ("x = 'ü'; a < b", {"x = ''; a < b", "x = 'ü'; a <= b"}),
    ],
)
def test_an_operator(line: str, mutants: set[str]) -> None:
    made = mutations(f"before\n{line}\nafter\n")
    assert {mutation.after for mutation in made} == mutants
    assert {mutation.source for mutation in made} == {f"before\n{after}\nafter\n" for after in mutants}
    assert {(mutation.line, mutation.before) for mutation in made} <= {(2, line)}


def test_a_function() -> None:
    source = (
        '@cache(size=1)\ndef f(a: "int" = 5) -> "int":\n    """Docs."""\n    return a\n\n\ndef g():\n    return b\n'
    )
    changes = {(mutation.line, mutation.change) for mutation in mutations(source, only=["f"])}
    header = 'def f(a: "int" = 5) -> "int":'
    assert changes == {
        (4, "return a -> return None"),
        (2, f"{header} -> {header.replace('5', '6')}"),
        (2, f"{header} -> {header.replace('5', '4')}"),
    }


def test_an_expression_of_several_lines_is_written_as_one() -> None:
    (mutation,) = mutations("f(\n    a,\n    key=b,\n)\n")
    assert (mutation.change, mutation.source) == ("f( a, key=b, ) -> f(a)", "f(a)\n")


def test_a_sample_is_spread_over_the_lines_and_the_same_for_the_same_seed() -> None:
    made = mutations("x = [1, 2, 3, 4, 5]\n" * 10)
    chosen = sample(made, 15, "seed")
    assert chosen == sample(made, 15, "seed") != sample(made, 15, "another")
    assert len(set(chosen)) == 15
    lines = [mutation.line for mutation in sample(made, 100, "seed")]
    assert lines == sorted([*range(1, 11)] * 2)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "toy.py").write_text("FOUND = 3\nUNUSED = 7\n\n\ndef f():\n    return FOUND\n")
    (tmp_path / "test_toy.py").write_text("from toy import f\n\n\ndef test_f():\n    assert f() == 3\n")
    return tmp_path


def test_a_mutant_that_a_test_notices_is_killed(project: Path) -> None:
    source = (project / "toy.py").read_text()
    trial = Trial(project, "toy.py", ["test_toy.py"])
    assert trial.notices(source.replace("3", "4"))
    assert not trial.notices(source.replace("7", "8"))
    assert (project / "toy.py").read_text() == source


@pytest.fixture
def scripts(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tests as scripts, which start faster than pytest."""
    monkeypatch.setattr(running, "RUNNER", ("-S",))
    (project / "test_toy.py").write_text("from toy import f\nassert f() == 3\n")
    return project


def test_a_mutant_that_never_ends_is_killed(scripts: Path) -> None:
    trial = Trial(scripts, "toy.py", ["test_toy.py"])
    assert trial.limit is not None
    assert trial.limit > 30
    trial.limit = 0.2
    assert trial.notices("while True:\n    pass\n")


def test_tests_that_can_notice_nothing_are_an_error(scripts: Path) -> None:
    (scripts / "test_wrong.py").write_text("from toy import f\nassert f() == 4\n")
    with pytest.raises(UselessTestsError, match="fail on the unchanged module"):
        Trial(scripts, "toy.py", ["test_wrong.py"])
    (scripts / "test_other.py").write_text("")
    with pytest.raises(UselessTestsError, match="do not import it"):
        Trial(scripts, "toy.py", ["test_other.py"])


def test_survivors_are_told_apart_by_their_text(scripts: Path) -> None:
    outcome = run(scripts, Target("toy.py", ("test_toy.py",)), 100, 1, ["toy.py: UNUSED = 7 -> UNUSED = 8"])
    assert [mutation.after for mutation in outcome.survivors] == ["UNUSED = 6", "UNUSED = 8"]
    assert [mutation.after for mutation in outcome.known] == ["UNUSED = 8"]
    assert outcome.counts == (5, 5, 3, 2, 1)
    lines = table([outcome]).splitlines()
    assert [line.split() for line in lines[1:3]] == [["toy.py", *"55321"], ["all", *"55321"]]
    assert lines[3:] == ["SURVIVED toy.py:2: UNUSED = 7 -> UNUSED = 6", "equivalent toy.py:2: UNUSED = 7 -> UNUSED = 8"]


def test_an_equivalent_mutant_has_a_reason() -> None:
    assert read_equivalent("# comment\n\nm.py: a  # note -> b  # note  # why\n") == ["m.py: a  # note -> b  # note"]
    with pytest.raises(ValueError, match="does not say why: m.py: a -> b"):
        read_equivalent("m.py: a -> b\n")
    assert all(" -> " in entry for entry in read_equivalent(EQUIVALENT.read_text(encoding="utf-8")))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: str(target.module))
def test_targets_are_there(target: Target) -> None:
    lines = {mutation.line for mutation in mutations((ROOT / target.module).read_text(encoding="utf-8"), target.only)}
    assert lines
    assert all((ROOT / test).exists() for test in target.tests if test.startswith("tests/"))
