"""The check of a stage, sealed: its code runs in a child that may end in any way, and the report says which."""

import json
import os
import tempfile
import time
from dataclasses import asdict
from typing import Any

from engine.errors import StageError
from engine.fingerprint import engine_version
from engine.own import sealed
from engine.own.source import source_hash
from engine.soundness.examine import Job, examine
from engine.soundness.finding import Finding, Report

#: What a whole check may take: seconds (wall, and CPU), and MiB beyond what its child starts with.
SECONDS, MEMORY_MB = 60.0, 2048.0


def check(job: Job, family: str, dataset: str, seconds: float = SECONDS, memory_mb: float = MEMORY_MB) -> Report:
    """Check a stage in a sealed child. `family` and `dataset` are for the report. Raises nothing of the stage's."""
    started = time.perf_counter()
    found = sealed.apart(_supervised, job, seconds, memory_mb)
    digest = source_hash(job.sources, job.names[0]) if job.names else ""
    taken = round(time.perf_counter() - started, 3)
    return Report(job.kind, family, digest, engine_version(), dataset, taken, tuple(found))


def _supervised(job: Job, seconds: float, memory_mb: float) -> list[Finding]:
    """The findings of a child, those of one that died included, and what it died of."""
    with tempfile.TemporaryFile() as notes:
        try:
            sealed.ask(seconds, memory_mb, _examined, job, notes.fileno())
        except sealed.Unanswered as error:
            found, begun = _read(notes.fileno())
            return [*found, Finding(begun, "failure", _ended(begun, str(error)))]
        except StageError as error:
            found, begun = _read(notes.fileno())
            return [*found, Finding(begun, "failure", str(error))]
        return _read(notes.fileno())[0]


def _examined(job: Job, notes: int) -> None:
    """In the child: write down each finding as it is made, so that none is lost with the process."""
    for finding in examine(job, lambda name: _write(notes, {"begins": name})):
        _write(notes, asdict(finding))


def _write(notes: int, line: dict[str, Any]) -> None:
    os.write(notes, (json.dumps(line) + "\n").encode())


def _read(notes: int) -> tuple[list[Finding], str]:
    """The findings that were written down, and the check that began last."""
    found, begun = [], "import"
    for line in os.pread(notes, os.fstat(notes).st_size, 0).decode().splitlines():
        data = json.loads(line)
        if "begins" in data:
            begun = data["begins"]
        else:
            found.append(Finding(**data))
    return found, begun


def _ended(begun: str, words: str) -> str:
    """What is said of a child that gave no answer."""
    when = "while it was imported" if begun == "import" else f"during the check of {begun}"
    return f"{when}: {words}"
