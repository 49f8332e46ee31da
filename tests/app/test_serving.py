"""How the server is set up: what it listens to, whom it answers, and what must be set before others may come in."""

import itertools
import sys
from pathlib import Path
from types import ModuleType

import pytest
from streamlit import config as streamlit_config

from app.door import Door
from app.services import serving
from engine.errors import InputError

AUTH = {
    "client_id": "bulkhead",
    "client_secret": "s",
    "cookie_secret": "0123456789abcdef0123456789abcdef",
    "server_metadata_url": "https://login.example/.well-known/openid-configuration",
    "redirect_uri": "https://lab.example/oauth2callback",
}


def secrets(folder: Path, auth: dict[str, object], more: str = "", name: str = "secrets.toml") -> Path:
    path = folder / name
    path.write_text("[auth]\n" + "".join(f"{key} = {value!r}\n" for key, value in auth.items()) + more)
    return path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the packages that log people in were there."""
    for name in ("authlib", "httpx"):
        module = ModuleType(name)
        module.__spec__ = object()  # type: ignore[assignment]
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize(
    ("address", "alone"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
        ("192.168.1.4", False), ("10.0.0.1", False), ("fe80::1", False), ("lab.example", False), ("", False),
        (None, False), ("0", False), ("127.0.0.1.example", False), ("LOCALHOST.", False),
    ],
)  # fmt: skip
def test_what_only_this_machine_reaches(address: str | None, alone: bool) -> None:
    assert serving.is_loopback(address) is alone


def test_every_option_is_one_that_streamlit_has() -> None:
    known = streamlit_config.get_config_options()
    options = serving.options("127.0.0.1", 8501)
    assert set(options) <= set(known)
    assert all(len(values) <= 1 or known[key].multiple for key, values in options.items())


def test_alone_it_answers_to_this_machine() -> None:
    options = serving.options("127.0.0.1", 8600)
    assert options["server.allowedHosts"] == ("127.0.0.1", "localhost", "::1")
    assert options["server.corsAllowedOrigins"] == ("http://127.0.0.1:8600",)
    for key, value in (
        ("server.address", "127.0.0.1"), ("server.enableCORS", "true"), ("server.enableXsrfProtection", "true"),
        ("server.xsrfCookieSameSite", "strict"), ("browser.gatherUsageStats", "false"), ("server.maxUploadSize", "200"),
        ("client.showErrorDetails", "type"), ("global.developmentMode", "false"), ("server.trustedUserHeaders", "{}"),
        ("server.enableAgentApi", "false"), ("server.enableStaticServing", "false"),
    ):  # fmt: skip
        assert options[key] == (value,), key


def test_in_public_it_answers_to_the_name_it_is_known_by_too(tmp_path: Path, installed: None) -> None:
    found = serving.login([secrets(tmp_path, AUTH), tmp_path / "none.toml"])
    assert (found.origin, found.host, found.emails) == ("https://lab.example", "lab.example", ())
    options = serving.options("0.0.0.0", 80, found)
    assert options["server.allowedHosts"] == (*serving.LOOPBACK, "lab.example")
    assert options["server.corsAllowedOrigins"] == ("https://lab.example",)
    assert options["client.showErrorDetails"] == ("none",)
    assert options["secrets.files"] == (str(tmp_path / "secrets.toml"), str(tmp_path / "none.toml"))
    assert "192.0.2.7" in serving.options("192.0.2.7", 80, found)["server.allowedHosts"]


@pytest.mark.parametrize("missing", serving.KEYS)
@pytest.mark.parametrize("value", [None, "", "  ", 3])
def test_each_key_of_login_must_be_set(tmp_path: Path, installed: None, missing: str, value: object) -> None:
    auth = {key: item for key, item in AUTH.items() if key != missing or value is not None}
    if value is not None:
        auth[missing] = value  # type: ignore[assignment]
    with pytest.raises(
        InputError, match=rf"^--public needs logging in: set {missing} under \[auth\] in .*secrets.toml$"
    ):
        serving.login([secrets(tmp_path, auth)])


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        ({"cookie_secret": "short"}, "", "at least 32 characters"),
        ({"redirect_uri": "lab.example/oauth2callback"}, "", "redirect_uri: 'lab.example/oauth2callback' is no web"),
        ({"redirect_uri": "https://[lab/oauth2callback"}, "", "is no web address"),
        ({"redirect_uri": "https://lab.example/"}, "", "must end in /oauth2callback"),
        ({"redirect_uri": "https://lab:x/oauth2callback"}, "", "is no web address"),
        ({"server_metadata_url": "file:///etc/passwd"}, "", "server_metadata_url: 'file:///etc/passwd' is no web"),
        ({}, "[bulkhead]\nemails = []", "lets nobody in"),
        ({}, "[bulkhead]\nemails = 'a@b'", "must be a list of mail addresses"),
        ({}, "[bulkhead]\nemails = ['a']", "must be a list of mail addresses"),
        ({}, "[bulkhead]\nemail = ['a@b']", "did you mean 'emails'?"),
        ({}, "[bulkhead", "these secrets cannot be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_secrets_is_said_in_a_line(
    tmp_path: Path, installed: None, changes: dict[str, str], more: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        serving.login([secrets(tmp_path, AUTH | changes, more)])
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert AUTH["client_secret"] != str(caught.value) and AUTH["cookie_secret"] not in str(caught.value)


def test_without_secrets_it_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"set \[auth\] with client_id, client_secret, cookie_secret, server_meta"):
        serving.login([tmp_path / "secrets.toml"])


def test_a_later_file_replaces_the_tables_of_an_earlier_one(tmp_path: Path, installed: None) -> None:
    first = secrets(tmp_path, AUTH, "[bulkhead]\nemails = ['A@Lab.example ']", "first.toml")
    assert serving.login([first]).emails == ("a@lab.example",)
    (tmp_path / "second.toml").write_text("[auth]\nclient_id = 'x'\n")
    with pytest.raises(InputError, match="set client_secret, cookie_secret"):
        serving.login([first, tmp_path / "second.toml"])


def test_the_package_that_logs_in_is_named_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"'authlib'; install it with: pip install 'streamlit\[auth\]'$"):
        serving.login([secrets(tmp_path, AUTH)])


def test_who_may_come_in() -> None:
    emails = ("ann@lab.example",)
    assert serving.may_enter(None, None, ())
    assert serving.may_enter(" Ann@Lab.Example", True, emails) and serving.may_enter("ann@lab.example", None, emails)
    assert serving.may_enter("ann@lab.example", "true", emails)
    for email in ("bob@lab.example", None, "", 1):
        assert not serving.may_enter(email, True, emails)
    for verified in (False, "false", "False", 0, "", "no"):
        assert not serving.may_enter("ann@lab.example", verified, emails)


GOOD_HOSTS = ("127.0.0.1:8501", "localhost", "LOCALHOST:8501", "[::1]:8501", "127.0.0.1")
BAD_HOSTS = (
    "evil.example", "evil.example:8501", "127.0.0.1.evil.example", "evil.example@127.0.0.1", "127.0.0.1@evil.example",
    "127.0.0.1:8501@evil.example", "127.0.0.1/evil", "127.0.0.1:port", "127.0.0.1,evil.example", "", "[::1", "::1",
    "127.0.0.1#evil", "127.0.0.1?x", "0.0.0.0", "127.1", "2130706433", "127.0.0.1:99999", "localhost.", " ",
)  # fmt: skip
BAD_ORIGINS = (
    "http://evil.example", "null", "https://127.0.0.1:8501.evil.example", "http://127.0.0.1:3000", "file://", "",
    "http://localhost:8501@evil.example", "javascript:x", "http://[", "http://127.0.0.1:8501, http://evil.example",
)  # fmt: skip


def test_the_door_admits_its_own_hosts_and_pages_only() -> None:
    door = Door(None, serving.LOOPBACK, ["http://127.0.0.1:8501"])  # type: ignore[arg-type]
    for host in GOOD_HOSTS:
        assert door.admits([host.lower()], []) and door.admits([host.lower()], [f"http://{host.lower()}"]), host
    for host in BAD_HOSTS:
        assert not door.admits([host], []), host
        assert not door.admits([host], [f"http://{host}"]), host
    for host, origin in itertools.product(["127.0.0.1:8501", "localhost:8501"], BAD_ORIGINS):
        assert not door.admits([host], [origin]), (host, origin)
    assert not door.admits([], []) and not door.admits(["localhost", "localhost"], [])
    assert not door.admits(["localhost:8501"], ["http://localhost:8501", "http://localhost:8501"])
