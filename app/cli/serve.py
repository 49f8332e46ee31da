"""`bulkhead serve`: the workbench in the browser, on this machine only unless whoever comes has to log in."""

import contextlib
import errno
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
from app.services import serving
from app.services.serving import ADDRESS, EVERYWHERE, Login
from engine.errors import InputError

PORT = 8501
_PROJECT = Path(__file__).parents[2]
_SCRIPT = _PROJECT / "app" / "served.py"
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
    public: Annotated[
        bool, typer.Option("--public", help="Let other machines in, for who logs in ([auth] in Streamlit's secrets).")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(metavar="A", help=f"Address to listen at (default: {ADDRESS}; with --public {EVERYWHERE})."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Open the workbench in the browser. Runs go on when it ends."""
    place = address or (EVERYWHERE if public else ADDRESS)
    login = _login(public, place)
    opened = open_home(home)
    with opened.store():
        pass  # a database that cannot be used is said here, not in the browser
    if not _SCRIPT.is_file():
        raise InputError(f"{_SCRIPT} is not there: this installation has no workbench; install Bulkhead again")
    chosen = _port(place, port)
    with terminable():
        server = _start(chosen, opened.path, place, login, workers)
        try:
            _wait(server, chosen, place)
            print(f"Bulkhead is at http://{_shown(place)}:{chosen} (Ctrl-C ends it)", flush=True)
            if login:
                say(_open_to(login))
            code = server.wait()
        except KeyboardInterrupt:
            code = 0
        finally:
            _stop(server)
    if code not in (0, -signal.SIGTERM, -signal.SIGINT):
        raise InputError(f"the server ended with exit code {code}; its last words are above")


def _login(public: bool, address: str) -> Login | None:
    """How to log in, where that is needed. InputError when other machines could come in without."""
    if public:
        return serving.login(serving.secrets_files(_PROJECT))
    if not serving.is_loopback(address):
        raise InputError(
            f"--address {address}: other machines could reach it there; add --public, which asks for login"
        )
    return None


def _open_to(login: Login) -> str:
    """Who may come in, in a line."""
    who = f"{len(login.emails)} listed" if login.emails else "everybody whom the provider lets in"
    plain = "; without https, what is sent can be read on its way" if login.origin.startswith("http:") else ""
    return f"open to {who}, at {login.origin}{plain}"


def _shown(address: str) -> str:
    """An address as a browser on this machine calls it."""
    if address in (EVERYWHERE, "::"):
        return ADDRESS if address == EVERYWHERE else "[::1]"
    return f"[{address}]" if ":" in address else address


def _port(address: str, wanted: int | None) -> int:
    """The port to use. InputError when the wanted one is taken."""
    if _free(address, wanted or PORT):
        return wanted or PORT
    if wanted:
        raise InputError(f"port {wanted} is taken; choose another, or leave --port out for a free one")
    with _socket(address) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _free(address: str, port: int) -> bool:
    with _socket(address) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            raise InputError(f"port {port} is reserved for the system; choose one above 1023") from None
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise InputError(f"--address {address}: this machine has no such address; check it") from None
            return False
    return True


def _socket(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)


def _start(
    port: int, home: Path, address: str = ADDRESS, login: Login | None = None, workers: int | None = None
) -> subprocess.Popen[bytes]:
    """Streamlit as a child in a session of its own: Ctrl-C in the terminal reaches us alone, and we end it."""
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    told = {"BULKHEAD_WORKERS": str(workers)} if workers else {}
    options = serving.options(address, port, login)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(_SCRIPT),
            *(f"--{key}={value}" for key, values in options.items() for value in values),
        ],
        cwd=_PROJECT,  # .streamlit/config.toml stands there
        env={**os.environ, **told, "BULKHEAD_HOME": str(home), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # its own banner
        start_new_session=True,
    )


def _wait(server: subprocess.Popen[bytes], port: int, address: str = ADDRESS) -> None:
    """Wait until the server answers. InputError when it ends first, or takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise InputError(f"the server ended with exit code {server.returncode} before it answered")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(_shown(address), port, timeout=2.0)
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
