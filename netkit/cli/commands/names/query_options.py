"""The options of `resolve` that say what is asked, of whom and how, in the groups that other commands may share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from netkit.cli.groups import NONE, Group
from netkit.cli.options import OUTPUT, Cacert, Insecure, option
from netkit.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from netkit.dns.wire import QueryOptions
    from netkit.net.tls_client import Security

QUERY, SENDING, EDNS = "Query", "Servers and sending", "EDNS and signatures"
DEFAULT_CLASS = "IN"


def security(cacert: "Path | None", insecure: bool, servers: Sequence[str] | None) -> "Security | None":
    """How the certificates of these servers are verified; None as usual. servers: None where each line of an input may
    name others. Raises BadInput."""
    if cacert is None and not insecure:
        return None
    from netkit.net.tls_client import Security

    schemes = ("tls", "https", "quic")
    if servers is not None and not any(text.lower().partition("://")[0] in schemes for text in servers):
        option = "--cacert" if cacert is not None else "--insecure"
        raise BadInput(f"{option} is for servers asked over tls://, https:// or quic://")
    return Security(str(cacert) if cacert is not None else None, insecure)


class Asking(Group):
    """What is asked, and of whom."""

    types: Annotated[
        list[str],
        option("--type", "-t", metavar="TYPE", help="Record types: MX, MX,TXT, TYPE65; repeatable.", panel=QUERY),
    ] = NONE
    common: Annotated[
        bool, option("--common", help="A AAAA CNAME MX NS SOA TXT CAA HTTPS, what there is.", panel=QUERY)
    ] = False
    rdclass: Annotated[
        str, option("--class", metavar="CLASS", help="IN, CH (TXT unless -t says), HS or ANY.", panel=QUERY)
    ] = DEFAULT_CLASS
    search: Annotated[bool, option("--search", help="A short name may be one of the search list's.", panel=QUERY)] = (
        False
    )
    no_idn: Annotated[bool, option("--no-idn", help="Neither encode nor show Unicode names.", panel=QUERY)] = False
    dns: Annotated[bool, option("--dns", help="Ask DNS alone, not the hosts file.", panel=QUERY)] = False
    system: Annotated[bool, option("--system", help="Ask the system (getaddrinfo) instead.", panel=QUERY)] = False

    @property
    def all_types(self) -> list[str]:
        return [one for text in self.types for one in text.split(",")]


class Sending(Group):
    """Whom to send to, over what, from where and how often."""

    servers: Annotated[
        list[str],
        option(
            "--server",
            "-s",
            metavar="SERVER",
            help="IP, HOST:PORT, tls://HOST, https:// or quic://, system.",
            panel=SENDING,
        ),
    ] = NONE
    tcp: Annotated[bool, option("--tcp", help="Ask over TCP from the start.", panel=SENDING)] = False
    four: Annotated[bool, option("-4", help="Ask over IPv4 alone.", panel=SENDING)] = False
    six: Annotated[bool, option("-6", help="Ask over IPv6 alone.", panel=SENDING)] = False
    source: Annotated[
        str | None, option("--source", metavar="ADDRESS", help="Ask from this address.", panel=SENDING)
    ] = None
    tries: Annotated[
        int | None,
        option("--tries", metavar="N", min=1, max=20, help="Ask a silent server so often.", panel=SENDING, default="3"),
    ] = None

    cacert: Cacert = None
    insecure: Insecure = False

    def security(self, servers: Sequence[str]) -> "Security | None":
        return security(self.cacert, self.insecure, servers)

    @property
    def version(self) -> int | None:
        """The version of IP that -4 or -6 leave. Raises BadInput."""
        if self.four and self.six:
            raise BadInput("-4 and -6 exclude each other")
        return 4 if self.four else 6 if self.six else None


class Edns(Group):
    """Flags, EDNS options and the signature of the query."""

    dnssec: Annotated[bool, option("--dnssec", help="Ask for signatures too (DO).", panel=EDNS)] = False
    checking_disabled: Annotated[bool, option("--cd", help="Ask also for what is bogus (CD).", panel=EDNS)] = False
    no_recursion: Annotated[bool, option("--no-rd", help="Ask for what the server has itself.", panel=EDNS)] = False
    nsid: Annotated[bool, option("--nsid", help="Ask the server who it is.", panel=EDNS)] = False
    subnet: Annotated[
        str | None, option("--ecs", metavar="NET", help="Ask for clients there; 0: tell no subnet.", panel=EDNS)
    ] = None
    cookie: Annotated[bool, option("--cookie", help="Exchange cookies (RFC 7873).", panel=EDNS)] = False
    pad: Annotated[
        int | None,
        option(
            "--pad", metavar="N", min=0, max=4096, help="Pad to a multiple of N octets; 0: never.", panel=EDNS,
            default="128 where encrypted",
        ),
    ] = None  # fmt: skip
    payload: Annotated[
        int | None,
        option(
            "--bufsize", metavar="N", min=512, max=65535, help="Take so many octets over UDP.", panel=EDNS,
            default="1232",
        ),
    ] = None  # fmt: skip
    no_edns: Annotated[bool, option("--no-edns", help="Ask as before EDNS.", panel=EDNS)] = False
    tsig_file: Annotated[
        str | None, option("--tsig-file", metavar="FILE", help="Sign with the key in FILE.", panel=EDNS)
    ] = None

    @property
    def carried(self) -> str | None:
        """The first option given that EDNS alone can carry."""
        given = {"--dnssec": self.dnssec, "--nsid": self.nsid, "--ecs": self.subnet is not None,
                 "--cookie": self.cookie, "--pad": self.pad, "--bufsize": self.payload}  # fmt: skip
        return next((name for name, on in given.items() if on), None)

    def options(self, asking: Asking, sending: Sending) -> "QueryOptions | None":
        """What they come to; None when the question is asked as usual. Raises BadInput, LocalFailure."""
        if not self.changed and sending.source is None and asking.rdclass == DEFAULT_CLASS:
            return None
        from netkit.dns.cookies import Cookies
        from netkit.dns.edns import NSID, subnet_option
        from netkit.dns.name import is_ip
        from netkit.dns.tsig_key import read_key
        from netkit.dns.types import parse_class
        from netkit.dns.wire import UDP_PAYLOAD, QueryOptions

        if self.no_edns and (first := self.carried):
            raise BadInput(f"{first} is part of EDNS, which --no-edns leaves out")
        if sending.source is not None and not is_ip(sending.source):
            raise BadInput(f"--source {sending.source[:60]!r} is no IP address")
        extra = ((NSID, b""),) if self.nsid else ()
        return QueryOptions(
            recurse=not self.no_recursion,
            checking_disabled=self.checking_disabled,
            dnssec=self.dnssec,
            rdclass=parse_class(asking.rdclass),
            edns=not self.no_edns,
            payload=self.payload or UDP_PAYLOAD,
            extra=(*extra, subnet_option(self.subnet)) if self.subnet is not None else extra,
            pad=self.pad,
            cookies=Cookies() if self.cookie else None,
            key=read_key(self.tsig_file) if self.tsig_file is not None else None,
            source=sending.source or "",
        )


class Printing(Group):
    """The forms that `resolve` has beside JSON."""

    short: Annotated[bool, option("--short", help="Print the data alone.", panel=OUTPUT)] = False
    zone: Annotated[bool, option("--zone", help="Print lines of a zone file.", panel=OUTPUT)] = False
    tsv: Annotated[bool, option("--tsv", help="Print columns, a tab between.", panel=OUTPUT)] = False
    fields: Annotated[
        str | None, option("--fields", metavar="NAME,...", help="These columns; implies --tsv.", panel=OUTPUT)
    ] = None

    def form(self, json: bool) -> str:
        """The one that was asked for: json, tsv, zone, short, or "" for the usual. Raises BadInput for two."""
        tsv = self.tsv or self.fields is not None
        wanted = [
            name for name, given in {"json": json, "tsv": tsv, "zone": self.zone, "short": self.short}.items() if given
        ]
        if len(wanted) > 1:
            raise BadInput(f"--{wanted[0]} and --{wanted[1]} are two forms of output: choose one")
        return wanted[0] if wanted else ""
