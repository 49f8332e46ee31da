"""The real server, asked over HTTP: as `bulkhead serve` starts it, however a user's own Streamlit is set up."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.services import serving
from tests.app.small import bulkhead, refused
from tests.app.test_serving import AUTH, BAD_HOSTS, BAD_ORIGINS, secrets

ROOT = Path(__file__).parents[2]
#: What would open the door, in a user's own settings.
OPEN = """
[server]
address = "0.0.0.0"
allowedHosts = ["*"]
enableCORS = false
enableXsrfProtection = false
enableStaticServing = true
enableAgentApi = true
corsAllowedOrigins = ["http://evil.example"]
trustedUserHeaders = { X-User = "is_logged_in" }
[client]
allowedOrigins = ["http://evil.example"]
[global]
developmentMode = true
"""
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Served(SimpleNamespace):
    """A server at `port`, started by a user whose own folder is `folder`."""

    def ask(
        self, path: str = "/", method: str = "GET", address: str = "127.0.0.1", **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; a header of None is left out."""
        connection = http.client.HTTPConnection(address, self.port, timeout=20)
        given = {"Host": f"127.0.0.1:{self.port}"} | {key.replace("_", "-"): value for key, value in headers.items()}
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for key, value in given.items():
                if value is not None:
                    connection.putheader(key, value)
            connection.endheaders()
            answer = connection.getresponse()
            body = b"" if answer.status == 101 else answer.read()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, body
        finally:
            connection.close()


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """`bulkhead serve` by a user whose own settings open everything."""
    (folder / ".streamlit").mkdir(parents=True, exist_ok=True)
    (folder / ".streamlit" / "config.toml").write_text(OPEN)
    opened = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false"}
    opened |= {"STREAMLIT_SERVER_ALLOWED_HOSTS": "*", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--home", str(folder / "bulkhead"), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "HOME": str(folder), **opened},
        cwd=folder, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def stop(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "Traceback" not in err
    return err


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("user")
    process = start(folder)
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("Bulkhead is at http://127.0.0.1:"), process.stderr and process.stderr.read()
    yield Served(port=int(line.split()[3].rpartition(":")[2]), folder=folder)
    stop(process)


def test_it_answers_on_this_machine(served: Served) -> None:
    status, headers, body = served.ask()
    assert status == 200 and b"<html" in body
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert served.ask(Host=f"localhost:{served.port}")[0] == 200
    assert served.ask("/_stcore/health", Origin=f"http://127.0.0.1:{served.port}")[2] == b"ok"


def test_it_listens_to_this_machine_alone(served: Served) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: asks which address a packet would leave from
        outer = probe.getsockname()[0]
    if serving.is_loopback(outer):
        outer = "127.0.0.2"
    with pytest.raises(OSError, match=r"refused|timed out"):
        served.ask(address=outer)


@pytest.mark.parametrize("path", ["/", "/results", "/_stcore/health", "/_stcore/host-config", "/media/x", "/static/x"])
def test_a_strange_host_is_refused(served: Served, path: str) -> None:
    for host in BAD_HOSTS:
        status, _, body = served.ask(path, Host=host)
        assert status in (400, 403), host
        assert b"<html" not in body
    assert served.ask(path, Host=None)[0] in (400, 403)


def test_a_page_of_another_origin_is_refused(served: Served) -> None:
    for origin in BAD_ORIGINS:
        for path in ("/_stcore/health", "/_stcore/host-config"):
            assert served.ask(path, Origin=origin)[0] == 403, origin
    status, headers, _ = served.ask("/_stcore/health", Origin="http://evil.example")
    assert status == 403 and "access-control-allow-origin" not in headers


def test_a_websocket_needs_host_and_origin_too(served: Served) -> None:
    stream, own = "/_stcore/stream", f"http://127.0.0.1:{served.port}"
    assert served.ask(stream, Origin=own, **WEBSOCKET)[0] == 101
    for strange in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert served.ask(stream, **{"Origin": own, **WEBSOCKET, **strange})[0] == 403, strange


def test_an_upload_without_its_token_is_refused(served: Served) -> None:
    for method in ("PUT", "DELETE"):
        status, _, _ = served.ask("/_stcore/upload_file/x/y", method, Content_Length="0")
        assert status in (400, 403)


def test_what_a_users_settings_open_stays_shut(served: Served) -> None:
    for path in ("interact", "mcp"):  # a program that drives the app for a client without a browser
        status, _, body = served.ask(f"/_stcore/agent/{path}", "POST", Content_Length="0")
        assert status in (400, 403) and b"does not serve the agent API" in body, (path, status, body)
    assert b"evil.example" not in served.ask("/_stcore/host-config")[2]
    assert "strict" in served.ask("/_stcore/health")[1]["set-cookie"].lower()


# beyond this machine


@pytest.mark.parametrize("arguments", [(), ("--address", "127.0.0.1"), ("--port", "8900")])
def test_public_without_login_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    process = start(tmp_path, "--public", *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and out == "" and err.count("\n") == 1
    assert "set [auth] with client_id, client_secret, cookie_secret, server_metadata_url, redirect_uri" in err
    assert str(tmp_path / ".streamlit" / "secrets.toml") in err and not (tmp_path / "bulkhead").exists()


def test_half_a_login_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    secrets(tmp_path / ".streamlit", {key: AUTH[key] for key in ("client_id", "redirect_uri")})
    process = start(tmp_path, "--public")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "set client_secret, cookie_secret, server_metadata_url under [auth]" in err


def test_another_address_needs_public(tmp_path: Path) -> None:
    for address in ("0.0.0.0", "::", "192.0.2.1", "lab.example"):
        refused(bulkhead(tmp_path / "home", "serve", "--address", address), "add --public")
    assert not (tmp_path / "home").exists()


def test_public_with_login_listens_and_answers_to_its_name(tmp_path: Path) -> None:
    """The packages that log in are stood in for: what is asked is whether the server comes up behind its door."""
    (tmp_path / ".streamlit").mkdir()
    secrets(tmp_path / ".streamlit", AUTH)
    for name in ("authlib", "httpx"):
        (tmp_path / f"{name}.py").write_text("__version__ = '1.6.0'\n")
    process = start(tmp_path, "--public", "--address", "127.0.0.1")
    assert process.stdout and process.stderr
    try:
        line = process.stdout.readline()
        assert line.startswith("Bulkhead is at"), process.stderr.read()
        server = Served(port=int(line.split()[3].rpartition(":")[2]), folder=tmp_path)
        assert server.ask(Host="lab.example")[0] == 200
        assert server.ask(Host="lab.example", Origin="https://lab.example")[0] == 200
        assert server.ask(Host="evil.example")[0] == 403
        assert server.ask(Host="lab.example", Origin="https://evil.example")[0] == 403
    finally:
        err = stop(process)
    assert "open to everybody whom the provider lets in, at https://lab.example" in err
