"""Which kinds some stage files declare, read off their syntax trees: nothing is imported."""

import ast
from collections.abc import Sequence

from engine.own.source import Source


def declared(source: Source) -> tuple[str, ...]:
    """The kinds of a file's classes, in order: what `kind = "…"` in a class body says; none when it does not parse."""
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
                named = any(isinstance(target, ast.Name) and target.id == "kind" for target in targets)
                value = getattr(line, "value", None)
                if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found[value.value] = None
    return tuple(found)


def family_of(source: Source, kind: str) -> str:
    """The family of the class that declares `kind`, by the name of its base; empty when that does not tell."""
    bases = {"Strategy": "strategy", "Classifier": "classifier", "Indicator": "indicator", "RiskCaps": "risk"}
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and kind in declared(Source("", ast.unparse(node))):
            for base in node.bases:
                name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                for ending, family in bases.items():
                    if name.endswith(ending):
                        return family
    return ""


def defining(sources: Sequence[Source], kind: str) -> tuple[str, ...]:
    """The names of the files that define `kind`: by declaration, else the file so named, else those that quote it."""
    usable = [source for source in sources if not getattr(source, "problem", "")]
    for fits in (
        lambda source: kind in declared(source),
        lambda source: source.name == kind,
        lambda source: f'"{kind}"' in source.text or f"'{kind}'" in source.text,
    ):
        found = tuple(source.name for source in usable if fits(source))
        if found:
            return found
    return ()
