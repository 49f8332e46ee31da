"""A container run anew and compared, in a process of its own: nothing is computed inside the web server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.services.exporting import export_container
from app.services.home import Home
from app.services.reproducing import Divergence, Verdict
from engine.errors import InputError

_PROJECT = Path(__file__).parents[2]
#: Seconds; the container's own limits end it long before.
PATIENCE = 600.0


def reproduce_apart(home: Home, run_id: int, index: int) -> Verdict:
    """What `bulkhead reproduce` answers for a container of this home. InputError in one line when it cannot."""
    text = export_container(home, run_id, index)
    command = [sys.executable, "-m", "app.cli", "reproduce", "-", "--json", "--workers", "1", "--home", str(home.path)]
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    try:
        ended = subprocess.run(
            command,
            input=text.encode(),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"no answer within {PATIENCE:g} s; run 'bulkhead reproduce' on the command line") from None
    if ended.returncode == 2 or not ended.stdout.strip():
        lines = ended.stderr.decode(errors="replace").strip().splitlines() or ["it ended without a word"]
        raise InputError(lines[-1].removeprefix("error: "))
    return _verdict(json.loads(ended.stdout))


def _verdict(found: dict[str, Any]) -> Verdict:
    """A verdict from its JSON."""
    pairs = {name: {key: tuple(pair) for key, pair in found[name].items()} for name in ("versions", "metrics")}
    diverged = Divergence(**found["diverged"]) if found["diverged"] else None
    return Verdict(**{**found, **pairs, "diverged": diverged})
