"""`look_up()`: lines in, a result for each (line, type) out."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from netkit.dns import hosts as hosts_file
from netkit.dns.asking import ip_version
from netkit.dns.bulk.engine import FOR_A_LINE, Engine, Settings
from netkit.dns.bulk.feed import Feed
from netkit.dns.bulk.lines import Candidates, Lines
from netkit.dns.bulk.searching import Searching
from netkit.dns.bulk.task import Result
from netkit.dns.bulk.upstream import Upstream
from netkit.dns.lookup import known_locally
from netkit.dns.result import Resolution
from netkit.dns.servers import SYSTEM, Server, check, find
from netkit.dns.types import AAAA, ANY, IN, TXT, A, parse_type
from netkit.dns.wire import USUAL
from netkit.errors import BadInput, LocalFailure, NetkitError, Unreachable
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    from netkit.net.histogram import Histogram

FOR_A_NAME = 2.0  # seconds to look up a server that a line names; the run stands still meanwhile


class Run:
    """Names being looked up: iterate `results()`, call `stop()` to end early. feed, engine: what was read and sent."""

    def __init__(
        self,
        fd: int,
        *,
        types: Sequence[str] = (),
        servers: Sequence[str] = (),
        dns: bool = False,
        settings: Settings = Settings(),  # noqa: B008 - it never changes
        unique: bool = False,
        lenient: bool = False,
        search: bool = False,
        version: int | None = None,
        idn: bool = True,
        hosts: str | None = None,
        resolv_conf: str | None = None,
        on_event: OnEvent | None = None,
        marker: bytes = b"",
        times: "Histogram | None" = None,
    ) -> None:
        """fd: where the lines are read. types: those of a name without its own, A and AAAA unless given; servers: as
        of `netkit.dns.resolve`, for lines without their own. dns: not the hosts file and special names, as with
        a server, a type or settings.tcp. unique, lenient: see Feed and Lines. search: a
        short name may be one of the search list's. times: gets how long each question
        took that a server decided.

        Raises BadInput for a type or server, Unreachable for a server without address, LocalFailure without a
        resolver configuration where no line names a server.
        """
        numbers = tuple(dict.fromkeys(parse_type(text) for text in types))
        numbers = numbers or ((A, AAAA) if settings.options.rdclass in (IN, ANY) else (TXT,))
        check(servers)
        trusted(settings)
        self.version = version
        self.resolv_conf = resolv_conf
        self.engine = Engine(settings._replace(ordered=settings.ordered and not search), on_event)
        self.searching = Searching(self.engine, ordered=settings.ordered, idn=idn) if search else None
        self.known: dict[tuple[str, ...], tuple[Upstream, ...] | NetkitError] = {}
        route: tuple[Upstream, ...] = ()
        try:
            deadline = Deadline.after(settings.timeout)
            found = find(servers, deadline=deadline, resolv_conf=resolv_conf)
        except LocalFailure as exc:  # unless each line names a server
            self.engine.no_route = exc
        else:
            route = self.engine.route(self._fit(found))
        enough_to_confirm(route, settings)
        straight = bool(dns or servers or types or version or settings.tcp or settings.options != USUAL)
        lines = () if straight else hosts_file.read_hosts(hosts)

        def local(text: str) -> Sequence[Resolution] | None:
            return known_locally(text, lines)

        parse = Lines(
            numbers,
            route,
            self._route,
            rdclass=settings.options.rdclass,
            lenient=lenient,
            idn=idn,
            marker=marker,
            search=search_list(resolv_conf) if search else None,
            hosts=lines,
            local=None if straight else local,
        )
        self.feed = Feed(fd, parse, unique=unique)
        self.times = times

    def results(self, *, wake: int | None = None, to_the_end: bool = False) -> Iterator[list[Result]]:
        """As they come, in lists; wake, to_the_end: as of Engine.run. Raises LocalFailure."""
        came = self.engine.run(self.feed, wake=wake, to_the_end=to_the_end)
        if self.searching:
            came = self.searching.results(came)
        return came if self.times is None else self._timed(came, self.times)

    def _timed(self, came: Iterator[list[Result]], times: "Histogram") -> Iterator[list[Result]]:
        for results in came:
            for one in results:
                if one.server:
                    times.add(one.elapsed_ms / 1000)
            yield results

    def close(self) -> None:
        """Of a run that is not begun."""
        self.engine.selector.close()

    def stop(self) -> None:
        self.engine.stop()

    def _fit(self, found: tuple[Server, ...]) -> tuple[Server, ...]:
        """Those with an address of the version that is wanted. Raises Unreachable without any, LocalFailure where what
        one of them needs is not installed."""
        able(found)
        fit = tuple(one for one in found if self.version in (None, ip_version(one.host)))
        if not fit:
            raise Unreachable(f"no server has an IPv{self.version} address: {', '.join(map(str, found))}")
        return fit

    def _route(self, texts: Sequence[str]) -> tuple[Upstream, ...]:
        """The servers that a line names, looked up once. Raises BadInput, Unreachable, TimedOut."""
        key = tuple(texts)
        if key not in self.known:
            try:
                if SYSTEM in key and len(key) == 1 and self.engine.no_route:
                    raise self.engine.no_route
                found = find(key, deadline=Deadline.after(FOR_A_NAME), resolv_conf=self.resolv_conf)
                self.known[key] = self.engine.route(self._fit(found), FOR_A_LINE)
            except NetkitError as exc:
                self.known[key] = exc
        known = self.known[key]
        if isinstance(known, NetkitError):
            raise known
        return known


def search_list(resolv_conf: str | None) -> Candidates:
    """What gives the names that a name may mean, by resolv.conf(5)."""
    from netkit.dns.resolv_conf import read_configuration, search_domains
    from netkit.dns.search import candidates

    conf = read_configuration(resolv_conf)
    domains = search_domains(conf)
    return lambda text: candidates(text, domains, conf.ndots)


def enough_to_confirm(route: Sequence[Upstream], settings: Settings) -> None:
    """Raise BadInput where there are fewer servers than are to agree that there is no answer."""
    if settings.confirm and 0 < len(route) <= settings.confirm:
        raise BadInput(
            f"--confirm {settings.confirm} needs {settings.confirm + 1} servers, and there is {len(route)}",
            hint="name more: -s 192.0.2.53 -s 198.51.100.53",
        )


def able(servers: Sequence[Server]) -> None:
    """Raise LocalFailure where a library that one of them needs is not there."""
    transports = {server.transport for server in servers}
    if "https" in transports:
        from netkit.net.curl import load

        load()
    if "quic" in transports:
        from netkit.dns.link_quic import load as load_quic

        load_quic()


def trusted(settings: Settings) -> None:
    """Raise BadInput about the CA file, before anybody is asked."""
    if settings.security and settings.security.cacert is not None:
        from netkit.dns.tls_session import context_of

        context_of(settings.security)
