"""Watches all endpoints in one loop, until a condition holds, the time is over, or all have ended."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from netkit.errors import BadInput, Exit, combine
from netkit.events import OnEvent, Step, StepName
from netkit.net.listen import Listening, listen, open_socket
from netkit.net.loop import Loop
from netkit.watch.condition import Condition
from netkit.watch.datagram import Datagrams
from netkit.watch.dialing import Dialing
from netkit.watch.event import CODES, STEPS, EventName, OnWatch, event
from netkit.watch.file import File
from netkit.watch.input import Input
from netkit.watch.listener import Listener
from netkit.watch.opening import open_file, peer_of
from netkit.watch.pcap import Capture
from netkit.watch.source import Source
from netkit.watch.stream import Connect, Stream
from netkit.watch.target import Target

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 5.0
MAX_CONNS = 256  # accepted connections at once, of all listeners


class Watcher:
    """targets: at least one. stdin: a label, "all" or "none": where its lines go. until: None: until all have ended.

    reconnect: connect again after a failure or an end. max_lines: close an endpoint after so many. on_watch gets every
    event, on_event the steps at the socket.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        on_watch: OnWatch,
        until: Condition | None = None,
        stdin: str = "none",
        reconnect: bool = False,
        connect_timeout: float = CONNECT_SECONDS,
        max_conns: int = MAX_CONNS,
        max_lines: int | None = None,
        client_tls: "ssl.SSLContext | None" = None,
        server_name: str | None = None,
        server_tls: "ssl.SSLContext | None" = None,
        pcap: Path | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self.loop = Loop()
        self.random = Random()
        self.reconnect = reconnect
        self.dialing = Dialing(self.loop, connect_timeout, client_tls, server_name)
        self.sources: list[Source] = []
        self.accepted: set[Stream] = set()
        self.insecure = False
        self.reached = False
        self.lines = 0
        self.timed_out = False
        self._targets = targets
        self._on_watch = on_watch
        self._on_event = on_event
        self._until = until
        self.input = Input(self.loop, stdin, self._receivers)
        self._max_conns = max_conns
        self._max_lines = max_lines
        self._counts: dict[str, int] = {}  # lines of each label, with max_lines
        self._server_tls = server_tls
        self.capture = Capture(pcap) if pcap else None
        self._listening: list[Listening] = []
        self._up: set[str] = set()
        self._left: set[Source] = set()  # that have not ended; with 5,000 endpoints nobody may look through all of them
        labels = {target.label for target in targets}
        if stdin not in ("none", "all") and stdin not in labels:
            raise BadInput(f"--stdin {stdin}: no endpoint has that name", hint="they are " + ", ".join(sorted(labels)))

    def run(self, timeout: float | None = None) -> Exit:
        """Watch; the exit code: 0 when the condition holds or all ended well, 4 when the time was over before."""
        try:
            if timeout is not None:
                self.loop.later(timeout, self._over)
            for target in self._targets:
                self._add(target)
            self._left = set(self.sources)
            for source in self.sources:
                self.input.expect(source)
            for source in self.sources:
                source.start()
            if not self.reached and not self._all_done:
                self.loop.run()
        finally:
            self._close()
        return self._verdict()

    def _verdict(self) -> Exit:
        if self.reached:
            return Exit.OK
        if self.timed_out:
            return Exit.TIMEOUT
        if self._until is not None and not any(source.verdict not in (None, "close") for source in self.sources):
            return Exit.NO  # all ended, and what was waited for had not come
        if self.insecure:
            return Exit.SECURITY
        return combine(CODES.get(source.verdict or "close", Exit.OK) for source in self.sources)

    def missing(self) -> list[str]:
        """The labels of those that are not open."""
        return [target.label for target in self._targets if target.label not in self._up]

    def states(self) -> list[tuple[str, str, int, int]]:
        """(label, state, bytes received, bytes sent) of everything, accepted connections as well."""
        found = []
        for source in self.sources:
            at = source.stream if isinstance(source, Connect) and source.stream else source
            found.append((source.label, at.state, at.received, at.sent))
        return found + [(f"{one.label} {one.peer}", one.state, one.received, one.sent) for one in self.accepted]

    def _over(self) -> None:
        self.timed_out = True
        self.loop.stop()

    def _close(self) -> None:
        for source in [*self.sources, *self.accepted]:
            with suppress(OSError):
                source.close()
        for each in self._listening:
            each.close()
        if self.capture:
            self.capture.close()
        self.loop.close()

    def _add(self, target: Target) -> None:
        """Open what can be opened at once. Raises BadInput: nothing is watched half."""
        endpoint = target.endpoint
        if target.kind == "connect":
            self.sources.append(Connect(self, target))
        elif target.kind == "datagram":
            sock = None if endpoint.path else self.dialing.reach(endpoint)
            self.sources.append(Datagrams(self, target, sock, bound=False))
        elif target.kind == "listen":
            self._listen(target)
        elif target.kind == "stdin":
            if self.input.wanted != "none":
                raise BadInput("- shows standard input, --stdin sends it: use one of them")
            self.sources.append(File(self, target, 0, own=False))
        elif target.kind == "file":
            self.sources.append(File(self, target, open_file(target), own=True))
        else:
            self._inherited(target)

    def _inherited(self, target: Target) -> None:
        """fd:N: a socket that is listening, connected or UDP, or any other readable descriptor."""
        fd = target.endpoint.fd
        assert fd is not None
        try:
            sock = socket.socket(fileno=os.dup(fd))
        except OSError as exc:
            with suppress(OSError):
                os.fstat(fd)
                self.sources.append(File(self, target, fd, own=False))
                return
            raise BadInput(f"{target.label}: descriptor {fd} is not open") from exc
        if sock.type == socket.SOCK_DGRAM:
            self.sources.append(Datagrams(self, target, sock, bound=not peer_of(sock)))
        elif sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self._accept_from(target, sock)
        else:
            self.sources.append(Stream(self, target, sock, peer=peer_of(sock), accepted=False, ms=None))

    def _listen(self, target: Target) -> None:
        endpoint = target.endpoint
        if endpoint.scheme == "tls" and self._server_tls is None:
            raise BadInput(f"-l {target.label}: needs --tls-cert or --tls-self-signed")
        if endpoint.fd is not None:
            opened = [open_socket(endpoint)]
        else:
            opened = listen([endpoint], transports=("udp" if endpoint.scheme == "udp" else "tcp",))
        self._listening += opened
        for each in opened:
            if each.transport == "udp":
                self.sources.append(Datagrams(self, target, each.socket.dup(), bound=True))
            else:
                self._accept_from(target, each.socket)

    def _accept_from(self, target: Target, listener: socket.socket) -> None:
        listener.setblocking(False)
        source = Listener(self, target, listener, self._accept)
        self.sources.append(source)

    def _accept(self, listener: Listener, client: socket.socket, peer: str) -> None:
        if len(self.accepted) >= self._max_conns:
            client.close()
            listener.refuse(f"{peer}: {self._max_conns} connections are open (--max-conns)")
            return
        client.setblocking(False)
        if listener.target.endpoint.scheme == "tls" and self._server_tls is not None:
            from netkit.net.tls_server import accepted  # ssl: loaded with the context

            try:
                client = accepted(self._server_tls, client)
            except OSError:
                listener.refuse(f"{peer}: gone before the handshake")
                return
        stream = Stream(self, listener.target, client, peer=peer, accepted=True, ms=None)
        self.accepted.add(stream)
        stream.start()

    def tell(self, name: EventName, source: Source, **more: object) -> None:
        self._on_watch(event(name, source.label, **{"peer": source.peer, **more}))
        data = more.get("data")
        piece = data if isinstance(data, bytes) else None
        if self._on_event and name in STEPS:
            step: StepName = "send" if more.get("direction") == "out" else STEPS[name]
            size = None if piece is None else len(piece)
            self._on_event(Step(step, source.peer or source.label, str(more.get("detail", "")), size, data=piece))
        if name == "data" and more.get("direction") == "in" and piece is not None:
            whole = source.datagrams or not more.get("partial")
            self.lines += whole
            self._data(piece)
            if whole and self._max_lines is not None:
                self._count(source.label)

    def _count(self, label: str) -> None:
        """One more line of an endpoint; at the limit everything of that name ends."""
        assert self._max_lines is not None
        self._counts[label] = self._counts.get(label, 0) + 1
        if self._counts[label] == self._max_lines:
            accepted = [one for one in self.accepted if one.label == label]
            for source in [*accepted, *(one for one in self.sources if one.label == label)]:
                source.enough(f"{self._max_lines} line{'s' * (self._max_lines != 1)} came (--max-lines)")

    def _data(self, data: bytes) -> None:
        until = self._until
        if until is None:
            return
        if (
            until.word == "any-data"
            or (until.word == "count" and self.lines >= until.lines)
            or (until.pattern is not None and until.pattern.search(data))
        ):
            self._reach()

    def _reach(self) -> None:
        self.reached = True
        self.loop.stop()

    def opened(self, source: Source) -> None:
        if source not in self.accepted:
            self._up.add(source.label)
        self._check()
        self.input.settled(source.parent or source)

    def down(self, source: Source) -> None:
        """It is not there any more, and will be tried again."""
        self._up.discard(source.label)

    def finished(self, source: Source) -> None:
        """It has ended; what it was a connection of may connect again."""
        if source in self.accepted:
            self.accepted.discard(source)
        else:
            self._up.discard(source.label)
            owner = source.parent or source
            if isinstance(owner, Connect) and owner is not source:
                again = self.reconnect and not (self._until and self._until.word == "all-closed")
                if again and self._counts.get(owner.label, 0) != self._max_lines:
                    owner.again()
                    return
                owner.state, owner.verdict = source.state, source.verdict
            self._left.discard(owner)
            self.input.settled(owner)
        self._check()
        if self._all_done:
            self.loop.stop()

    def _check(self) -> None:
        word = self._until.word if self._until else ""
        if (word == "all-up" and len(self._up) == len(self._targets)) or (word == "all-closed" and self._all_done):
            self._reach()

    @property
    def _all_done(self) -> bool:
        return not self._left and not self.accepted

    def _receivers(self) -> list[Source]:
        """Those that standard input goes to and that can send it."""
        found: list[Source] = [*self.accepted]
        found += (one.stream if isinstance(one, Connect) else one for one in self.sources)  # type: ignore[misc]
        return [one for one in found if one and one.sends and self.input.goes_to(one.label) and not one.done]
