"""How the web server is set up: who it listens to, which names and pages it answers, who may come in.

Every option that could open it stands on its command line, which Streamlit puts above its environment variables and
above any config.toml: what a user's own ~/.streamlit says cannot open the door.
"""

import importlib.util
import ipaddress
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from engine.errors import InputError, nearest

ADDRESS = "127.0.0.1"
#: What a browser on this machine calls it.
LOOPBACK = (ADDRESS, "localhost", "::1")
#: All addresses of the machine.
EVERYWHERE = "0.0.0.0"
#: MiB of a file that is dropped on a page, and of a message from a page.
UPLOAD_MB = 200
#: What Streamlit's `[auth]` needs to ask an OpenID Connect provider.
KEYS = ("client_id", "client_secret", "cookie_secret", "server_metadata_url", "redirect_uri")
#: Characters of the secret that signs who somebody is.
COOKIE_SECRET = 32
#: Who may come in stands beside `[auth]`: `[bulkhead] emails = [...]`; without it, everybody the provider knows.
SECTION, EMAILS = "bulkhead", "emails"


@dataclass(frozen=True, slots=True)
class Login:
    """Logging in, as the secrets have it. `origin`: scheme, host and port of `redirect_uri`; `host`: its name alone.

    `files`: the secrets that were looked at, which are those the server gets.
    """

    origin: str
    host: str
    emails: tuple[str, ...]
    files: tuple[Path, ...] = ()


def secrets_files(project: Path) -> tuple[Path, ...]:
    """Where Streamlit looks for secrets, later ones above earlier ones."""
    return Path("~/.streamlit/secrets.toml").expanduser(), project / ".streamlit" / "secrets.toml"


def is_loopback(address: str | None) -> bool:
    """Whether an address to listen at is reached from this machine alone; None, all addresses, is not."""
    if address == "localhost":
        return True
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def login(files: Sequence[Path]) -> Login:
    """What the secrets say of logging in. InputError in one line: what is to be set."""
    where = f"in {files[0]}"
    found = _secrets(files)
    auth = found.get("auth")
    if not isinstance(auth, dict):
        raise InputError(f"--public needs logging in: set [auth] with {', '.join(KEYS)} {where}")
    missing = [key for key in KEYS if not (isinstance(auth.get(key), str) and auth[key].strip())]
    if missing:
        raise InputError(f"--public needs logging in: set {', '.join(missing)} under [auth] {where}")
    if len(auth["cookie_secret"]) < COOKIE_SECRET:
        raise InputError(f"[auth] cookie_secret: set a random text of at least {COOKIE_SECRET} characters {where}")
    _url("server_metadata_url", auth["server_metadata_url"])
    redirect = _url("redirect_uri", auth["redirect_uri"])
    if not redirect.path.endswith("/oauth2callback"):
        raise InputError("[auth] redirect_uri: it must end in /oauth2callback, e.g. https://HOST/oauth2callback")
    for module in ("authlib", "httpx"):
        if importlib.util.find_spec(module) is None:
            raise InputError(f"--public needs the package '{module}'; install it with: pip install 'streamlit[auth]'")
    return Login(f"{redirect.scheme}://{redirect.netloc}", str(redirect.hostname), _emails(found, where), tuple(files))


def options(address: str, port: int, login: Login | None = None) -> dict[str, Sequence[str]]:
    """Streamlit's options, each with its values. With `login` it also answers to the name it is known by outside."""
    own = () if address in LOOPBACK or address in (EVERYWHERE, "::") else (address,)
    hosts = (*LOOPBACK, *own, *((login.host,) if login else ()))
    origins = login.origin if login else f"http://{ADDRESS}:{port}"
    one = {
        "server.address": address,
        "server.port": str(port),
        "server.baseUrlPath": "",
        "server.headless": "true",
        "server.enableCORS": "true",
        "server.enableXsrfProtection": "true",
        # the answer of the provider comes from another site, and must find who asked
        "server.xsrfCookieSameSite": "lax" if login else "strict",
        "server.trustedUserHeaders": "{}",
        "server.enableAgentApi": "false",
        "server.enableStaticServing": "false",
        "server.maxUploadSize": str(UPLOAD_MB),
        "server.maxMessageSize": str(UPLOAD_MB),
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.serverAddress": login.host if login else ADDRESS,
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none" if login else "type",
        "client.showErrorLinks": "false",
        "client.toolbarMode": "minimal",
        "global.developmentMode": "false",
        "runner.magicEnabled": "false",
        "logger.level": "warning",
    }
    several = {
        "server.allowedHosts": tuple(dict.fromkeys(hosts)),
        "server.corsAllowedOrigins": (origins,),
        "client.allowedOrigins": (origins,),
        "secrets.files": tuple(str(file) for file in login.files) if login else (),
    }
    return {**{key: (value,) for key, value in one.items()}, **several}


def may_enter(email: object, verified: object, emails: Sequence[str]) -> bool:
    """Whether somebody who has logged in may use the workbench: everybody, or those on the list.

    `verified`: the provider's claim `email_verified`; some write it as a text, some not at all.
    """
    if not emails:
        return True
    if verified is not None and str(verified).casefold() != "true":
        return False
    return isinstance(email, str) and email.strip().casefold() in emails


def _secrets(files: Sequence[Path]) -> dict[str, Any]:
    """The tables of all files, as Streamlit merges them: a later file's table replaces an earlier one's."""
    found: dict[str, Any] = {}
    for file in files:
        try:
            found |= tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
            raise InputError(f"{file}: these secrets cannot be read ({reason}); mend the file") from None
    return found


def _url(key: str, text: str) -> SplitResult:
    """The parts of an absolute web address. InputError when it is none."""
    with suppress(ValueError):  # of a port that is none, or brackets that do not close
        url = urlsplit(text.strip())
        if url.scheme in ("http", "https") and url.hostname and url.port != 0:
            return url
    raise InputError(f"[auth] {key}: {text[:100]!r} is no web address; write it whole, e.g. https://HOST/…")


def _emails(found: dict[str, Any], where: str) -> tuple[str, ...]:
    section = found.get(SECTION, {})
    if not isinstance(section, dict):
        raise InputError(f"[{SECTION}] must be a table {where}")
    for key in section:
        if key != EMAILS:
            raise InputError(f"[{SECTION}]: unknown key '{key}' {where}; {nearest(key, (EMAILS,))}")
    emails = section.get(EMAILS, [])
    if not isinstance(emails, list) or not all(isinstance(one, str) and "@" in one for one in emails):
        raise InputError(f"[{SECTION}] {EMAILS}: it must be a list of mail addresses {where}")
    if EMAILS in section and not emails:
        raise InputError(f"[{SECTION}] {EMAILS}: an empty list lets nobody in {where}; add an address or remove it")
    return tuple(one.strip().casefold() for one in emails)
