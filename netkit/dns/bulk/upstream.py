"""A server that is asked: the channels to it, how much it takes at once, and whether it is there at all."""

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from netkit.dns.bulk.channel import Channel, OverUdp
from netkit.dns.bulk.pace import LEAST, Window
from netkit.dns.bulk.quick import template
from netkit.dns.bulk.stream import OverTcp
from netkit.dns.bulk.task import Task
from netkit.dns.result import Transport
from netkit.dns.servers import Server
from netkit.errors import Insecure
from netkit.net.reasons import EXHAUSTED, reason_of

if TYPE_CHECKING:
    from netkit.dns.bulk.engine import Engine

SOCKETS = 8  # UDP sockets to one server, each with a random port
CONNECTIONS = 4  # over TCP or TLS, to one server
QUERIES = 20_000  # on one socket; the next one has another port
STREAMS = 100  # at once over HTTPS or QUIC: what servers grant (RFC 9113 6.5.2), and `link_https` uses
PAUSE = 0.1  # seconds before a port that was closed is tried again
DEAD = 3  # refusals one after the other until a server that has not answered yet counts as not there
AGAIN = 1.0  # seconds until that is looked at once more


def _in_flight(channel: Channel) -> int:
    return len(channel.flight)


class Upstream:
    """transport: what its queries go over; options: what they say beside name and type; usual: queries made so."""

    def __init__(self, engine: "Engine", server: Server, *, sockets: int) -> None:
        settings = engine.settings
        self.engine = engine
        self.server = server
        self.transport: Transport = "tcp" if settings.tcp and server.transport == "udp" else server.transport
        self.by_stream = self.transport in ("https", "quic")
        self.allowed = 1 if self.by_stream else sockets if self.transport == "udp" else min(sockets, CONNECTIONS)
        self.most = self.allowed  # channels at once, fewer where there can be no more
        plain = self.transport in ("udp", "tcp")
        self.without_cookie = settings.options if plain else settings.options.encrypted
        self.options = self.without_cookie
        self.usual = template(self.options)
        self.renew_cookie()
        self.channels: list[Channel] = []
        self.old: list[Channel] = []
        self.stream: OverTcp | None = None  # for what was truncated over UDP
        self.window = Window(settings.concurrency)
        if self.by_stream:
            self.window = Window(settings.concurrency and min(settings.concurrency, STREAMS), STREAMS)
        self.held = 0  # streams that run, although the try that they were begun for is over
        self.queue: deque[Task] = deque()
        self.heard = False  # it has answered in this run
        self.refusals = 0  # since it answered last
        self.refused_since = 0.0
        self.dead = False  # nothing is sent but a probe now and then; its questions are given up
        self.paused_until = 0.0
        self.reason = ""  # why it cannot be reached
        self.unproven: Insecure | None = None  # its certificate is not its own, or there is no session at all
        self.closes = False  # it has closed a connection on queries

    def __str__(self) -> str:
        return str(self.server)

    def renew_cookie(self) -> None:
        """Send the cookie that the server gave last, and ours (RFC 7873)."""
        options = self.without_cookie
        if not options.cookies:
            return
        extra = *options.extra, options.cookies.option(self.server)
        if extra != self.options.extra:
            self.options = options._replace(extra=extra)
            self.usual = template(self.options)

    @property
    def in_flight(self) -> int:
        flights = sum(len(channel.flight) for channel in self.channels) + sum(
            len(channel.flight) for channel in self.old
        )
        return flights + self.held

    @property
    def room(self) -> int:
        """How many more questions it may get now."""
        return self.window.size - len(self.queue) - self.in_flight

    def pump(self, most: int, now: float) -> int:
        """Send what is in the queue, as far as the window and `most` let it; how many were sent."""
        if now < self.paused_until:
            if self.dead:
                self._give_up()
            return 0
        count = min(len(self.queue), most, self.window.size - self.in_flight)
        sent = 0
        while sent < count:
            channel = self._channel()
            if channel is None:
                break
            share = min(count - sent, max(1, self.window.size // self.most - len(channel.flight)))
            if isinstance(channel, OverTcp) and (share := min(share, channel.room)) <= 0:
                break
            before = len(self.queue)
            more = channel.send(self.queue, share, now)
            sent += before - len(self.queue)
            if not more:
                break
        self.engine.counts.queries += sent
        return sent

    def _channel(self) -> Channel | None:
        """The one with the fewest questions on their way, a new one as long as there are not all; None if there can be
        none now."""
        if len(self.channels) < self.most:
            return self._opened()
        channel = min(self.channels, key=_in_flight)
        if (
            channel.sent >= QUERIES and self.transport == "udp"
        ):  # another port from here on; replies may still come to this one
            self.channels.remove(channel)
            self.old.append(channel)
            return self._opened()
        return channel

    def _opened(self) -> Channel | None:
        try:
            channel = self._made()
        except OSError as exc:
            if exc.errno not in EXHAUSTED:
                self.refused(None, reason_of(exc))
            elif self.channels:
                self.most = len(self.channels)
                return self.channels[0]
            else:
                self.pause()
                self.engine.exhausted(exc)
            return None
        self.channels.append(channel)
        if isinstance(channel, OverUdp):
            self.window.limit = max(LEAST, min(self.window.limit, channel.capacity * self.most))
        return channel

    def _made(self) -> Channel:
        """Raises OSError."""
        if self.transport == "udp":
            return OverUdp(self)
        if self.transport == "tcp":
            return OverTcp(self)
        if self.transport == "tls":
            from netkit.dns.bulk.secured import OverTls  # ssl: 12 ms of CPU

            return OverTls(self)
        from netkit.dns.bulk.streams import OverStreams

        return OverStreams(self)

    def pause(self) -> None:
        """Nothing is sent for a moment."""
        self.paused_until = monotonic() + PAUSE

    def tidy(self) -> None:
        """Close what no reply is waited for on any more."""
        for channel in [one for one in self.old if not one.flight]:
            self.old.remove(channel)
            channel.close()

    def rest(self) -> int:
        """Give its descriptors back if it has nothing to do; how many."""
        if self.queue or self.in_flight or (self.stream and self.stream.flight):
            return 0
        channels = self.all_channels()
        self.close()
        self.channels, self.old, self.stream = [], [], None
        return len(channels)

    def all_channels(self) -> list[Channel]:
        return [*self.channels, *self.old, *([self.stream] if self.stream else [])]

    def answered(self, count: int) -> None:
        if count:
            self.heard, self.dead, self.refusals, self.unproven = True, False, 0, None
            self.window.answered(count, self.in_flight + count)

    def refused(self, channel: Channel | None, reason: str) -> None:
        """A closed port, no route: all that is on its way there is lost.

        A server that has answered before may be starting again: as long as a question may take, it is waited for.
        """
        now = monotonic()
        self.refused_since = self.refused_since if self.refusals else now
        self.refusals += 1
        self.reason, self.unproven = reason, None
        patient = self.heard and now - self.refused_since < self.engine.settings.timeout
        self.dead = self.refusals >= DEAD and not patient
        self.paused_until = now + (AGAIN if self.dead else PAUSE)
        if channel:
            lost = list(channel.flight.values())
            channel.flight.clear()
            self._lost(lost, reason, patient=patient)
        if self.dead:
            self._give_up()

    def _lost(self, tasks: list[Task], reason: str, *, patient: bool, over_tcp: bool = False) -> None:
        """Asked again here at no charge where that is the only server and worth it, else of the next one."""
        for task in reversed(tasks):
            if patient and len(task.route) == 1 and not (task.more and task.more.cut):
                self.put_back(task)
            else:
                self.engine.lost(self, task, reason, over_tcp=over_tcp)

    def put_back(self, task: Task) -> None:
        """To the head of the queue, as if it had not been sent."""
        task.tries -= 1
        if task.more:
            task.more.queued = True
        self.queue.appendleft(task)

    def ended(self, channel: OverTcp, reason: str, unproven: Insecure | None = None) -> None:
        """A connection is over. What an end after replies has cut off is asked again on a new one, at no charge."""
        aside = channel is self.stream
        if aside:
            self.stream = None
        else:
            self.channels.remove(channel)
        waiting = list(channel.flight.values())
        channel.flight.clear()
        if waiting and channel.connected:
            self.closes = True
        if channel.answered or self._has_enough(channel, unproven):
            for task in reversed(waiting):
                self.put_back(task)
            return
        if unproven:
            self.refuse(waiting, unproven)
            return
        patient = False
        if not channel.connected and not aside:
            self.refused(None, reason)
            patient = self.heard and not self.dead
        self._lost(waiting, reason, patient=patient, over_tcp=True)

    def _has_enough(self, channel: OverTcp, unproven: Insecure | None) -> bool:
        """Whether it lets a client have fewer connections, and this was one too many: then it is not asked for more."""
        if unproven and unproven.kind != "tls_handshake":
            return False
        if not any(one.connected or unproven for one in self.channels if isinstance(one, OverTcp)):
            return False
        self.most = len(self.channels)
        return True

    def fell(self, tasks: list[Task], reason: str, unproven: Insecure | None) -> None:
        """It cannot be reached, so that streams which were begun ended."""
        if unproven:
            self.refuse(tasks, unproven)
            return
        self.refused(None, reason)
        self._lost(tasks, reason, patient=self.heard and not self.dead)

    def refuse(self, tasks: list[Task], error: Insecure) -> None:
        """It does not prove who it is: it is told nothing, and looked at again now and then.

        A handshake that broke off is none of that where the server has answered: it takes no more connections for now.
        """
        reason = f"tls: {error.message.removeprefix(f'{self.server}: ')}"
        if self.heard and not error.kind.startswith("cert_"):
            self.refused(None, reason)
            self._lost(tasks, reason, patient=not self.dead, over_tcp=True)
            return
        self.reason = reason
        self.unproven, self.dead, self.refusals = error, True, DEAD
        self.most = self.allowed
        self.paused_until = monotonic() + AGAIN
        for task in tasks:
            self.engine.lost(self, task, self.reason)
        self._give_up()

    def _give_up(self) -> None:
        while self.queue:
            task = self.queue.popleft()
            if task.more:
                task.more.queued = False
                if task.more.done:  # a late reply came while it waited here
                    continue
            self.engine.lost(self, task, self.reason)

    def ask_over_tcp(self, task: Task, now: float) -> None:
        """What was truncated over UDP."""
        if self.stream is None:
            try:
                self.stream = OverTcp(self)
            except OSError as exc:
                self.engine.lost(self, task, reason_of(exc), over_tcp=True)
                return
        self.engine.counts.queries += 1
        if self.engine.bucket:
            self.engine.bucket.spend(1)
        self.stream.send(deque([task]), 1, now)

    def close(self) -> None:
        for channel in self.all_channels():
            channel.close()
