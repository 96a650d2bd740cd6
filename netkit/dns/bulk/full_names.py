"""`fqdn` for any number of lines at once: names by the search list, addresses there and back, and one result for each.

Rules. What a line asks next follows from the answer to what it asked before (`steps`), so each has one question on its
way at a time, and those of all lines share one engine. A line has one deadline for all that it asks: behind it nothing
is asked, nor asked again, and only a query that is on its way has the time of its try. What waits for its turn loses
none. Lines are names, addresses and networks; types and servers of their own they have none. Memory is taken by what is
on its way, and with `ordered` by what waits for an earlier line.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from netkit.dns import hosts as hosts_file
from netkit.dns import naming
from netkit.dns.bulk.engine import HELD, Engine, Settings
from netkit.dns.bulk.feed import Feed
from netkit.dns.bulk.lines import MAX_LINE, MAX_NETWORK, host_of, parse_network, reason, too_large, without_comment
from netkit.dns.bulk.look_up import able, enough_to_confirm, trusted
from netkit.dns.bulk.order import InOrder
from netkit.dns.bulk.steps import Named, Status, Steps, of_address, of_name
from netkit.dns.bulk.task import Task
from netkit.dns.lookup import known_locally
from netkit.dns.name import canonical_ip, is_ip, parse_name, reverse_name, to_text
from netkit.dns.resolv_conf import read_configuration
from netkit.dns.result import Outcome, Resolution
from netkit.dns.search import candidates
from netkit.dns.servers import check, find
from netkit.dns.special import LOOPBACK, TOPS
from netkit.dns.types import PTR, type_name
from netkit.errors import BadInput, Exit, LocalFailure
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    from netkit.dns.bulk.upstream import Upstream
    from netkit.net.histogram import Histogram

CLASS_IN = b"\0\1"


class Line:
    """A line on its way. named: its result, once there is one; spent: seconds on the questions that are answered."""

    __slots__ = ("named", "place", "spent", "steps", "text")

    def __init__(self, place: int, text: str, steps: Steps | None = None, named: Named | None = None) -> None:
        self.place = place
        self.text = text
        self.steps = steps
        self.named = named
        self.spent = 0.0


class OfLine(Task):
    """A question of a line."""

    line: Line
    key: Hashable  # the name that the line asks for

    @property
    def identity(self) -> Hashable:
        """The question alone is not enough: names with the same first candidate may have other ones next."""
        return self.question, self.key


class FullNames:
    """Lines being looked up: iterate `results()`, call `stop()` to end early. feed, engine: what was read and sent.

    times: gets how long each question took that a server decided.
    """

    def __init__(
        self,
        fd: int,
        *,
        servers: Sequence[str] = (),
        settings: Settings = Settings(timeout=5.0),  # noqa: B008 - it never changes
        unique: bool = False,
        lenient: bool = False,
        hosts: str | None = None,
        resolv_conf: str | None = None,
        times: "Histogram | None" = None,
        on_event: OnEvent | None = None,
        marker: bytes = b"",
    ) -> None:
        """fd: where the lines are read; servers: as of `netkit.dns.fqdn`, which ask DNS alone. unique: a line that
        came before is left out; lenient: the host of what was pasted counts; marker: as of `lines.Lines`.

        Raises BadInput for a server, Unreachable for one without address, LocalFailure for files that cannot be read.
        """
        check(servers)
        trusted(settings)
        self.ordered = settings.ordered
        self.times = times
        self.engine = Engine(settings._replace(ordered=False), on_event)
        self.route: tuple[Upstream, ...] = ()
        try:
            deadline = Deadline.after(settings.timeout)
            found = find(servers, deadline=deadline, resolv_conf=resolv_conf)
        except LocalFailure as exc:  # unless the hosts file has all of them
            self.engine.no_route = exc
        else:
            able(found)
            self.route = self.engine.route(found)
        enough_to_confirm(self.route, settings)
        self.lenient = lenient
        self.marker = marker
        configuration = read_configuration(resolv_conf)
        self.search, self.ndots = configuration.search, configuration.ndots
        self.straight = bool(servers)
        self.hosts = () if servers else hosts_file.read_hosts(hosts)
        self.in_hosts = {word for line in self.hosts for word in (line.address, *line.names)}
        self.feed = Feed(fd, self, unique=unique)
        self.taken = 0  # lines that have a result to come, or have it
        self.order: InOrder[Named] = InOrder()

    def results(self, *, wake: int | None = None, to_the_end: bool = False) -> Iterator[list[Named]]:
        """The results as they come, in lists; wake, to_the_end: as of Engine.run. Raises LocalFailure."""
        for came in self.engine.run(self.feed, wake=wake, to_the_end=to_the_end):
            ready: list[Line] = []
            further: list[Task] = []
            for one in came:
                if self.times and one.server:
                    self.times.add(one.elapsed_ms / 1000)
                assert isinstance(one.task, OfLine)
                line = one.task.line
                task = None if line.named else self._next(line, one.resolution)
                while task and task.known:
                    task = self._next(line, task.known)
                if task:
                    further.append(task)
                else:
                    ready.append(line)
            self.engine.add(further)
            yield self._in_order(ready)

    def stop(self) -> None:
        self.engine.stop()

    def close(self) -> None:
        """Of a run that is not begun."""
        self.engine.selector.close()

    # --- what lines ask

    def usual(self, lines: Iterator[bytes], most: int, found: list[Task]) -> tuple[int, bytes | None]:
        """No line is made short work of; see `feed.Parse`."""
        line = next(lines, None)
        return (0, None) if line is None else (1, line)

    def tasks(self, line: bytes) -> Iterator[Task]:
        """The first question of a line without its LF; for a network, of each address."""
        if self.marker and line == self.marker:
            yield self._bad(line.decode(), BadInput("a mark"))
            return
        text = without_comment(line.decode("utf-8", "surrogateescape"))
        if not text:
            return
        written = text
        if self.lenient:
            text = host_of(text)
        if len(line) >= MAX_LINE:
            yield self._bad(written, BadInput(f"the line has more than {MAX_LINE} octets"))
        elif is_ip(text):
            yield self._begun(written, text, of_address(text))
        elif "/" in text and (network := parse_network(text)) is not None:
            if network.num_addresses > MAX_NETWORK:
                yield self._bad(written, too_large(text))
                return
            for address in map(str, network):
                yield self._begun(address, address, of_address(address))
        else:
            try:
                if "," in text:
                    raise BadInput(f"{text!r} is more than a name or an address: types and servers are for resolve -i")
                parse_name(text)
            except BadInput as exc:
                yield self._bad(written, exc)
                return
            if known := naming.localhost(text):
                yield self._settled(Named(known._replace(input=written), Status.NONE), Outcome.ANSWER)
            else:
                yield self._begun(written, text, of_name(text, candidates(text, self.search, self.ndots)))

    def _begun(self, written: str, text: str, steps: Steps) -> OfLine:
        task = self._ask(Line(self._place(), written, steps), *next(steps))
        task.key = text.lower()
        return task

    def left_out(self, task: Task) -> None:
        """A line that came before has no result, and none waits for it."""
        assert isinstance(task, OfLine)
        if not self.ordered:
            return
        self.order.add(task.line.place, None)

    def _bad(self, text: str, exc: BadInput) -> OfLine:
        return self._settled(
            Named(naming.Fqdn(text, None, None, Exit.USAGE, detail=reason(exc)), Outcome.BADNAME), Outcome.BADNAME
        )

    def _settled(self, named: Named, outcome: Outcome) -> OfLine:
        """The task of a line that asks nothing."""
        text = named.found.input or ""
        task = OfLine(text, text, b"", 0, (), harmless=False)
        task.line = Line(self._place(), text, named=named)
        task.known = Resolution(text, text, "", outcome, "special")
        return task

    def _place(self) -> int:
        self.taken += 1
        return self.taken - 1

    # --- from an answer to the next question

    def _next(self, line: Line, resolution: Resolution) -> OfLine | None:
        """What follows from an answer: a question, or the result of the line."""
        line.spent += resolution.elapsed_ms / 1000
        assert line.steps
        if resolution.outcome is not Outcome.INTERRUPTED:
            try:
                wanted = line.steps.send(resolution)
            except StopIteration as end:
                named: Named = end.value
                line.named = named._replace(found=named.found._replace(input=line.text))
                return None
            if not self.engine.stopped:
                return self._ask(line, *wanted)
        line.steps.close()
        line.named = Named(
            naming.Fqdn(line.text, None, None, Exit.INTERRUPTED, detail=Outcome.INTERRUPTED.value), Outcome.INTERRUPTED
        )
        return None

    def _ask(self, line: Line, name: str, rdtype: int) -> OfLine:
        """The task of a question; it is `known` where nobody is to be asked."""
        wire = parse_name(reverse_name(name) if rdtype == PTR else name)
        task = OfLine(line.text, to_text(wire), wire + rdtype.to_bytes(2) + CLASS_IN, rdtype, self.route, False)
        task.line = line
        task.spent = line.spent
        if not self.straight and self._may_be_local(name) and (known := known_locally(name, self.hosts)):
            task.known = next(one for one in known if one.type == type_name(rdtype))
        elif line.spent >= self.engine.settings.timeout:
            task.known = Resolution(name, task.name, type_name(rdtype), Outcome.TIMEOUT, "dns")
        return task

    def _may_be_local(self, name: str) -> bool:
        """Whether it is worth a search of the hosts file, or the name is a special one (RFC 6761)."""
        if is_ip(name):
            address = canonical_ip(name)
            return address in self.in_hosts or address in LOOPBACK.values()
        bare = name.lower().rstrip(".")
        return not bare.isascii() or bare in self.in_hosts or bare.rpartition(".")[2] in TOPS

    def _in_order(self, lines: list[Line]) -> list[Named]:
        """The results to hand out now."""
        if not self.ordered:
            return [line.named for line in lines if line.named]
        for line in lines:
            self.order.add(line.place, line.named)
        ready = self.order.ready()
        self.engine.full = len(self.order.held) >= HELD
        return ready
