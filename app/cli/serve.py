"""`bulkhead serve`: the workbench in the browser, on this machine only."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import HomeOption, open_home, say, terminable
from engine.errors import InputError

ADDRESS = "127.0.0.1"
PORT = 8501
_PROJECT = Path(__file__).parents[2]
_SCRIPT = _PROJECT / "app" / "main.py"
_PATIENCE = 60.0


def serve(
    port: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=65535, help=f"Port (default: {PORT}, or a free one).")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            envvar="BULKHEAD_WORKERS",
            metavar="N",
            min=1,
            max=4096,
            help="Processes for the runs that are started from its pages, one run at a time (default: one a core).",
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Open the workbench in the browser. Runs go on when it ends."""
    opened = open_home(home)
    with opened.store():
        pass  # a database that cannot be used is said here, not in the browser
    if not _SCRIPT.is_file():
        raise InputError(f"{_SCRIPT} is not there: this installation has no workbench; install Bulkhead again")
    chosen = _port(port)
    with terminable():
        server = _start(chosen, opened.path, workers)
        try:
            _wait(server, chosen)
            print(f"Bulkhead is at http://{ADDRESS}:{chosen} (Ctrl-C ends it)", flush=True)
            code = server.wait()
        except KeyboardInterrupt:
            code = 0
        finally:
            _stop(server)
    if code not in (0, -signal.SIGTERM, -signal.SIGINT):
        raise InputError(f"the server ended with exit code {code}; its last words are above")


def _port(wanted: int | None) -> int:
    """The port to use. InputError when the wanted one is taken."""
    if _free(wanted or PORT):
        return wanted or PORT
    if wanted:
        raise InputError(f"port {wanted} is taken; choose another, or leave --port out for a free one")
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            raise InputError(f"port {port} is reserved for the system; choose one above 1023") from None
        except OSError:
            return False
    return True


def _start(port: int, home: Path, workers: int | None) -> subprocess.Popen[bytes]:
    """Streamlit as a child in a session of its own: Ctrl-C in the terminal reaches us alone, and we end it."""
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    told = {"BULKHEAD_WORKERS": str(workers)} if workers else {}
    options = {"server.address": ADDRESS, "server.port": str(port), "server.headless": "true"}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(_SCRIPT),
            *(f"--{key}={value}" for key, value in options.items()),
        ],
        cwd=_PROJECT,  # .streamlit/config.toml stands there
        env={**os.environ, **told, "BULKHEAD_HOME": str(home), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # its own banner
        start_new_session=True,
    )


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the server answers. InputError when it ends first, or takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise InputError(f"the server ended with exit code {server.returncode} before it answered")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(ADDRESS, port, timeout=2.0)
            try:
                connection.request("GET", "/_stcore/health")
                if connection.getresponse().status == 200:
                    return
            finally:
                connection.close()
        time.sleep(0.1)
    raise InputError(f"the server did not answer on port {port} within {_PATIENCE:g} s; try another --port")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server: politely, then by force."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(timeout=5.0)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            say("the server does not end by itself; it is killed")
            server.kill()
            server.wait()
