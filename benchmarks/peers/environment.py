"""Makes the environment of the peers (vectorbt, empyrical-reloaded), apart from Bulkhead's own.

    python benchmarks/peers/environment.py        prints the path of its Python

It lies in `.peers/` at the top of the project, or where BULKHEAD_PEERS points, and is made anew only when
`requirements.txt` or the version of Python has changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"


def folder() -> Path:
    """Where the environment lies."""
    return Path(os.environ.get("BULKHEAD_PEERS") or TOP / ".peers")


def peers_python() -> Path:
    """The Python of the peers' environment, which is made first when it is not there or not up to date."""
    home = folder()
    python = home / "bin" / "python"
    stamp = home / "made-from"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    if home.exists():
        if not (home / "pyvenv.cfg").exists():
            raise SystemExit(f"{home} is not an environment made here; set BULKHEAD_PEERS to another folder")
        shutil.rmtree(home)
    print(f"making the peers' environment in {home} ...", file=sys.stderr)
    venv.create(home, with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    subprocess.run(install, check=True, stdout=sys.stderr)
    stamp.write_text(wanted)
    return python


if __name__ == "__main__":
    print(peers_python())
