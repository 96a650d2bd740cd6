"""`resolve()`: names and addresses to records, by the sources that programs on this machine use, or by DNS alone.

A bare name goes through the special names of RFC 6761, then the hosts file, then DNS for A and AAAA; a bare address
means PTR. A server, a type, a way to ask or `dns=True` goes straight to DNS, `system=True` to getaddrinfo(3). Aliases
are followed, also with new queries where a server leaves their target out. All names are checked before anything is
sent.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from netkit.dns import hosts as hosts_file
from netkit.dns import special
from netkit.dns.name import is_ip, parse_name, reverse_name, to_text
from netkit.dns.result import Outcome, Question, Record, Resolution
from netkit.dns.types import AAAA, ANY, COMMON, IN, PTR, RRSIG, TXT, A, parse_type
from netkit.errors import BadInput, Exit, combine
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    from netkit.dns.wire import QueryOptions
    from netkit.net.tls_client import Security

TIMEOUT = 6.0
AT_ONCE = 50  # names asked together; each type of each is a socket, and a process has 1,024


class Lookup(NamedTuple):
    """All that came of one name: a Resolution for each type, and the exit code they make together.

    idn: whether names may be shown in Unicode.
    """

    input: str
    resolutions: tuple[Resolution, ...]
    types_asked: bool = False  # by name, so that each counts; of the default pair one answer is enough
    idn: bool = True

    @property
    def exit(self) -> Exit:
        if self.types_asked:
            return combine(one.exit for one in self.resolutions)
        codes = [one.exit for one in self.resolutions]
        if Exit.SECURITY in codes:  # one type is forged: the other is no comfort
            return Exit.SECURITY
        if Exit.OK in codes:
            return Exit.OK
        return next((code for code in codes if code is not Exit.NO), Exit.NO)


def resolve(
    names: Sequence[str],
    *,
    types: Sequence[str] = (),
    common: bool = False,
    servers: Sequence[str] = (),
    dns: bool = False,
    system: bool = False,
    tcp: bool = False,
    version: int | None = None,
    search: bool = False,
    idn: bool = True,
    timeout: float = TIMEOUT,
    tries: int | None = None,
    options: "QueryOptions | None" = None,
    hosts: str | None = None,
    resolv_conf: str | None = None,
    validate: bool = False,
    trust_anchor: str | None = None,
    security: "Security | None" = None,
    on_event: OnEvent | None = None,
) -> Iterator[Lookup]:
    """One Lookup a name, in their order.

    names: names or IP addresses. types: record types, "MX", "TYPE65"; none means A and AAAA, for an address PTR, and
    outside the class IN TXT. common: the types that most zones have, besides. servers: "192.0.2.1", "[::1]:5300",
    "ns.example", "system"; none means those of resolv.conf(5). version: 4 or 6, servers with such an address alone.
    search: a short name may be one of the search list's. idn: False sends what is not ASCII as it stands. timeout:
    seconds for each name, all told. tries: how often a silent server is asked; None is 3, or what resolv.conf says of
    its own servers. options: how it is asked; not the usual goes straight to DNS. hosts, resolv_conf: other files than
    the system's. validate: with the verdict of DNSSEC, from the trust anchors of a file or those of the root down.
    security: how the certificates of servers asked over TLS, HTTPS or QUIC are verified. Raises BadInput before
    anything is sent, Unreachable for a server name without address, LocalFailure without a resolver configuration or
    descriptors; what the servers say is an Outcome.
    """
    straight = bool(servers or types or common or dns or tcp or version or options is not None or validate)
    if system and tries is not None:
        raise BadInput("--system asks the system's resolver, which knows by itself how often: --tries is not for it")
    if system and (straight or search):
        raise BadInput("--system asks the system's resolver: it takes no server, type, --dns or --tcp, nor how to ask")
    numbers = tuple(dict.fromkeys(parse_type(text) for text in (*types, *(COMMON if common else ()))))
    if options is not None and options.rdclass not in (IN, ANY):
        numbers = numbers or (TXT,)
    anchors = None
    if validate:
        from netkit.dns.validate.anchors import load_anchors  # 80 ms of CPU, with what checks signatures

        if RRSIG in numbers or (options is not None and (options.rdclass != IN or not options.edns)):
            raise BadInput("--validate takes neither RRSIG, which nobody signs, nor another class, nor --no-edns")
        anchors = load_anchors(trust_anchor)
    if servers:
        from netkit.dns.servers import check

        check(servers)
    wanted = [(name, questions_of(name, numbers, idn)) for name in names]
    if system:
        from netkit.dns.system import resolve_system

        for name, _ in wanted:
            yield Lookup(name, resolve_system(name, deadline=Deadline.after(timeout), on_event=on_event))
        return
    links = None
    try:
        for start in range(0, len(wanted), AT_ONCE):
            chunk = wanted[start : start + AT_ONCE]
            local: dict[int, tuple[Resolution, ...]] = {}
            if not straight:
                lines = hosts_file.read_hosts(hosts)
                local = {at: known for at, (name, _) in enumerate(chunk) if (known := known_locally(name, lines))}
            asking = [one for at, one in enumerate(chunk) if at not in local]
            if asking:
                from netkit.dns.asking import Asking  # 10 ms of CPU that names known on this machine do not pay
                from netkit.dns.link import Links

                links = links or Links(security)
                asked = Asking(
                    servers=servers, version=version, search=search, idn=idn, tcp=tcp, tries=tries, options=options,
                    resolv_conf=resolv_conf, deadline=Deadline.after(timeout), anchors=anchors, links=links,
                    on_event=on_event,
                )  # fmt: skip
                found = iter(asked.all([questions for _, questions in asking]))
            for at, (name, _) in enumerate(chunk):
                yield Lookup(name, local.get(at) or next(found), types_asked=bool(types) and not common, idn=idn)
    finally:
        if links:
            links.close()


def questions_of(text: str, numbers: tuple[int, ...], idn: bool) -> list[Question]:
    if is_ip(text):
        if any(number != PTR for number in numbers):
            raise BadInput(f"{text} is an address: only PTR can be asked for it")
        name, numbers = parse_name(reverse_name(text)), (PTR,)
    else:
        try:
            name = parse_name(text, idn=idn)
        except BadInput as exc:
            raise BadInput(exc.message, kind="badname", hint=exc.hint) from None
        numbers = numbers or (A, AAAA)
    return [Question(text, name, number) for number in numbers]


def known_locally(text: str, lines: tuple[hosts_file.Line, ...]) -> tuple[Resolution, ...] | None:
    """What the special names and the hosts file say; None when DNS is to be asked."""
    if is_ip(text):
        name = reverse_name(text)
        if names := hosts_file.names_of(text, lines):
            records = tuple(Record(name, "PTR", None, f"{one}.") for one in names)
            return (Resolution(text, name, "PTR", Outcome.ANSWER, "hosts", records),)
        if known := special.name_of(text):
            return (
                Resolution(text, name, "PTR", Outcome.ANSWER, "special", (Record(name, "PTR", None, f"{known}."),)),
            )
        return None
    name = to_text(parse_name(text))
    bare = name.removesuffix(".")
    try:
        data = {kind: special.data_of(bare, kind) for kind in ("A", "AAAA")}
    except LookupError as exc:
        return tuple(
            Resolution(text, name, kind, Outcome.NXDOMAIN, "special", detail=str(exc)) for kind in ("A", "AAAA")
        )
    if data["A"] is not None:
        return tuple(_found(text, name, kind, "special", values or ()) for kind, values in data.items())
    if addresses := hosts_file.addresses_of(bare, lines):
        v4 = tuple(one for one in addresses if ":" not in one)
        v6 = tuple(one for one in addresses if ":" in one)
        return (_found(text, name, "A", "hosts", v4), _found(text, name, "AAAA", "hosts", v6))
    return None


def _found(text: str, name: str, kind: str, source: str, values: Sequence[str]) -> Resolution:
    records = tuple(Record(name, kind, None, value) for value in values)
    outcome = Outcome.ANSWER if records else Outcome.NODATA
    assert source in ("special", "hosts")
    return Resolution(text, name, kind, outcome, "hosts" if source == "hosts" else "special", records, name)
