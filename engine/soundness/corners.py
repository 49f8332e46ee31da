"""Other parameters than the defaults: each choice, each switch, and the bounds of each number, one at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from engine.errors import BulkheadError
from engine.soundness.case import Case, output
from engine.soundness.causality import causality
from engine.soundness.contract import bounds, options
from engine.soundness.finding import Finding
from engine.soundness.words import told
from engine.stage import Stage

CHECK = "parameters"
#: Larger bounds are not tried: a window of a million bars says nothing of the stage.
LIMIT = 10_000
_MOST, _CUTS = 60, 6


def variants(stage: Stage) -> Iterator[tuple[str, Stage | str]]:
    """What is tried, as `window = 2`, and the stage with it, or in words why it cannot be made."""
    values = dict(stage.__dict__)
    count = 0
    for name, info in type(stage).model_fields.items():
        for value in _tried(info):
            if value == values[name] or count == _MOST:
                continue
            count += 1
            try:
                yield f"{name} = {value!r}", type(stage)(**{**values, name: value})
            except (ValidationError, BulkheadError):
                continue  # it refuses the value, in words
            except Exception as error:
                yield f"{name} = {value!r}", told(error)


def _tried(info: Any) -> list[Any]:
    found: list[Any] = []
    limits = bounds(info)
    for option in options(info.annotation):
        if option is bool:
            found += [True, False]
        elif option is int:
            low = limits.get("Ge", limits["Gt"] + 1 if "Gt" in limits else None)
            high = limits.get("Le", limits["Lt"] - 1 if "Lt" in limits else None)
            found += [int(bound) for bound in (low, high) if bound is not None and abs(bound) <= LIMIT]
        elif option is float:
            found += [float(limits[name]) for name in ("Ge", "Le") if name in limits and abs(limits[name]) <= LIMIT]
        elif option is type(None):
            found.append(None)
        elif isinstance(option, str | int | float):
            found.append(option)
    return list(dict.fromkeys(found))


def corners(case: Case, seconds: float = 1.0) -> list[Finding]:
    """Run every variant on `case`'s market (a small one), and cut it a few times."""
    wrong: list[Finding] = []
    count = 0
    for words, stage in variants(case.stage):
        count += 1
        if isinstance(stage, str):
            wrong.append(
                Finding(CHECK, "failure", f"with {words} it cannot be made: {stage}; refuse it with a ValueError")
            )
            continue
        try:
            changed = replace(case, stage=stage)
            output(changed)
            found = causality(changed, _CUTS, 2 * _CUTS, seconds / 10, 3)
        except (Exception, SystemExit) as error:
            wrong.append(
                Finding(CHECK, "failure", f"with {words} it fails: {told(error)}; narrow the bounds, or allow for it")
            )
            continue
        for finding in found:
            if finding.severity == "look-ahead":
                wrong.append(replace(finding, message=f"with {words}: {finding.message}"))
    wrong.sort(key=lambda finding: finding.severity != "look-ahead")
    if wrong:
        return wrong[:3]
    tried = f"{count} other value{'' if count == 1 else 's'} tried: " if count else "none to try"
    return [Finding(CHECK, "ok", f"{tried}{'all run, none looks ahead' if count else ''}")]
