"""The chat server: its sockets, who may come in, the hub, and an orderly end."""

import socket
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

from netkit.chat.client import Client
from netkit.chat.event import REASONS, OnLog, event
from netkit.chat.hub import Hub
from netkit.chat.limits import ACCEPT_BURST, ACCEPT_RATE, MAX_CLIENTS, PER_ADDRESS
from netkit.chat.member import Member
from netkit.net.acceptor import Acceptor, refuse
from netkit.net.gate import Gate, Refusals
from netkit.net.listen import Listening
from netkit.net.loop import Loop
from netkit.net.proxy_protocol import Proxied, Source, peer_of

if TYPE_CHECKING:
    import ssl

Network = IPv4Network | IPv6Network
DRAIN_SECONDS = 5.0
SEND_BUFFER = 64 * 1024  # bytes of the kernel for one who does not read; it would grow to 4 MB
SWEEP = 1.0  # seconds between two looks for idle clients


class Doors:
    """Who may come in: how many, how often, from where. Loopback is exempt from what is counted by address."""

    def __init__(
        self,
        hub: Hub,
        max_clients: int = MAX_CLIENTS,
        per_address: int = PER_ADDRESS,
        accept_rate: float | None = ACCEPT_RATE,
        allow: Sequence[Network] = (),
        deny: Sequence[Network] = (),
    ) -> None:
        self._hub = hub
        self._gate = Gate(max_clients, per_address, accept_rate, burst=ACCEPT_BURST)
        self._allow, self._deny = allow, deny

    @property
    def open(self) -> int:
        return self._gate.open

    def enter(self, host: str, now: float) -> str | None:
        """Let one in, or say why not."""
        return self.barred(host) or self._gate.enter(counted(host), now)

    def barred(self, host: str) -> str | None:
        """Why nobody from there may come in."""
        if self._hub.banned(host):
            return "banned"
        if host and (within(host, self._deny) or (self._allow and not within(host, self._allow))):
            return "denied"
        return None

    def admit(self, host: str) -> None:
        """One that is in already."""
        self._gate.admit(counted(host))

    def leave(self, host: str) -> None:
        self._gate.leave(counted(host))


def counted(host: str) -> str:
    """What connections are counted by: an IPv4 address, the /64 of an IPv6 one, "" for loopback and unix sockets."""
    if not host or host.startswith("127.") or host == "::1":
        return ""
    if ":" not in host:
        return host
    return str(ip_address(host.partition("%")[0]).exploded[:19])


class Front:
    """The doors of plain clients: a proxy that is trusted comes in by itself, whom it comes for is looked at later."""

    def __init__(self, doors: Doors, proxies: Sequence[Network]) -> None:
        self._doors = doors
        self._proxies = proxies

    def is_proxy(self, host: str) -> bool:
        return bool(self._proxies and host) and within(host, self._proxies)

    def enter(self, host: str, now: float) -> str | None:
        return self._doors.enter("" if self.is_proxy(host) else host, now)


def within(host: str, networks: Sequence[Network]) -> bool:
    if not networks:
        return False
    address = ip_address(host.partition("%")[0])
    return any(address in network for network in networks)


class ChatServer:
    """Serves on sockets that are open already. Whoever runs it calls `run`, or drives `loop` from another one."""

    def __init__(
        self,
        listening: Sequence[Listening],
        hub: Hub,
        *,
        tls: "ssl.SSLContext | None" = None,
        password: bytes | None = None,
        max_clients: int = MAX_CLIENTS,
        per_address: int = PER_ADDRESS,
        accept_rate: float | None = ACCEPT_RATE,
        allow: Sequence[Network] = (),
        deny: Sequence[Network] = (),
        proxies: Sequence[Network] = (),
        on_log: OnLog | None = None,
    ) -> None:
        self.listening = listening
        self.hub = hub
        self.loop: Loop = hub.loop
        self.tls = tls
        self.password = password
        self.doors = Doors(hub, max_clients, per_address, accept_rate, allow, deny)
        self._front = Front(self.doors, proxies)
        self._proxied: set[Proxied] = set()  # whose header is still to come
        self.refusals = Refusals(self.loop, hub.counts.refuse, self._refused)
        self.started = time.monotonic()
        self._on_log = on_log
        self._numbers = 0
        self._draining = False
        self._all: dict[int, Member] = {}  # also those that are not let in yet
        self.pages: list[str] = []  # where browsers find it
        self.on_stop: list[Callable[[], None]] = []  # who else takes no more when this one does
        hub.on_gone = self._gone
        hub.on_unwelcome = lambda member, reason: self.refusals.add(reason, "tls" if tls else "tcp", member.peer)
        self._acceptors = [self._acceptor(each) for each in listening]
        if hub.limits.idle is not None:
            self._sweep()

    def _acceptor(self, listening: Listening) -> Acceptor:
        sock = listening.socket
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # inherited by what is accepted
        label = "tls" if self.tls else "unix" if listening.endpoint.path else "tcp"
        return Acceptor(
            self.loop, listening, label, self._front, self.refusals, self._accepted, word=self._word
        )  # fmt: skip

    def _word(self, reason: str) -> bytes:
        return b"" if self.tls else self.hub.words(WORDS.get(reason, "refused"))

    def _accepted(self, client: socket.socket, peer: str, host: str) -> None:
        if not self._front.is_proxy(host):
            self._let_in(client, peer, host)
            return

        def for_whom(proxied: Proxied, source: Source) -> None:
            self._proxied.discard(proxied)
            self.doors.leave("")
            real, shown = (source.host, peer_of(source)) if source.host else (host, peer)
            if reason := self.doors.enter(real, self.loop.now):
                refuse(client, self._word(reason))
                self.refusals.add(reason, "proxy", shown)
            else:
                self._let_in(client, shown, real)

        def bad(proxied: Proxied, why: str) -> None:
            self._proxied.discard(proxied)
            self.doors.leave("")
            client.close()
            self.refusals.add("proxy", "proxy", peer)

        self._proxied.add(Proxied(self.loop, client, for_whom, bad))

    def _let_in(self, client: socket.socket, peer: str, host: str) -> None:
        if self.tls is not None:
            from netkit.net.tls_server import accepted

            try:
                client = accepted(self.tls, client)
            except OSError:
                self.doors.leave(host)
                self.refusals.add("tls", "tls", peer)
                return
        number = self.number()
        if not host:  # a unix socket: what it is bound to, if to anything, may hold control characters
            peer = f"unix:{number}"
        self.adopt(Client(self.hub, client, peer, host, number, self.password))

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def adopt(self, member: Member) -> None:
        """Keep the books of one who has come in by a door."""
        if member.fd >= 0:
            self._all[member.id] = member
        else:
            self.doors.leave(member.host)

    @property
    def everybody(self) -> list[Member]:
        """Also those that are not let in yet."""
        return list(self._all.values())

    @property
    def draining(self) -> bool:
        return self._draining

    def resume(self, number: int, clients: "Sequence[tuple[dict[str, Any], socket.socket]]") -> None:
        """Go on with the clients of another process; number: of the last that came."""
        self._numbers = number
        for saved, sock in clients:
            self.doors.admit(saved["host"])
            peer, host, id = saved["peer"], saved["host"], saved["id"]
            self.adopt(Client(self.hub, sock, peer, host, id, self.password, saved))

    def dismiss_others(self, reason: str, word: str) -> None:
        """End with all who cannot be handed over, and have everything told to the rest."""
        for one in self.everybody:
            if not handed_over(one):
                self.hub.dismiss(one, reason, word)
                one.close(reason)
        self.hub.tell_sums()
        self.hub.flush()

    def let_go(self) -> None:
        """Another process has everything: end, and touch nothing of it."""
        self._draining = True
        self.hub.bus.let_go()
        for proxied in self._proxied:  # it was not handed over: its proxy will come again
            proxied.stop()
            proxied.socket.close()
        self._proxied.clear()
        for acceptor in self._acceptors:
            acceptor.close()
        for each in self.listening:
            each.socket.close()  # and leave the path of a unix socket
        for one in self.everybody:
            self.loop.remove(one.fd)
            one.socket.close()
        self._all.clear()
        self.loop.stop()

    def _gone(self, member: Member) -> None:
        if self._all.pop(member.id, None) is not None:
            self.doors.leave(member.host)
        if self._draining and not self._all:
            self.loop.stop()

    @property
    def clients(self) -> int:
        return len(self.hub.members)

    @property
    def addresses(self) -> list[str]:
        own = [f"{'tls' if self.tls else 'tcp'} {each.endpoint}" for each in self.listening]
        return own + [f"web {page}" for page in self.pages]

    def announce(self) -> None:
        for place in [*(str(each.endpoint) for each in self.listening), *self.pages]:
            self.log(event("listening", node=self.hub.node, addr=place))

    def log(self, entry: object) -> None:
        if self._on_log:
            self._on_log(entry)  # type: ignore[arg-type]

    def _refused(self, reason: str, transport: str, peer: str, number: int) -> None:
        self.log(event("refused", node=self.hub.node, addr=peer, reason=reason, detail=REASONS.get(reason, ""),
                       times=number))  # fmt: skip

    def _sweep(self) -> None:
        idle = self.hub.limits.idle or 0.0
        now = self.loop.now
        for one in [one for one in self._all.values() if now - one.last >= idle]:
            self.hub.dismiss(one, "idle", f"nothing came for {idle:g} s")
        self.loop.later(min(SWEEP, idle / 4), self._sweep)

    def run(self) -> None:
        """Serve until `drain` or `stop`; then report the end."""
        try:
            self.loop.run()
        finally:
            self.close()

    def drain(self) -> None:
        """As SIGTERM asks: accept nobody, tell all, give them what waits for them, for DRAIN_SECONDS at most."""
        if self._draining:
            self.stop()
            return
        self._stop_taking()
        self.log(event("draining", node=self.hub.node, times=len(self._all)))
        if not self._all:
            self.loop.stop()
            return
        self.loop.later(DRAIN_SECONDS, self.stop)
        self.hub.bus.settle(self._dismiss_all)

    def _dismiss_all(self) -> None:
        self.hub.flush()
        for one in list(self._all.values()):
            if self.hub.tutorial:
                one.close("shutdown")
            else:
                self.hub.dismiss(one, "shutdown", "the server stops")

    def _stop_taking(self) -> None:
        self._draining = True
        for proxied in self._proxied:
            proxied.stop()
            proxied.socket.close()
        self._proxied.clear()
        for acceptor in self._acceptors:
            acceptor.close()
        for each in self.listening:
            if each.socket.fileno() >= 0:
                each.close()
        for call in self.on_stop:
            call()

    def stop(self) -> None:
        for one in list(self._all.values()):
            one.close("shutdown")
        self.loop.stop()

    def close(self) -> None:
        """Let go of everything, and report the end."""
        self._stop_taking()
        for one in list(self._all.values()):
            one.close("shutdown")
        self.refusals.flush()
        self.hub.bus.close()
        self.log(event("stop", node=self.hub.node, seconds=time.monotonic() - self.started))
        self.loop.close()


def handed_over(member: Member) -> bool:
    """Whether another process can go on with it: the kernel has all of a plain connection, and half of a TLS one."""
    return type(member) is Client and member.tls is None


WORDS = {
    "max_conns": "server full",
    "descriptors": "server full",
    "per_host": "too many from your address",
    "rate": "too many from your address in a short time",
    "banned": "banned",
    "denied": "not from your address",
}
