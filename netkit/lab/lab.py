"""The lab: every service in one process and one event loop, on loopback, with nothing to set up or clean up."""

import asyncio
import resource
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import dns.name

from netkit.errors import BadInput, LocalFailure
from netkit.events import OnEvent
from netkit.lab.chat import ChatService
from netkit.lab.dns.responder import Responder
from netkit.lab.dns.server import Dns
from netkit.lab.dns.signing import trust_anchor
from netkit.lab.dns.zones import load
from netkit.lab.echo import EchoService, HelloService
from netkit.lab.event import Event, OnLog
from netkit.lab.http.server import Http
from netkit.lab.mail.faults import Rule, Rules
from netkit.lab.mail.maildir import Maildir
from netkit.lab.mail.service import NAMES, LmtpService, Pop3Service, SmtpService
from netkit.lab.mail.store import Store
from netkit.lab.service import Port, Service, Shared
from netkit.net.address import Endpoint, parse_host
from netkit.net.ca import Authority
from netkit.net.inherit import Inherited
from netkit.net.listen import Listening, listen

SERVICES: tuple[type[Service], ...] = (
    Dns,
    Http,
    EchoService,
    HelloService,
    ChatService,
    SmtpService,
    LmtpService,
    Pop3Service,
)  # a new service is its module and its name here

LOOPBACK = ("127.0.0.1", "::1")
PORTS: Mapping[str, int] = {port.name: port.number for service in SERVICES for port in service.ports}
FREE: Mapping[str, int] = dict.fromkeys(PORTS, 0)
MIN_FILES = 128  # descriptors: 92 for the event loop and the sockets, some for clients; uvloop aborts without


class Lab:
    """Used as `async with`: inside, every service listens; leaving it closes everything.

    bind: the addresses, those of loopback by default. ports: by name, 0 for any free one; FREE by default, PORTS are
    the well-known ones. zones: zone files to serve besides lab.test. inherited: sockets from a parent, by port name,
    in place of opening one. faults: what is to go wrong with mail. maildir: a folder to keep it in.
    on_log gets an `Event` for everything that happens, on_event the steps at the socket.

    Making one raises BadInput and LocalFailure for what is wrong with a zone or the maildir, or too few descriptors;
    entering it, for what cannot be bound.
    """

    def __init__(
        self,
        *,
        bind: Sequence[str] = (),
        ports: Mapping[str, int] | None = None,
        zones: Sequence[Path] = (),
        inherited: Sequence[Inherited] = (),
        faults: Sequence[Rule] = (),
        maildir: str | None = None,
        on_log: OnLog | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        _check_files()
        self._hosts = [parse_host(host) for host in bind] or [(host, "") for host in LOOPBACK]
        self._bound_to = bool(bind)
        self._missing: list[tuple[str, str]] = []
        self._ports = {**FREE, **(ports or {})}
        self._inherited = _by_name(inherited)
        self._on_log = on_log
        self.store = Store(Maildir(maildir) if maildir else None)
        ca = Authority()
        mail = ca.issue(NAMES)
        shared = Shared(self._log if on_log else None, on_event, ca, self.store, Rules(faults), mail)
        self._shared = replace(shared, dns=Responder(shared, load(zones, mail_key=mail.key_sha256)))
        self._services = [service(self._shared) for service in SERVICES]
        self._stack = AsyncExitStack()
        self.stopped = asyncio.Event()
        self.failure: BaseException | None = None
        self.listening: dict[str, list[Listening]] = {}
        self.environment: dict[str, str] = {}

    async def __aenter__(self) -> "Lab":
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(_private_folder())
            for service in self._services:
                for port in service.ports:
                    opened = self._inherited.get(port.name) or self._listen(port)
                    self.listening[port.name] = list(opened)
                    for each in opened:
                        stack.callback(each.close)
            for service in self._services:
                stack.push_async_callback(service.stop)
                await service.start(self.listening)
            self._describe(folder)
            self._stack = stack.pop_all()
        for line, (name, url) in zip(self.addresses, self._urls(), strict=True):
            self._shared.log(name, "listening", address=url, summary=line)
        for name, host in self._missing:
            self._shared.log(name, "failed", summary=f"this machine has no {host}: the lab is without that server")
        if self.store.left_out:
            self._shared.log("lab", "failed", summary=f"{self.store.left_out} messages of the maildir are too many")
        self._shared.log(
            "lab", "ready", summary=_shell(self.environment), environment=self.environment, tries=self.tries
        )
        return self

    def _listen(self, port: Port) -> list[Listening]:
        also = () if self._bound_to else port.also
        opened = listen(
            [
                Endpoint("tcp", host, self._ports[port.name], zone)
                for host, zone in [*self._hosts, *((host, "") for host in also)]
            ],
            transports=list(port.schemes),
            skip_unavailable=() if self._bound_to else ("::1", *also),  # to lack one is no mistake of the user's
            on_event=self._shared.on_event,
        )
        found = {each.endpoint.host for each in opened}
        self._missing += [(port.name, host) for host in also if host not in found]
        return opened

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._shared.log("lab", "stopping", summary="the lab stops")
        await self._stack.aclose()

    async def serve(self) -> None:
        """Wait until `stop` is called. Raises what on_log raised: a log that cannot be written ends the lab."""
        await self.stopped.wait()
        if self.failure:
            raise self.failure

    def stop(self) -> None:
        self.stopped.set()

    @property
    def addresses(self) -> list[str]:
        """One line for each socket, `NAME URL`, as the ready line says it."""
        return [f"{name} {url}" for name, url in self._urls()]

    @property
    def tries(self) -> list[str]:
        """Commands worth typing while the lab runs."""
        return [line for service in self._services for line in service.tries(self.environment)]

    def _log(self, event: Event) -> None:
        """Hand an event on. An error there is not the affair of the server that reports: it ends the whole lab."""
        assert self._on_log is not None
        if self.failure is None:
            try:
                self._on_log(event)
            except Exception as exc:
                self.fail(exc)

    def fail(self, exc: Exception) -> None:
        """End the lab with this error: `serve` raises it."""
        if self.failure is None:
            self.failure = exc
        self.stop()

    def _urls(self) -> list[tuple[str, str]]:
        return [
            (port.name, f"{port.schemes[each.transport]}://{each.endpoint}")
            for service in self._services
            for port in service.ports
            for each in self.listening[port.name]
        ]

    def _describe(self, folder: Path) -> None:
        (folder / "ca.pem").write_bytes(self._shared.ca.pem)
        (folder / "trust.anchor").write_text(trust_anchor(), encoding="ascii")
        first = {name: str(_reachable(opened[0].endpoint)) for name, opened in self.listening.items() if opened}
        for service in self._services:
            self.environment |= service.environment(first)
        self.environment["NETKIT_LAB_CA"] = str(folder / "ca.pem")
        self.environment["NETKIT_LAB_ANCHOR"] = str(folder / "trust.anchor")
        if "NETKIT_LAB_ROOT" in self.environment:
            (folder / "root.anchor").write_text(trust_anchor(dns.name.root), encoding="ascii")
            self.environment["NETKIT_LAB_ROOT_ANCHOR"] = str(folder / "root.anchor")


def _check_files() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < MIN_FILES:
        raise LocalFailure(
            f"{limit} open files are too few for the lab's servers",
            kind="descriptors",
            hint="ulimit -n 256 allows more",
        )


def _reachable(endpoint: Endpoint) -> Endpoint:
    """Where a client on this machine connects to reach it: a wildcard is no address to connect to."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(endpoint.host, endpoint.host)
    return Endpoint(endpoint.scheme, host, endpoint.port, endpoint.zone, endpoint.path)


def _by_name(inherited: Sequence[Inherited]) -> dict[str, list[Listening]]:
    """The handed-over sockets of each port. Raises BadInput for one that has no port's name, or the wrong type."""
    transports = {port.name: port.schemes for service in SERVICES for port in service.ports}
    found: dict[str, list[Listening]] = {}
    for each in inherited:
        if each.name not in transports:
            raise BadInput(
                f"LISTEN_FDNAMES: {each.name or 'unnamed'!r} is no service of the lab",
                hint="the names are " + ", ".join(transports),
            )
        if each.listening.transport not in transports[each.name]:
            raise BadInput(f"LISTEN_FDNAMES: {each.name} does not serve on {each.listening.transport}")
        found.setdefault(each.name, []).append(each.listening)
    return found


def _shell(environment: Mapping[str, str]) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())


class _private_folder:
    """A temporary folder for what is to be trusted, for this user alone, gone at the end."""

    def __enter__(self) -> Path:
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="netkit-lab-", ignore_cleanup_errors=True)
        except OSError as exc:
            raise LocalFailure(f"cannot make a temporary folder: {exc.strerror}", kind="unwritable") from exc
        return Path(self._folder.name)

    def __exit__(self, *exc: object) -> None:
        with suppress(OSError):
            self._folder.cleanup()
