"""`check_domain()`: a domain's MX hosts, each of them checked, and the policies that it publishes.

The servers are spoken to all at once while DNS and HTTPS are asked for the rest; one deadline holds for everything.
Reports come in the order of the MX records, the domain's own first.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from netkit.dns.name import is_ip
from netkit.errors import NetkitError
from netkit.mail.smtp.check import policies, sts
from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.at_once import Job
from netkit.mail.smtp.check.dane import Tlsa
from netkit.mail.smtp.check.findings import Finding, Report, finding
from netkit.mail.smtp.check.records import Answer, Records, text_of
from netkit.mail.smtp.check.server import check_server
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.target import parse_target
from netkit.net.address import join
from netkit.net.deadline import Deadline

MAX_HOSTS = 10  # of a domain: what big providers have is five
MAX_ADDRESSES = 8  # of a host


class Exchanger(NamedTuple):
    preference: int | None
    host: str


def check_domain(domain: str, name: str, asked: Asked) -> Iterator[Report]:
    """domain: in A-labels. name: as the user wrote it. Raises LocalFailure, Unreachable for a DNS server's name."""
    deadline = Deadline.after(asked.timeout)
    records = Records(asked.dns, deadline, asked.on_event)
    (answer,) = records.ask([domain], "MX")
    if not answer.usable:
        yield Report(name, None, None, (answer.trouble,), answer.error)
        return
    if answer.missing:
        yield Report(name, None, None, (finding("domain.missing", f"{domain} does not exist"),))
        return
    hosts, found = exchangers(domain, answer)
    jobs = [Job(partial(_check_host, one, domain, name, answer.proven, records, asked, deadline)) for one in hosts]
    found += _policies(domain, [one.host for one in hosts], records, asked)
    yield Report(name, None, None, tuple(found))
    for job in jobs:
        yield job.result()


def exchangers(domain: str, answer: Answer) -> tuple[list[Exchanger], list[Finding]]:
    """The hosts to look at, in the order in which senders try them, and what there is to say about the records."""
    pairs = (data.split(" ", 1) for data in answer.data)
    everything = sorted(
        (Exchanger(int(preference), host.removesuffix(".")) for preference, host in pairs),
        key=lambda one: (one.preference or 0, one.host),
    )
    hosts = list({one.host.lower(): one for one in everything if one.host}.values())
    if not everything:
        said = f"no MX record: senders fall back on the addresses of {domain} itself"
        return [Exchanger(None, domain)], [finding("mx.none", said)]
    if not hosts:
        return [], [finding("mx.null", f"{domain} takes no mail: it has a null MX")]
    listed = [{"preference": one.preference, "host": one.host} for one in hosts]
    found = [finding("mx.list", ", ".join(f"{one.host} ({one.preference})" for one in hosts), hosts=listed)]
    if any(not one.host for one in everything):
        found.append(finding("mx.null-not-alone", "a null MX beside other MX records", hosts=listed))
    for one in hosts:
        if is_ip(one.host):
            found.append(finding("mx.is-address", f"{one.host} is an address, where a name is due", host=one.host))
    named = [one for one in hosts if not is_ip(one.host)]
    if len(named) > MAX_HOSTS:
        said = f"{len(named)} MX hosts: the first {MAX_HOSTS} are looked at"
        found.append(finding("mx.too-many", said, count=len(named), limit=MAX_HOSTS))
    return named[:MAX_HOSTS], found


def _policies(domain: str, hosts: Sequence[str], records: Records, asked: Asked) -> Iterator[Finding]:
    names = [domain, f"_dmarc.{domain}", f"_mta-sts.{domain}", f"_smtp._tls.{domain}"]
    answers = records.ask(names, "TXT")
    mta_sts = partial(sts.judge, domain, hosts=hosts, records=records, asked=asked)
    judges: tuple[Callable[[Sequence[str]], Iterator[Finding]], ...] = (
        policies.spf,
        policies.dmarc,
        mta_sts,
        policies.tls_reports,
    )
    for answer, judge in zip(answers, judges, strict=True):
        if answer.usable:
            yield from judge([text_of(data) for data in answer.data])
        else:
            yield answer.trouble


def _check_host(
    one: Exchanger, domain: str, name: str, proven: bool, records: Records, asked: Asked, deadline: Deadline
) -> Report:
    try:
        addresses, found = _addresses(one.host, records, asked.family)
        if not addresses:
            return Report(name, one.host, None, tuple(found))
        (tlsa,) = records.ask([f"_{asked.port}._tcp.{one.host}"], "TLSA")
    except NetkitError as exc:
        return Report(name, one.host, None, (), exc)
    targets = tuple(parse_target(join(ip, asked.port), SCHEMES, asked.tls) for ip in addresses)
    # Where the MX records are not proven, anybody could have put another host there (RFC 7672 2.2.1).
    known = Tlsa(tlsa.data, tlsa.proven and proven) if tlsa.usable else None
    report = check_server(Place(name, one.host, targets, domain, known), asked, deadline)
    trouble = () if tlsa.usable else (tlsa.trouble,)
    return report._replace(findings=(*found, *report.findings, *trouble))


def _addresses(host: str, records: Records, family: int) -> tuple[list[str], list[Finding]]:
    """The addresses of an MX host, v6 first, and whether each has a name that leads back to it."""
    kinds = ["A"] if family == socket.AF_INET else ["AAAA"] if family == socket.AF_INET6 else ["AAAA", "A"]
    answers = records.ask([host], *kinds)
    found: list[Finding] = []
    addresses = [ip for answer in answers for ip in answer.data][:MAX_ADDRESSES]
    if alias := next((answer.canonical for answer in answers if answer.canonical), None):
        found.append(finding("mx.alias", f"{host} is an alias for {alias}", host=host, canonical=alias))
    troubles = [answer.trouble for answer in answers if not answer.usable]
    if not addresses:
        said = f"{host} has no address ({', '.join(kinds)})"
        return [], found + (troubles or [finding("mx.no-address", said, host=host)])
    rows = []
    complaints: list[Finding] = []
    for answer, ip in zip(records.ask(addresses, "PTR"), addresses, strict=True):
        names = [data.removesuffix(".") for data in answer.data]
        confirmed = _confirmed(names, ip, records)
        rows.append({"address": ip, "names": names, "confirmed": confirmed})
        if not answer.usable:
            complaints.append(answer.trouble)
        elif not names:
            complaints.append(finding("mx.no-ptr", f"{ip} has no PTR record", address=ip))
        elif not confirmed:
            said = f"{ip} is {', '.join(names)}, which does not lead back to it"
            complaints.append(finding("mx.ptr-mismatch", said, address=ip, names=names))
    said = ", ".join(f"{row['address']} ({', '.join(row['confirmed']) or 'no name'})" for row in rows)
    return addresses, [*found, finding("mx.addresses", said, addresses=rows), *complaints, *troubles]


def _confirmed(names: Sequence[str], ip: str, records: Records) -> list[str]:
    """Those of the names that have the address (RFC 8499: forward-confirmed reverse DNS)."""
    if not names:
        return []
    from ipaddress import ip_address  # 5 ms of CPU

    kept = names[:MAX_ADDRESSES]
    answers = records.ask(kept, "AAAA" if ":" in ip else "A")
    return [
        name
        for name, answer in zip(kept, answers, strict=True)
        if any(ip_address(data) == ip_address(ip) for data in answer.data)
    ]
