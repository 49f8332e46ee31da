"""Documentation is checked: the contract table, every stage, every command, the links of README and ARCHITECTURE."""

import re
from pathlib import Path

import pytest

from app.services.workflow.schema import KINDS
from engine.contracts import table
from engine.ensemble.weights import Ensemble
from engine.execution.rules import Execution
from engine.registry import BUILT_IN
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.stage import Stage

ROOT = Path(__file__).parent.parent
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
STAGES: list[type[Stage]] = [
    *BUILT_IN.strategies.values(),
    *BUILT_IN.classifiers.values(),
    Ensemble,
    Risk,
    Portfolio,
    Execution,
]


def between(text: str, name: str) -> str:
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]


def stage_section(stage: type[Stage]) -> str:
    """A stage as the documentation has it: what it does, and a row for each parameter."""
    text = " ".join((stage.__doc__ or "").split())
    rows = []
    for name, field in stage.model_fields.items():
        unit = (field.json_schema_extra or {}).get("unit", "")  # type: ignore[union-attr]
        default = field.get_default(call_default_factory=True)
        shown = "none" if default is None else str(default).lower() if isinstance(default, bool) else default
        rows.append(f"| `{name}` | {shown} | {unit} | {field.description} |")
    head = ["", "| parameter | default | unit | meaning |", "|---|---|---|---|", *rows] if rows else []
    return "\n".join([f"### `{stage.kind}` ({stage.family})", "", text, *head, ""])


def phases_section() -> str:
    """The schema of [[phase]]: for each kind what it does, and a row for each key."""
    parts = []
    for kind, model in KINDS.items():
        text = " ".join((model.__doc__ or "").split())
        source = f" Made from: `{model.takes[-1]}`." if model.takes else ""
        rows = []
        for name, field in model.model_fields.items():
            if name == "inputs" and not model.takes:
                continue
            default = field.get_default(call_default_factory=True) if not field.is_required() else "required"
            shown = default if isinstance(default, str | int) else ""
            rows.append(
                f"| `{field.alias or name}` | {'required' if name == 'inputs' else shown} | {field.description} |"
            )
        parts += [
            f'### `kind = "{kind}"`',
            "",
            f"{text}{source}",
            "",
            "| key | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(parts)


def contracts_section() -> str:
    rows = ["| stage | bus | consumes | emits |", "|---|---|---|---|"]
    return "\n".join([*rows, *(f"| {' | '.join(row[:4])} |" for row in table()), ""])


def test_the_contract_table_is_the_engines() -> None:
    assert between(ARCHITECTURE, "contracts") == contracts_section()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.kind)
def test_every_stage_is_documented(stage: type[Stage]) -> None:
    assert stage.__doc__
    assert all(field.description for field in stage.model_fields.values())
    assert stage_section(stage) in between(ARCHITECTURE, "stages")


def test_the_schema_of_phases_is_documented() -> None:
    assert between(ARCHITECTURE, "phases") == phases_section()


def test_no_stage_is_documented_that_is_not_there() -> None:
    documented = re.findall(r"^### `(\w+)`", between(ARCHITECTURE, "stages"), re.MULTILINE)
    assert documented == [stage.kind for stage in STAGES]


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md"])
def test_named_files_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    for path in re.findall(r"`((?:app|engine|db|pages|tests|assets|benchmarks)/[\w/.-]*)`", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / path).exists(), path


def _filled(text: str, name: str, section: str) -> str:
    """`text` with another section between the marks of that name."""
    before, _, after = text.partition(f"<!-- {name} -->\n")
    return f"{before}<!-- {name} -->\n{section}<!-- /{name} -->{after.partition(f'<!-- /{name} -->')[2]}"


def written() -> str:
    """ARCHITECTURE.md with its tables as the classes have them: `make docs`."""
    stages = "\n".join(stage_section(stage) for stage in STAGES)
    text = ARCHITECTURE.replace(between(ARCHITECTURE, "contracts"), contracts_section())
    text = _filled(text, "phases", phases_section())
    return text.replace(between(ARCHITECTURE, "stages"), stages)


if __name__ == "__main__":
    (ROOT / "ARCHITECTURE.md").write_text(written())
