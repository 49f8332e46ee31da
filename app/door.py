"""The door before the pages: which requests reach the workbench at all.

Streamlit itself checks the Host and Origin of its WebSocket alone; the door checks those of every request.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: On every answer: no other site may frame a page, guess at the type of a file, or learn an address.
HEADERS = (
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


class Door:
    """ASGI middleware: a request for another Host, or from a page of another origin, is refused with 403.

    Another Host is how a page whose name was pointed at this machine gets in (DNS rebinding); a foreign Origin is a
    page of another site, or of another server on this machine. `origins`: those that are allowed beside the Host's own.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.origins = frozenset(origin.lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif not self.admits(*(_header(scope, name) for name in (b"host", b"origin"))):
            await _refuse(scope, receive, send)
        else:

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
                await send(message)

            await self.app(scope, receive, sending)

    def admits(self, hosts: Sequence[str], origins: Sequence[str]) -> bool:
        """Whether a request with these Host and Origin headers is let in."""
        if len(hosts) != 1 or _name(hosts[0]) not in self.hosts or len(origins) > 1:
            return False
        return all(_web(one) and (urlsplit(one).netloc == hosts[0] or one in self.origins) for one in origins)


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip().lower() for key, value in scope["headers"] if key.lower() == name]


def _name(host: str) -> str | None:
    """The name in a Host header, without its port; None for what is no such header."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None


def _web(origin: str) -> bool:
    """Whether an Origin header is that of a page with an address."""
    try:
        return urlsplit(origin).scheme in ("http", "https")
    except ValueError:
        return False


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before it was accepted: 403
        return
    body = b"This workbench answers only to the names it was started for.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": [*headers, *HEADERS]})
    await send({"type": "http.response.body", "body": body})
