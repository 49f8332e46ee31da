"""What a check found, and the report on one stage."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["ok", "note", "failure", "look-ahead"]
#: What is wrong with a stage as a whole, the worst last.
Verdict = Literal["causal", "not bit-stable", "failure", "look-ahead"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check said. `bar`: where it is wrong; for look-ahead, the decision's.

    `peeked` and `column`: for look-ahead, the later bar that the decision uses, and what of it, where that was found.
    """

    check: str
    severity: Severity
    message: str
    bar: int | None = None
    peeked: int | None = None
    column: str | None = None

    @property
    def passed(self) -> bool:
        return self.severity in ("ok", "note")


@dataclass(frozen=True, slots=True)
class Report:
    """The check of one stage with one source by one engine. `source_hash` is empty for a built-in stage."""

    kind: str
    family: str
    source_hash: str
    engine: str
    dataset: str
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return all(finding.passed for finding in self.findings)

    @property
    def verdict(self) -> Verdict:
        if self.refused:
            return "look-ahead"
        if not self.sound:
            return "failure"
        return "not bit-stable" if any(finding.check == "bit-stability" for finding in self.findings) else "causal"

    @property
    def refused(self) -> bool:
        """Whether no run may use it."""
        return any(finding.severity == "look-ahead" for finding in self.findings)

    @property
    def text(self) -> str:
        """The first thing that is wrong, look-ahead before all else; empty when nothing is."""
        wrong = [finding for finding in self.findings if not finding.passed]
        wrong.sort(key=lambda finding: finding.severity != "look-ahead")
        return wrong[0].message if wrong else ""

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON; `from_dict` reads it back."""
        return {"verdict": self.verdict, "sound": self.sound, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Report":
        """Raises KeyError or TypeError when `data` is something else."""
        findings = tuple(Finding(**finding) for finding in data["findings"])
        names = ("kind", "family", "source_hash", "engine", "dataset", "seconds")
        return cls(**{name: data[name] for name in names}, findings=findings)
