"""Makes the environments of the peers, each apart from the others and from Bulkhead's own.

    python benchmarks/peers/environment.py vectorbt        prints the path of its Python

They lie in `.peers/<peer>` at the top of the project, or below where BULKHEAD_PEERS points. One is made when it is
first asked for, and anew only when its file in `requirements/` or the version of Python has changed.
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
REQUIREMENTS = HERE / "requirements"
PEERS = tuple(sorted(path.stem for path in REQUIREMENTS.glob("*.txt")))
#: Peers of golden files alone: they are not measured.
GOLDEN_ONLY = ("bt",)


def folder(peer: str) -> Path:
    """Where the environment of a peer lies."""
    return Path(os.environ.get("BULKHEAD_PEERS") or TOP / ".peers") / peer


def peers_python(peer: str) -> Path:
    """The Python of a peer's environment, which is made first when it is not there or not up to date."""
    requirements = REQUIREMENTS / f"{peer}.txt"
    home = folder(peer)
    python = home / "bin" / "python"
    stamp = home / "made-from"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    if home.exists():
        if not (home / "pyvenv.cfg").exists():
            raise SystemExit(f"{home} is not an environment made here; set BULKHEAD_PEERS to another folder")
        shutil.rmtree(home)
    print(f"making the environment of {peer} in {home} ...", file=sys.stderr)
    venv.create(home, with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", requirements], check=True, stdout=sys.stderr)
    stamp.write_text(wanted)
    return python


if __name__ == "__main__":
    if sys.argv[1:] not in [[peer] for peer in PEERS]:
        raise SystemExit(f"name one of {', '.join(PEERS)}")
    print(peers_python(sys.argv[1]))
