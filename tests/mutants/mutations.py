"""Small changes of a module's source, each of which a good test detects."""

import ast
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_FUNCTIONS = {"max": "min", "min": "max"}
_UNREAD_FIELDS = {"annotation", "returns", "decorator_list", "format_spec"}
_LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}
_ATOMS = (ast.Constant, ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.ListComp, ast.SetComp, ast.DictComp)
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Mutation:
    """A changed module: `before` and `after` are the lines that differ, written as one line."""

    line: int
    before: str
    after: str
    source: str

    @property
    def change(self) -> str:
        """The change as text, without its line number."""
        return f"{self.before} -> {self.after}"


def mutations(source: str, only: Collection[str] = ()) -> list[Mutation]:
    """Return all mutations of a module, or those of the functions and classes named in `only`."""
    text = source.encode()  # the positions of `ast` count bytes
    starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]
    statements = [item for item in ast.parse(source).body if not only or getattr(item, "name", "") in only]
    mutants: dict[str, Mutation] = {}
    for old, new in (change for item in statements for node in _nodes(item) for change in _changes(node)):
        last = old.end_lineno or old.lineno
        begin, end = starts[old.lineno - 1] + old.col_offset, starts[last - 1] + (old.end_col_offset or 0)
        if not _stands_at(old, text[begin:end].decode(errors="replace")):
            continue
        replaced = _written(old, new).encode()
        first_line, rest = text[starts[old.lineno - 1] : begin], text[end : starts[last]]
        mutated = (text[:begin] + replaced + text[end:]).decode()
        before = _one_line(first_line + text[begin:end] + rest)
        if mutated != source:
            mutants.setdefault(mutated, Mutation(old.lineno, before, _one_line(first_line + replaced + rest), mutated))
    return list(mutants.values())


def sample(mutants: Sequence[Mutation], most: int, seed: str, a_line: int = 2) -> list[Mutation]:
    """Choose at most `most` mutations, and at most `a_line` on one line; the same ones for the same seed."""
    on_line: Counter[int] = Counter()
    chosen: list[Mutation] = []
    for mutation in random.Random(seed).sample(mutants, len(mutants)):
        if len(chosen) < most and on_line[mutation.line] < a_line:
            on_line[mutation.line] += 1
            chosen.append(mutation)
    return sorted(chosen, key=lambda mutation: (mutation.line, mutation.after))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and its descendants, without those that no test must detect: texts for developers, and types."""
    if _is_no_behaviour(node):
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field in _UNREAD_FIELDS or (isinstance(node, ast.Assert) and field == "msg"):
            continue
        for child in value if isinstance(value, list) else [value]:
            is_literal_text = isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)
            if isinstance(child, ast.AST) and not is_literal_text:
                yield from _nodes(child)


def _is_no_behaviour(node: ast.AST) -> bool:
    match node:
        case ast.Raise() | ast.Expr(value=ast.Constant()):  # errors; docstrings, those of fields too
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _LOGGING
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Subscript(value=ast.Name(id="Literal")):
            return True
    return False


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield pairs of an expression and its replacement."""
    match node:
        case ast.Constant():
            yield from ((node, ast.Constant(value)) for value in _other_constants(node.value))
        case ast.Compare(ops=ops):
            for at, swapped in ((at, _OPERATORS.get(type(op))) for at, op in enumerate(ops)):
                if swapped:
                    yield node, ast.Compare(node.left, [*ops[:at], swapped(), *ops[at + 1 :]], node.comparators)  # type: ignore[list-item]
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            yield node, ast.BinOp(node.left, _OPERATORS[type(op)](), node.right)  # type: ignore[arg-type]
        case ast.BoolOp(values=values):
            for left in (values[:at] + values[at + 1 :] for at in range(len(values))):
                yield node, left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
        case ast.UnaryOp(op=ast.Not()):
            yield node, node.operand
        case ast.If() | ast.IfExp():
            yield from ((node.test, ast.Constant(always)) for always in (True, False))
        case ast.Return(value=ast.expr() as value):
            yield value, ast.Constant(None)
        case ast.Call():
            yield from _changes_of_call(node)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from _without_filters(node)


def _other_constants(value: object) -> Sequence[str | float]:
    if isinstance(value, str):
        return [""] if value else []
    return [value + 1, value - 1] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _changes_of_call(call: ast.Call) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(call.func, ast.Name) and call.func.id in _FUNCTIONS:
        yield call.func, ast.Name(_FUNCTIONS[call.func.id])
    for dropped in call.keywords:
        if dropped.arg not in (None, "strict"):  # `strict` of zip only checks
            yield call, ast.Call(call.func, call.args, [item for item in call.keywords if item is not dropped])


def _without_filters(node: _Comprehension) -> Iterator[tuple[ast.expr, ast.expr]]:
    for at, loop in enumerate(node.generators):
        for condition in loop.ifs:
            rest = [item for item in loop.ifs if item is not condition]
            fewer = ast.comprehension(loop.target, loop.iter, rest, loop.is_async)
            fields = dict(ast.iter_fields(node)) | {
                "generators": [*node.generators[:at], fewer, *node.generators[at + 1 :]]
            }
            yield node, type(node)(**fields)


def _stands_at(node: ast.expr, segment: str) -> bool:
    """Return whether a node's position is right; inside f-strings it is wrong before Python 3.12."""
    try:
        return ast.dump(ast.parse(f"({segment})", mode="eval").body) == ast.dump(node)
    except SyntaxError:
        return False


def _written(old: ast.expr, new: ast.expr) -> str:
    """The source of a replacement, in brackets where it could bind less tightly than the original."""
    binds_as_before = isinstance(new, _ATOMS) or (isinstance(old, ast.Compare) and isinstance(new, ast.Compare))
    return ast.unparse(new) if binds_as_before else f"({ast.unparse(new)})"


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())
