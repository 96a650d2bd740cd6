"""What a line of the input asks: `NAME`, `NAME,TYPE...`, `NAME,TYPE...,@SERVER...`, an address, a network.

An address means its PTR, a network (`192.0.2.0/24`) the PTR of each of its addresses. `#` begins a comment, at the
start of a line or behind a space; blank lines, CR before LF and a byte order mark are passed over. A line that asks
nothing that can be asked still has its results, one for each type: outcome `badname`, with the rule it breaks.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from netkit.dns import special
from netkit.dns.bulk.quick import HARMLESS, is_harmless
from netkit.dns.bulk.task import Task
from netkit.dns.hosts import Line
from netkit.dns.name import canonical_ip, is_ip, parse_name, reverse_name, to_text
from netkit.dns.result import Outcome, Resolution
from netkit.dns.types import PTR, parse_type, type_name
from netkit.errors import BadInput, NetkitError

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from netkit.dns.bulk.upstream import Upstream

MAX_LINE = 65536  # octets that are kept of one; a name has 1,021 at most, with every octet of it escaped
MAX_NETWORK = 1 << 24  # addresses: an IPv4 /8; a larger one is a slip of the finger, and takes hours
MAX_SHOWN = 200  # characters of a line in a message about it
MAX_PARENTS = 4096  # names whose wire form is kept: of most lists few, as of `com` or of a zone that is gone through
BOM = b"\xef\xbb\xbf"
_SPECIAL = tuple(top.encode() for top in special.TOPS)
_LENGTHS = [b"", *(bytes([length]) for length in range(1, 64))]
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://([^\s/?#]*).*", re.DOTALL)

Routes = Callable[[Sequence[str]], "Sequence[Upstream]"]
Candidates = Callable[[str], Sequence[str]]
Local = Callable[[str], "Sequence[Resolution] | None"]


class Lines:
    """Makes tasks of lines.

    types: of a name without its own. route: the servers for what names none; routes gives them for those that a line
    names. rdclass: of the questions. lenient: scheme, user, port and path of a URL are stripped. idn: False sends
    what is not ASCII as it stands. marker: a line that is one of ours (see netkit.dns.bulk.jobs), whose result comes
    back with it as the input. search: gives the names that one may mean. hosts: the lines of the hosts file, and local
    what gives its answers and those of the special names; None asks DNS alone.
    """

    def __init__(
        self,
        types: Sequence[int],
        route: "Sequence[Upstream]",
        routes: Routes,
        *,
        rdclass: int = 1,
        lenient: bool = False,
        idn: bool = True,
        marker: bytes = b"",
        search: Candidates | None = None,
        hosts: Sequence[Line] = (),
        local: Local | None = None,
    ) -> None:
        self.types = types
        self.route = route
        self.routes = routes
        self.rdclass = rdclass.to_bytes(2)
        self.lenient = lenient
        self.idn = idn
        self.marker = marker
        self.search = search
        self.local = local
        names = {name.encode() for line in hosts for name in line.names} if local else set()
        self.of_hosts = names | {name + b"." for name in names}
        self.parents: dict[bytes, bytes] = {}
        self.endings = [(number, number.to_bytes(2) + self.rdclass) for number in types]

    def usual(self, lines: Iterator[bytes], most: int, found: list[Task]) -> tuple[int, bytes | None]:
        """Make tasks of lines that are nothing but a name, until there are `most`: (how many lines were taken, the
        last of them if it is something else). No line may have an octet that is not of HARMLESS, nor a label in
        punycode."""
        parents, lengths, endings, route, local = self.parents, _LENGTHS, self.endings, self.route, self.of_hosts
        if self.search:
            line = next(lines, None)
            return (0, None) if line is None else (1, line)
        add = found.append
        count = 0
        for line in lines:
            count += 1
            label, _, parent = line.partition(b".")
            size = len(label)
            behind = parents.get(parent)
            if not behind or not 0 < size < 64 or size + len(behind) > 254 or line in local:
                return count, line
            text = line.decode("ascii")
            name = text if text[-1] == "." else text + "."
            wire = lengths[size] + label + behind
            for number, ending in endings:
                add(Task(text, name, wire + ending, number, route, True))
            if len(found) >= most:
                break
        return count, None

    def tasks(self, line: bytes) -> Iterator[Task]:
        """What a line without its LF asks; nothing for a comment or a blank line."""
        line = line.strip()
        if (
            not self.search
            and not line.translate(None, HARMLESS)
            and b"xn--" not in line
            and self._parent(line.partition(b".")[2])
        ):
            found: list[Task] = []
            _, other = self.usual(iter([line]), len(self.endings), found)
            if other is None:
                return iter(found)
        return self._unusual(line)

    def _parent(self, parent: bytes) -> bytes:
        """What stands behind the first label on the wire, which the next line may have as well; empty for what is
        no name, or may be an address or a special name."""
        found = self.parents.get(parent)
        if found is None:
            labels = parent.removesuffix(b".").split(b".")
            if not all(0 < len(label) < 64 for label in labels) or 48 <= labels[-1][0] <= 57:
                return b""
            if self.local and labels[-1] in _SPECIAL:
                return b""
            if len(self.parents) >= MAX_PARENTS:
                self.parents.clear()
            found = self.parents[parent] = b"".join([_LENGTHS[len(label)] + label for label in labels]) + b"\0"
        return found

    def _may_be_local(self, name: str) -> bool:
        bare = name.removesuffix(".").encode()
        return bare in self.of_hosts or bare.rpartition(b".")[2] in _SPECIAL

    def _unusual(self, line: bytes) -> Iterator[Task]:
        text = line.decode("utf-8", "surrogateescape").strip()
        if self.marker and line == self.marker:
            yield self._bad(text, "", BadInput("a mark"))
            return
        bare = without_comment(text)
        if not bare:
            return
        cut = len(line) >= MAX_LINE
        if self.lenient and (pasted := _URL.fullmatch(bare)):  # which may have commas
            written, name, fields = bare, pasted[1], []
        else:
            name, *fields = (field.strip() for field in bare.split(","))
            written = name
        try:
            if cut:
                raise BadInput(f"the line has more than {MAX_LINE} octets")
            types = [parse_type(field) for field in fields if field and not field.startswith("@")]
            servers = [field[1:] for field in fields if field.startswith("@")]
        except BadInput as exc:
            yield self._bad(bare, "" if cut else ",".join(fields), exc)
            return
        numbers = tuple(dict.fromkeys(types))
        route = self.route
        unreached: tuple[Outcome, NetkitError] | None = None
        if servers:
            try:
                route = self.routes(servers)
            except BadInput as exc:
                unreached = Outcome.BADNAME, exc
            except NetkitError as exc:  # its name has no address
                unreached = Outcome.UNREACHABLE, exc
        for task in self._asked(written, host_of(name) if self.lenient else name, numbers, route, servers):
            if unreached and task.known is None:
                outcome, why = unreached
                task.known = Resolution(task.text, task.name, type_name(task.type), outcome, "dns", detail=reason(why))
            yield task

    def _asked(
        self, written: str, name: str, types: Sequence[int], route: "Sequence[Upstream]", servers: Sequence[str]
    ) -> Iterator[Task]:
        if "/" in name and (network := parse_network(name)) is not None:
            if network.num_addresses > MAX_NETWORK:
                yield self._bad(written, "PTR", too_large(name))
                return
            for address in network:
                yield from self._address(str(address), str(address), types, route, straight=bool(types or servers))
        elif is_ip(name):
            yield from self._address(written, name, types, route, straight=bool(types or servers))
        else:
            yield from self._name(written, name, types, route, servers)

    def _address(
        self, written: str, address: str, types: Sequence[int], route: "Sequence[Upstream]", *, straight: bool
    ) -> Iterator[Task]:
        for number in types or (PTR,):
            if number != PTR:
                yield self._bad(written, type_name(number), BadInput("it is an address: only PTR can be asked for it"))
                continue
            wire = parse_name(reverse_name(address))
            task = self._task(written, wire, PTR, route)
            if self.local and not straight and (known := self.local(canonical_ip(address))):
                task.known = known[0]._replace(input=written)
            yield task

    def _name(
        self, written: str, name: str, types: Sequence[int], route: "Sequence[Upstream]", servers: Sequence[str]
    ) -> Iterator[Task]:
        numbers = types or self.types
        try:
            wire = parse_name(name, idn=self.idn)
        except BadInput as exc:
            yield from (self._bad(written, type_name(number), exc) for number in numbers)
            return
        text = to_text(wire)
        known = None
        if self.local and not (types or servers) and self._may_be_local(text):
            known = {one.type: one for one in self.local(name) or ()}
        if self.search and not known and "\\" not in name and len(names := self.search(name)) > 1:
            from netkit.dns.bulk.search import Search

            yield from Search(written, names, tuple(dict.fromkeys(numbers)), self.rdclass, route).tasks(self.idn)
            return
        for number in numbers:
            task = self._task(written, wire, number, route)
            if known and type_name(number) in known:
                task.known = known[type_name(number)]._replace(input=written)
            yield task

    def _task(self, written: str, wire: bytes, rdtype: int, route: "Sequence[Upstream]") -> Task:
        name = to_text(wire)
        harmless = is_harmless(written) and is_harmless(name) and "xn--" not in name and name != "."
        return Task(written, name, wire + rdtype.to_bytes(2) + self.rdclass, rdtype, route, harmless)

    def _bad(self, text: str, rdtype: str, exc: BadInput) -> Task:
        task = Task(text, text, b"", 0, (), harmless=False)
        task.known = Resolution(text, text, rdtype, Outcome.BADNAME, "dns", detail=reason(exc))
        return task

    def left_out(self, task: Task) -> None:
        """Nothing waits for it; see `feed.Parse`."""


def host_of(pasted: str) -> str:
    """The host of what was pasted: without scheme, user, port, path and brackets."""
    url = _URL.fullmatch(pasted)
    host = (url[1] if url else pasted).rpartition("@")[2]
    if found := re.fullmatch(r"\[([^\]]*)\](?::[0-9]+)?", host):
        return found[1]
    if found := re.fullmatch(r"([^:]*):[0-9]*", host):
        return found[1]
    return host


def reason(exc: NetkitError) -> str:
    text = exc.message if exc.hint is None else f"{exc.message}; {exc.hint}"
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def without_comment(text: str) -> str:
    """A line without its comment and the blanks around it."""
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()


def too_large(network: str) -> BadInput:
    return BadInput(f"{network} has more than {MAX_NETWORK:,} addresses")


def parse_network(text: str) -> "IPv4Network | IPv6Network | None":
    """The network that the text is, host bits or not; None when it is none."""
    import ipaddress  # 6 ms of CPU, for files with networks alone

    if not re.fullmatch(r"[0-9a-fA-F.:]+/[0-9]{1,3}", text):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
