"""A signal report as tables for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.cli.tables import number, parameter, table

if TYPE_CHECKING:
    from rich.console import Console

    from app.services.signals import Made

#: Below so many independent cases a figure is a hint at best.
FEW = 30
_COUNTS = ("n", "count", "episodes", "observations", "periods", "signals")


def figure(summary: Mapping[str, Any] | None, name: str) -> str:
    """A figure of a summary; – where there is none."""
    return number((summary or {}).get(name))


def print_made(out: "Console", made: "Made") -> None:
    """Where a log came from."""
    out.print(f"signals {made.run}/{made.index}: {made.name}, {made.pattern}, on {made.dataset}", soft_wrap=True)
    if made.imported:
        out.print(f"  imported from {made.imported['file']} ({made.imported['sha256'][:12]})", soft_wrap=True)
    for name, values in made.stages.items():
        rest = ", ".join(f"{key} = {parameter(value)}" for key, value in values.items() if key != "kind")
        out.print(f"  {name}: {values['kind']}{f' ({rest})' if rest else ''}", soft_wrap=True)
    for log in made.replayed:
        out.print(f"  replays {', '.join(log['strategies'])} of {log['reference']}", soft_wrap=True)
    out.print(f"  symbols: {', '.join(made.symbols[:10])}{' …' if len(made.symbols) > 10 else ''}", soft_wrap=True)
    out.print(f"  digest {made.digests['signals_digest']}")


def print_report(out: "Console", report: Mapping[str, Any], made: "Made") -> None:
    """All of a report: its figures, a table for each list, what is in it for each strategy under its name."""
    few = False
    for title, heads, rows in _tables(report, ""):
        if title:
            out.print(title, style="bold")
        out.print(table(heads, rows))
        few |= any(_few(heads, row) for row in rows)
    if few:
        out.print(f"* fewer than {FEW} cases: a figure on so few may be chance alone, whatever its t")


def print_overlap(out: "Console", references: Sequence[str], overlap: Any) -> None:
    """How much the logs of a run say the same."""
    out.print("overlap with the logs of its run", style="bold")
    found = overlap if isinstance(overlap, list) else None
    if found and all(isinstance(row, list) and len(row) == len(references) for row in found):
        rows = [(name, *map(number, row)) for name, row in zip(references, found, strict=True)]
        out.print(table(("log", *references), rows))
        return
    for title, heads, lines in _tables({"overlap": overlap}, ""):
        out.print(title)
        out.print(table(heads, lines))


def _tables(value: Mapping[str, Any], title: str) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """The tables of a nested document: plain figures as one, a list or table of tables as one with a row each."""
    plain = {key: item for key, item in value.items() if not isinstance(item, Mapping | list)}
    if plain:
        yield title, ["figure", "value"], [[key.replace("_", " "), number(item)] for key, item in plain.items()]
    for key, item in value.items():
        name = f"{title}: {key.replace('_', ' ')}" if title else key.replace("_", " ")
        if isinstance(item, Mapping) and item and all(isinstance(one, Mapping) for one in item.values()):
            rows = [{name.split(": ")[-1]: inner, **one} for inner, one in item.items()]
            yield from _listed(rows, name)
        elif isinstance(item, Mapping):
            yield from _tables(item, name)
        elif isinstance(item, list) and item and all(isinstance(one, Mapping) for one in item):
            yield from _listed(item, name)
        elif isinstance(item, list) and item:
            yield name, ["", "value"], [[str(place), number(one)] for place, one in enumerate(item)]


def _listed(rows: Sequence[Mapping[str, Any]], name: str) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Rows that are flat as one table; each of the others by itself."""
    if any(isinstance(item, Mapping | list) for row in rows for item in row.values()):
        for place, row in enumerate(rows):
            label = row.get("name", row.get("strategy", place))
            yield from _tables(row, f"{name} {label}")
        return
    heads = list(dict.fromkeys(key for row in rows for key in row))
    lines = []
    for row in rows:
        cells = [number(row.get(head)) for head in heads]
        if _few(heads, cells):
            cells[0] += " *"
        lines.append(cells)
    yield name, [head.replace("_", " ") for head in heads], lines


def _few(heads: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether a row counts so few cases that its other figures say little."""
    for head, cell in zip(heads, cells, strict=True):
        plain = cell.replace(",", "").removesuffix(" *")
        if head in _COUNTS and plain.isdigit() and int(plain) < FEW:
            return True
    return False
