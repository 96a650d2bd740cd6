"""What a check asks DNS, and whether the answer is proven: DNSSEC's AD flag, from a resolver that may be believed.

Believed is a resolver on this machine, one that the user named, and those of a resolv.conf(5) with `options trust-ad`:
from any other the flag is worth what the network in between is.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from netkit.dns.lookup import resolve
from netkit.dns.name import is_ip, parse_name
from netkit.dns.resolv_conf import read_configuration
from netkit.dns.result import NEGATIVE, Outcome, Resolution
from netkit.errors import BadInput, Exit, NetkitError
from netkit.events import OnEvent
from netkit.mail.smtp.check.findings import Finding, finding
from netkit.mail.smtp.mx import failed
from netkit.net.deadline import Deadline

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.DOTALL)


class Answer(NamedTuple):
    """name: as asked, without the final dot. data: in presentation format. canonical: where aliases lead, or None.

    proven: DNSSEC says that it is true. missing: there is no such name at all.
    """

    name: str
    type: str
    outcome: Outcome
    data: tuple[str, ...]
    canonical: str | None
    proven: bool
    exit: Exit

    @property
    def usable(self) -> bool:
        """Whether it is an answer at all; that there is no such record is one."""
        return self.outcome is Outcome.ANSWER or self.outcome in NEGATIVE

    @property
    def missing(self) -> bool:
        return self.outcome is Outcome.NXDOMAIN

    @property
    def trouble(self) -> Finding:
        """Of an answer that is not usable."""
        said = f"{self.type} of {self.name} cannot be looked up: {self.outcome}"
        return finding("dns.failed", said, name=self.name, type=self.type, outcome=str(self.outcome))

    @property
    def error(self) -> NetkitError:
        return failed(self.name, self.type, self.exit, str(self.outcome))


class Records:
    """Asks until the deadline. servers: those of resolv.conf(5) where none is named. For several threads at once."""

    def __init__(self, servers: Sequence[str], deadline: Deadline, on_event: OnEvent | None) -> None:
        self.servers = tuple(servers)
        self.deadline = deadline
        self.on_event = on_event
        self._trusts_all = bool(servers) or read_configuration().trust_ad

    def ask(self, names: Sequence[str], *types: str) -> list[Answer]:
        """One Answer for each type of each name, in this order. Raises LocalFailure, Unreachable for a server's name.

        A name that is none, as records of other people may hold, is an Answer as well.
        """
        good = [name for name in names if _is_name(name)]
        found = iter(self._ask(good, types) if good and not self.deadline.passed else ())
        late = Outcome.TIMEOUT, Exit.TIMEOUT
        answers = []
        for name in names:
            outcome, code = late if name in good else (Outcome.BADNAME, Exit.USAGE)
            nothing = Answer(name, "", outcome, (), None, False, code)
            answers += [
                (next(found, None) if name in good else None) or nothing._replace(type=type_) for type_ in types
            ]
        return answers

    def _ask(self, names: Sequence[str], types: Sequence[str]) -> list[Answer]:
        found = resolve(
            names,
            types=[] if "PTR" in types else types,
            servers=self.servers,
            dns=True,
            timeout=self.deadline.left,
            on_event=self.on_event,
        )
        return [self._answer(one) for lookup in found for one in lookup.resolutions]

    def _answer(self, one: Resolution) -> Answer:
        bare = one.name.removesuffix(".")
        canonical = (one.canonical or "").removesuffix(".")
        alias = canonical if canonical and canonical.lower() != bare.lower() else None
        return Answer(
            bare, one.type, one.outcome, one.data, alias, "ad" in one.flags and self._trusts(one.server), one.exit
        )

    def _trusts(self, server: str | None) -> bool:
        return self._trusts_all or (server or "").startswith(("127.", "[::1]"))


def _is_name(text: str) -> bool:
    try:
        return is_ip(text) or bool(parse_name(text))
    except BadInput:
        return False


def text_of(data: str) -> str:
    """The text of a TXT record from its presentation format, its strings joined as RFC 7208 3.3 has it."""
    parts = (quoted or bare for quoted, bare in _STRING.findall(data))
    whole = "".join(
        _ESCAPE.sub(lambda found: chr(int(found[1])) if found[1].isdigit() else found[1], part) for part in parts
    )
    return whole.encode("latin-1", "replace").decode("utf-8", "backslashreplace")
