"""The page for browsers: its listeners, who is there, who comes back, and who does not answer any more.

Asking for a file is no joining: such visitors have doors of their own, and only who opens a WebSocket is counted with
the chat's clients.
"""

import secrets
import socket
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from netkit.chat.member import Member
from netkit.chat.server import SEND_BUFFER, WORDS, ChatServer, counted
from netkit.chat.web_http import Site, answer
from netkit.errors import LocalFailure
from netkit.net.acceptor import Acceptor
from netkit.net.gate import Gate
from netkit.net.listen import Listening

if TYPE_CHECKING:
    import ssl

    from netkit.chat.browser import Browser

MAX_VISITORS = 256  # connections at once that are no WebSocket yet
PER_ADDRESS = 32
PING_SECONDS = 30.0


class Web:
    """names: hosts that it is called by, besides addresses and this machine's name. origins: whose pages may connect.

    Raises LocalFailure without `websockets`.
    """

    def __init__(
        self,
        server: ChatServer,
        listening: Sequence[Listening],
        *,
        tls: "ssl.SSLContext | None" = None,
        password: bytes | None = None,
        names: Collection[str] = (),
        origins: Collection[str] = (),
        ping: float = PING_SECONDS,
    ) -> None:
        self._browser = load()
        scheme = "https" if tls is not None else "http"
        self.site = Site(scheme, names, origins)
        self.hub = server.hub
        self.boot = secrets.token_hex(4)  # numbers of members are of this process alone
        self.password = password
        self._server = server
        self._tls = tls
        self._gate = Gate(MAX_VISITORS, PER_ADDRESS, None)
        self._visitors: dict[int, Browser] = {}
        self._browsers: dict[int, Browser] = {}
        self._sessions: dict[str, Browser] = {}
        self._names: dict[int, str] = {}  # the session of each
        self._acceptors = [self._acceptor(each) for each in listening]
        self._also_gone = server.hub.on_gone
        self._ping = ping
        server.hub.on_gone = self._gone
        server.on_stop.append(self.close)
        server.pages += [f"{scheme}://{each.endpoint}/" for each in listening]
        server.loop.later(ping, self._ask)
        self._listening = listening

    def _acceptor(self, listening: Listening) -> Acceptor:
        listening.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # inherited
        return Acceptor(
            self._server.loop, listening, "web", self, self._server.refusals, self._accepted,
            word=lambda reason: b"" if self._tls else answer(503, f"{WORDS.get(reason, 'refused')}\n"),
        )  # fmt: skip

    def enter(self, host: str, now: float) -> str | None:
        """Let a visitor in, or say why not."""
        return self._server.doors.barred(host) or self._gate.enter(counted(host), now)

    def _accepted(self, client: socket.socket, peer: str, host: str) -> None:
        if self._tls is not None:
            from netkit.net.tls_server import accepted

            try:
                client = accepted(self._tls, client)
            except OSError:
                self._gate.leave(counted(host))
                self._server.refusals.add("tls", "web", peer)
                return
        browser = self._browser(self, client, peer, host, self._server.number())
        if browser.fd >= 0:
            self._visitors[browser.id] = browser
        else:
            self._gate.leave(counted(host))

    def join(self, browser: "Browser") -> tuple[str, str] | None:
        """It is a visitor no more but a client; or the reason why not, and the word for it."""
        reason = self._server.doors.enter(browser.host, self.hub.loop.now)
        if reason is not None:
            return reason, WORDS.get(reason, "refused")
        del self._visitors[browser.id]
        self._gate.leave(counted(browser.host))
        self._server.adopt(browser)
        self._browsers[browser.id] = browser
        return None

    def session(self, browser: "Browser") -> str:
        """What proves, later, that this one comes again."""
        session = self._names[browser.id] = secrets.token_urlsafe(16)
        self._sessions[session] = browser
        return session

    def replace(self, session: str, browser: "Browser") -> None:
        """Whoever comes with that session is the same page: its old connection, often a dead one, gives way."""
        before = self._sessions.get(session)
        if before is not None and before is not browser:
            before.give_way()

    def _gone(self, member: Member) -> None:
        if self._visitors.pop(member.id, None) is not None:
            self._gate.leave(counted(member.host))
        self._browsers.pop(member.id, None)
        self._sessions.pop(self._names.pop(member.id, ""), None)
        self._also_gone(member)

    def _ask(self) -> None:
        for one in list(self._browsers.values()):
            one.ping()
        self._server.loop.later(self._ping, self._ask)

    def close(self) -> None:
        """Take nobody any more; who is in is the server's to tell."""
        for acceptor in self._acceptors:
            acceptor.close()
        for each in self._listening:
            each.close()
        for one in list(self._visitors.values()):
            one.close("shutdown")


def load() -> "type[Browser]":
    try:
        from netkit.chat.browser import Browser  # websockets: 60 ms of CPU
    except ImportError as exc:
        raise LocalFailure(
            "the page needs the package websockets", kind="missing", hint="pip install 'netkit-cli[chat]'"
        ) from exc
    return Browser
