"""Draw the rooms from the import contracts of pyproject.toml: ``python docs/rooms.py`` writes docs/rooms.svg."""

import ast
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "rooms.svg"

WIDTH, MARGIN, HEIGHT, INNER, GAP, LIBRARY = 1080, 24, 66, 32, 22, 240
COLOURS = {"pipeline": "#E8F1FA", "alerts": "#FFF4E0", "library": "#EAF6EC"}
TOPMOST = "__main__"


def layers(contract: str) -> list[list[str]]:
    """Read the layers of a contract, the highest first; a layer may hold several rooms side by side."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {item["id"]: item for item in settings["tool"]["importlinter"]["contracts"]}
    rows = [[room.strip() for room in row.split("|")] for row in contracts[contract]["layers"]]
    return [row for row in rows if row != [TOPMOST]]


def purpose(package: str) -> str:
    """Read the first sentence of what a package, or a module, says of itself."""
    path = ROOT.joinpath(*package.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".").replace("`", "")


def draw() -> str:
    """Draw the rooms of pipeline from top to bottom, those of alerts inside of it, and the two libraries beside."""
    parts: list[str] = []
    width = WIDTH - 4 * MARGIN - LIBRARY
    y = MARGIN
    tops = {}
    for row in layers("rooms"):
        inner = layers("alerts") if row == ["alerts"] else []
        height = HEIGHT + len(inner) * INNER - (10 if inner else 0)
        each = (width - (len(row) - 1) * GAP) // len(row)
        for i, room in enumerate(row):
            x = MARGIN + i * (each + GAP)
            parts += _box(x, y, each, height, room, purpose(f"pipeline.{room}"), "pipeline")
        for i, (room,) in enumerate(inner):
            at = y + HEIGHT - 16 + i * INNER
            text = f"{room}: {purpose(f'pipeline.alerts.{room}')}"
            parts += _box(MARGIN + 16, at, width - 32, INNER - 6, "", text, "alerts")
        tops[row[0]] = y
        y += height + GAP
        parts.append(_arrow(MARGIN + width // 2, y - GAP, MARGIN + width // 2, y - 3))
    parts.pop()  # nothing is below the lowest room
    x = 3 * MARGIN + width
    for i, library in enumerate(("reporting", "detectors")):
        top = tops["alerts"] + i * 2 * HEIGHT
        parts += _box(x, top, LIBRARY, HEIGHT + 40, library, purpose(library), "library")
        parts.append(_arrow(MARGIN + width, top + HEIGHT // 2, x - 3, top + HEIGHT // 2))
    total = y - GAP + MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}">'
    marker = (
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>'
    )
    style = "<style>text{font-family:sans-serif;font-size:13px;fill:#222}.name{font-weight:bold;font-size:15px}</style>"
    return "\n".join(
        [head, marker, style, f'<rect width="{WIDTH}" height="{total}" fill="white"/>', *parts, "</svg>\n"]
    )


def _box(x: int, y: int, width: int, height: int, name: str, text: str, kind: str) -> list[str]:
    parts = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{COLOURS[kind]}" stroke="#888"/>',
    ]
    if name:
        parts.append(f'<text class="name" x="{x + 12}" y="{y + 20}">{name}/</text>')
    lines = _wrapped(text, (width - 24) // 7)
    top = y + (39 if name else 17)
    parts += [f'<text x="{x + 12}" y="{top + 16 * i}">{escape(line)}</text>' for i, line in enumerate(lines)]
    return parts


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    return f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="#555" marker-end="url(#tip)"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
