"""Failures of the lab's mail servers, exact and repeatable: where they happen, and what happens there.

A place is [SERVICE.]STAGE[#COUNT] [PATTERN]:

    rcpt                    each RCPT, by SMTP and LMTP
    rcpt *@bad.test         those of such an address (fnmatch, in any case of letters)
    mail#1                  the first one in the lab's life; #2-4, #3- (from the third), #-2 (the first two)
    pop3.quit               where SMTP and POP3 have a stage of that name, one of them

What the pattern is compared with: the address of MAIL and RCPT, the name in EHLO, the mechanism of AUTH, what stands
behind any other command; at `dot`, the end of a message, the recipients. `ehlo` is HELO and LHLO as well, `data` also
BDAT, `banner` the greeting.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from netkit.errors import BadInput
from netkit.mail.fault import Fault

SMTP = ("banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot", "rset", "noop", "vrfy", "quit")
POP3 = (
    *("banner", "capa", "user", "pass", "apop", "auth", "stls"),
    *("stat", "list", "uidl", "retr", "top", "dele", "rset", "noop", "quit"),
)
STAGES = {"smtp": SMTP, "lmtp": SMTP, "pop3": POP3}
MAX_REPLY = 500  # bytes; RFC 5321 section 4.5.3.1.5 says 512 with the line end
_PLACE = re.compile(r"(?:([a-z0-9]+)\.)?([a-z]+)(?:#(\d{1,9})?(?:(-)(\d{1,9})?)?)?(?: +(\S.*))?", re.IGNORECASE)


@dataclass(slots=True)
class Rule:
    """A place and what is wrong there; `seen` counts how often it was come by. Made by `on`, `drop` and `delay`."""

    services: tuple[str, ...]
    stage: str
    first: int
    last: int | None
    pattern: str
    fault: Fault
    seen: int = 0

    def matches(self, service: str, stage: str, arguments: Sequence[str]) -> bool:
        if stage != self.stage or service not in self.services:
            return False
        if self.pattern and not any(fnmatchcase(each.lower(), self.pattern) for each in arguments):
            return False
        self.seen += 1
        return self.first <= self.seen and (self.last is None or self.seen <= self.last)


class Rules:
    """All that is to go wrong: of several rules that hold, the first that waits and the first with a reply count."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def find(self, service: str, stage: str, arguments: Sequence[str]) -> Fault:
        hold = [rule.fault for rule in self._rules if rule.matches(service, stage, arguments)]
        return Fault(
            next((fault.reply for fault in hold if fault.reply), ""),
            next((fault.wait for fault in hold if fault.wait), 0.0),
            any(fault.drop for fault in hold),
        )


def on(place: str, reply: str) -> Rule:
    """Say the reply there: `550 5.1.1 no` for SMTP and LMTP, `-ERR no` for POP3. Raises BadInput."""
    where = f"--on {place!r} {reply!r}"
    if re.fullmatch(r"[2-5][0-9][0-9](?: .*)?", reply):
        speak: tuple[str, ...] = ("smtp", "lmtp")
    elif re.fullmatch(r"(?:\+OK|-ERR)(?: .*)?", reply):
        speak = ("pop3",)
    else:
        raise BadInput(f"{where}: {reply!r} is no reply", hint="SMTP's is like '550 5.1.1 no', POP3's like '-ERR no'")
    if not reply.isprintable() or len(reply.encode("utf-8", "replace")) > MAX_REPLY:
        raise BadInput(f"{where}: a reply is one line of at most {MAX_REPLY} bytes without control characters")
    rule = _rule(where, place, Fault(reply=reply))
    rule.services = tuple(service for service in rule.services if service in speak)
    if not rule.services:
        raise BadInput(f"{where}: {reply!r} is no reply of {'SMTP' if 'pop3' in speak else 'POP3'}'s {rule.stage}")
    return rule


def drop(place: str) -> Rule:
    """Hang up there, without an answer. Raises BadInput."""
    return _rule(f"--drop {place!r}", place, Fault(drop=True))


def delay(place: str, seconds: float) -> Rule:
    """Answer so much later there. Raises BadInput."""
    return _rule(f"--delay {place!r}", place, Fault(wait=seconds))


def _rule(where: str, place: str, fault: Fault) -> Rule:
    found = _PLACE.fullmatch(place.strip())
    if found is None:
        raise BadInput(f"{where}: a place is [SERVICE.]STAGE[#COUNT] [PATTERN], as in 'rcpt#1 *@bad.test'")
    service, stage, low, dash, high, pattern = found.groups()
    stage = stage.lower()
    if service and service.lower() not in STAGES:
        raise BadInput(f"{where}: {service!r} is no mail service of the lab", hint="it has " + ", ".join(STAGES))
    candidates = (service.lower(),) if service else tuple(STAGES)
    services = tuple(name for name in candidates if stage in STAGES[name])
    if not services:
        known = STAGES[service.lower()] if service else dict.fromkeys((*SMTP, *POP3))
        raise BadInput(f"{where}: there is no stage {stage!r}", hint="the stages are " + ", ".join(known))
    if "#" in place.split()[0] and not (low or high):
        raise BadInput(f"{where}: a count is #1, #2-4, #3- or #-2")
    first = int(low or 1)
    last = int(high) if high else None if dash else int(low) if low else None
    if not first or (last is not None and last < first):
        raise BadInput(f"{where}: a count goes upwards from 1")
    return Rule(services, stage, first, last, (pattern or "").lower(), fault)
