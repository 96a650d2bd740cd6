"""MTA-STS (RFC 8461): the record, the policy behind it, and whether it allows the domain's MX hosts.

The policy is fetched as senders do: over verified HTTPS, without following a redirect (3.3), and no more than 64 kB.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netkit.errors import NetkitError, Unreachable
from netkit.mail.smtp.check.asked import Asked
from netkit.mail.smtp.check.findings import Finding, Level, finding
from netkit.mail.smtp.check.records import Records
from netkit.net.address import join
from netkit.net.deadline import Deadline

MAX_POLICY = 64 * 1024  # bytes, RFC 8461 3.2
MAX_MX = 100  # patterns of a policy that are looked at
DAY, YEAR = 86400, 31557600
PATH = "/.well-known/mta-sts.txt"
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_PATTERN = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*")


class Policy(NamedTuple):
    mode: str
    max_age: int
    mx: tuple[str, ...]


class Fetched(NamedTuple):
    status: int
    content_type: str
    body: bytes


def judge(domain: str, texts: Sequence[str], hosts: Sequence[str], records: Records, asked: Asked) -> Iterator[Finding]:
    """texts: those of _mta-sts.DOMAIN. hosts: the MX hosts of the domain."""
    ours = [text for text in texts if re.match(r"v=STSv1\s*(?:;|$)", text)]
    if not ours:
        yield finding("sts.none", "no MTA-STS record")
        return
    id = _id_of(ours[0])
    if len(ours) > 1 or id is None:
        said = f"{len(ours)} MTA-STS records, where one may be" if len(ours) > 1 else f"no valid id: {ours[0]}"
        yield finding("sts.bad-record", said, records=ours)
        return
    url = f"https://mta-sts.{domain}{PATH}"
    try:
        fetched = fetch(domain, records, asked)
    except NetkitError as exc:
        yield finding("sts.unreachable", f"no policy: {exc.message}", url=url, kind=exc.kind, status=None)
        return
    if fetched.status != 200:
        said = f"no policy: {url} answers {fetched.status}"
        yield finding("sts.unreachable", said, url=url, kind="status", status=fetched.status)
        return
    kind = fetched.content_type.partition(";")[0].strip().lower()
    if kind != "text/plain":
        yield finding("sts.content-type", f"the policy is sent as {kind or 'nothing'}", content_type=kind)
    try:
        policy = parse(fetched.body)
    except ValueError as exc:
        yield finding("sts.bad-policy", f"the policy is malformed: {exc}", url=url)
        return
    yield from _judge_policy(policy, hosts, url, id)


def _judge_policy(policy: Policy, hosts: Sequence[str], url: str, id: str) -> Iterator[Finding]:
    age = f"{policy.max_age // DAY} days" if policy.max_age >= 2 * DAY else f"{policy.max_age} s"
    said = f"mode {policy.mode}, for {age}: {', '.join(policy.mx) or 'no MX'}"
    yield finding(
        "sts.policy", said, url=url, policy_id=id, mode=policy.mode, max_age=policy.max_age, mx=list(policy.mx)
    )
    if policy.mode != "enforce":
        yield finding("sts.not-enforced", f"mode {policy.mode}: nobody refuses to deliver for it", mode=policy.mode)
    if policy.max_age < DAY:
        yield finding("sts.max-age-short", f"the policy is forgotten after {age}", max_age=policy.max_age)
    for host in hosts if policy.mode != "none" else ():
        if not any(allows(pattern, host) for pattern in policy.mx):
            said = f"{host} is not among the policy's {', '.join(policy.mx) or 'hosts'}"
            level = None if policy.mode == "enforce" else Level.warn
            yield finding("sts.mx-mismatch", said, level, host=host, mx=list(policy.mx))


def _id_of(text: str) -> str | None:
    fields = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
    id = fields.get("id", "").strip()
    return id if _ID.fullmatch(id) else None


def allows(pattern: str, host: str) -> bool:
    """`*` is one whole leftmost label (RFC 8461 4.1)."""
    pattern, host = pattern.lower(), host.lower().rstrip(".")
    return pattern == host or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])


def parse(body: bytes) -> Policy:
    """Raises ValueError with what is wrong (RFC 8461 3.2)."""
    fields: dict[str, str] = {}
    mx: list[str] = []
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    for line in re.split(r"\r?\n", text):
        if not line.strip():
            continue
        found = _FIELD.fullmatch(line)
        if found is None:
            raise ValueError(f"{line[:60]!r} is no field")
        name, value = found.groups()
        if name == "mx":
            if not _PATTERN.fullmatch(value.lower()):
                raise ValueError(f"mx: {value[:60]!r} is no name")
            mx.append(value)
        else:
            fields.setdefault(name, value)
    if fields.get("version") != "STSv1":
        raise ValueError(f"version is {fields.get('version')!r}, not STSv1")
    mode, age = fields.get("mode", ""), fields.get("max_age", "")
    if mode not in ("enforce", "testing", "none"):
        raise ValueError(f"mode is {mode[:60]!r}, not enforce, testing or none")
    if not (age.isascii() and age.isdecimal()) or len(age) > 10 or int(age) > YEAR:
        raise ValueError(f"max_age is {age[:60]!r}, not a number of seconds up to {YEAR}")
    if not mx and mode != "none":
        raise ValueError("no mx")
    return Policy(mode, int(age), tuple(mx[:MAX_MX]))


def fetch(domain: str, records: Records, asked: Asked) -> Fetched:
    """Raises what the network gives, Insecure among it."""
    from netkit.net.curl import Engine  # 6 ms of CPU, for domains that have a policy
    from netkit.net.hop import Head, Hop, OnBody, Route

    host = f"mta-sts.{domain}"
    answers = records.ask([host], "A", "AAAA")
    addresses = [ip for answer in answers for ip in answer.data]
    if not addresses:
        trouble = next((answer for answer in answers if not answer.usable), None)
        raise trouble.error if trouble else Unreachable(f"{host} has no address", kind="no_address")
    port = "" if asked.policy_port == 443 else f":{asked.policy_port}"
    hop = Hop(
        url=f"https://{host}{port}{PATH}",
        host=host,
        address=join(host, asked.policy_port),
        route=Route("1.1", insecure=asked.insecure, cacert=asked.cacert),
        resolved=tuple(addresses),
    )
    body = bytearray()

    def take(piece: bytes) -> bool:
        body.extend(piece[: MAX_POLICY - len(body)])
        return len(body) < MAX_POLICY

    def on_head(head: Head) -> OnBody | None:
        return take if head.status == 200 else None

    with Engine() as engine:
        result = engine.perform(
            hop, deadline=Deadline.after(records.deadline.left), on_head=on_head, on_event=asked.on_event
        )
    if result.error is not None:
        raise result.error
    assert result.head is not None
    return Fetched(result.head.status, result.head.get("content-type") or "", bytes(body))
