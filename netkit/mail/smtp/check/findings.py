"""What a check can find: one table of ids, each with its usual level, its meaning, and the keys of its data.

An id is never renamed, so that scripts and suppressions can rely on it. A finding may have another level than the usual
one where the circumstances say so (a name mismatch behind a matching TLSA record is no failure); the table's is what it
has without them. The command's `--list`, README and the tests read this table and no other.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from netkit.errors import Exit, NetkitError


class Level(StrEnum):
    """In the order of how bad it is."""

    ok = "ok"
    info = "info"
    warn = "warn"
    fail = "fail"


class FailOn(StrEnum):
    warn = "warn"
    fail = "fail"
    never = "never"


class Kind(NamedTuple):
    """A row of the table. data: the keys of its data, always all there."""

    id: str
    level: Level
    meaning: str
    data: tuple[str, ...] = ()


OK, INFO, WARN, FAIL = Level.ok, Level.info, Level.warn, Level.fail
CERTIFICATE = ("subject", "issuer", "names", "not_before", "not_after", "days_left", "sha256", "chain")

TABLE = (
    # the domain: names, addresses
    Kind("domain.missing", FAIL, "the domain does not exist"),
    Kind("dns.failed", FAIL, "a look-up got no usable answer", ("name", "type", "outcome")),
    Kind("mx.list", OK, "the MX records, in the order in which senders try them", ("hosts",)),
    Kind("mx.none", WARN, "no MX record: senders fall back on the domain's own addresses (RFC 5321 5.1)"),
    Kind("mx.null", INFO, "a null MX: the domain says that it takes no mail (RFC 7505)"),
    Kind("mx.null-not-alone", FAIL, "a null MX stands beside other MX records (RFC 7505 3)", ("hosts",)),
    Kind("mx.is-address", FAIL, "an MX record holds an IP address where a name is due", ("host",)),
    Kind("mx.too-many", WARN, "more MX hosts than are looked at", ("count", "limit")),
    Kind("mx.alias", WARN, "an MX host is an alias (CNAME), which RFC 2181 10.3 forbids", ("host", "canonical")),
    Kind("mx.no-address", FAIL, "an MX host has neither A nor AAAA", ("host",)),
    Kind("mx.addresses", OK, "the addresses of an MX host, each with a name that leads back to it", ("addresses",)),
    Kind("mx.no-ptr", WARN, "an address has no PTR record", ("address",)),
    Kind("mx.ptr-mismatch", WARN, "no name in PTR leads back to the address", ("address", "names")),
    # the domain: policies
    Kind("sts.none", INFO, "no MTA-STS record (RFC 8461)"),
    Kind("sts.bad-record", FAIL, "the MTA-STS record is malformed, or there are several", ("records",)),
    Kind("sts.unreachable", FAIL, "the MTA-STS policy cannot be fetched over HTTPS", ("url", "kind", "status")),
    Kind("sts.bad-policy", FAIL, "the MTA-STS policy is malformed", ("url",)),
    Kind("sts.policy", OK, "the MTA-STS policy", ("url", "policy_id", "mode", "max_age", "mx")),
    Kind("sts.not-enforced", INFO, "the MTA-STS policy is not in force: mode testing or none", ("mode",)),
    Kind("sts.max-age-short", WARN, "the MTA-STS policy is to be forgotten within a day", ("max_age",)),
    Kind("sts.content-type", WARN, "the MTA-STS policy is not sent as text/plain (RFC 8461 3.2)", ("content_type",)),
    Kind("sts.mx-mismatch", FAIL, "an MX host that the MTA-STS policy does not allow", ("host", "mx")),
    Kind("tlsrpt.none", INFO, "no TLS-RPT record: nobody reports failures of TLS (RFC 8460)"),
    Kind("tlsrpt.bad-record", WARN, "the TLS-RPT record is malformed, or there are several", ("records",)),
    Kind("tlsrpt.record", OK, "the TLS-RPT record", ("rua",)),
    Kind("spf.none", WARN, "no SPF record (RFC 7208)"),
    Kind("spf.several", FAIL, "several SPF records, which is an error to whoever looks (RFC 7208 4.5)", ("records",)),
    Kind("spf.record", OK, "the SPF record", ("record",)),
    Kind("dmarc.none", WARN, "no DMARC record at the domain itself (RFC 7489)"),
    Kind("dmarc.bad-record", WARN, "the DMARC record is malformed, or there are several", ("records",)),
    Kind("dmarc.record", OK, "the DMARC record", ("record", "policy")),
    # a server: connection, greeting, EHLO
    Kind("connect.failed", FAIL, "no connection", ("kind",)),
    Kind("connect.address-failed", WARN, "an address does not answer while another one of the host does", ("address",)),
    Kind("banner.greeting", OK, "the greeting", ("text", "ms")),
    Kind("banner.no-name", WARN, "the greeting does not begin with the server's name (RFC 5321 4.2)", ("text",)),
    Kind("banner.refused", FAIL, "the greeting is a refusal", ("code", "text")),
    Kind("banner.not-smtp", FAIL, "what comes instead of a greeting is no SMTP", ("kind",)),
    Kind("ehlo.failed", FAIL, "EHLO is refused, or the session breaks at it", ("kind",)),
    Kind("ehlo.helo-only", WARN, "EHLO is refused and HELO taken: no extension can be used"),
    Kind("ehlo.extensions", INFO, "what the server offers in the end", ("offered", "missing")),
    Kind("ehlo.changed", INFO, "what EHLO says under TLS and did not before, and the other way round", ("new", "gone")),
    Kind("ehlo.auth-in-clear", WARN, "AUTH by which the secret can be read is offered before TLS", ("auth",)),
    Kind("ehlo.starttls-again", WARN, "STARTTLS is offered under TLS (RFC 3207 4.2 forbids it)"),
    Kind("ehlo.no-auth", WARN, "a port for submission offers no AUTH, not even under TLS"),
    Kind("ehlo.size-small", WARN, "messages of less than 10 MB are too big for the server", ("size",)),
    Kind("ehlo.no-pipelining", WARN, "PIPELINING is not offered: a round trip for every recipient"),
    Kind("ehlo.no-8bitmime", WARN, "8BITMIME is not offered: every message has to be encoded"),
    Kind("session.broke-off", FAIL, "the session ended before its end", ("kind",)),
    # a server: TLS
    Kind("tls.session", OK, "the TLS session that came about", ("version", "cipher")),
    Kind("tls.none", INFO, "TLS was not asked for (--tls none)"),
    Kind("tls.not-offered", FAIL, "the server offers no TLS"),
    Kind("tls.refused", FAIL, "STARTTLS is offered, and refused", ("text",)),
    Kind("tls.injected", FAIL, "the server sends more in the clear behind its answer to STARTTLS"),
    Kind("tls.handshake", FAIL, "no TLS session comes about", ("kind",)),
    Kind("tls.versions", INFO, "the versions of TLS that the server takes", ("accepted", "refused", "untried")),
    Kind("tls.old-version", WARN, "TLS 1.0 or 1.1 is taken (RFC 8996 forbids both)", ("versions",)),
    Kind("tls.only-old", FAIL, "no version later than TLS 1.1 is taken", ("versions",)),
    Kind("tls.certificate", OK, "the certificate: for whom, by whom, until when", CERTIFICATE),
    Kind("tls.unverified", INFO, "the certificate was not verified (--insecure)"),
    Kind("tls.expires-soon", WARN, "the certificate expires within 14 days", ("days_left", "not_after")),
    Kind("tls.expired", FAIL, "the certificate has expired"),
    Kind("tls.not-yet-valid", FAIL, "the certificate is not valid yet"),
    Kind("tls.name-mismatch", FAIL, "the certificate is for other names"),
    Kind("tls.self-signed", FAIL, "the certificate is self-signed"),
    Kind("tls.unknown-ca", FAIL, "the certificate's authority is not trusted, or an intermediate one is missing"),
    Kind("tls.bad-certificate", FAIL, "the certificate is refused for another reason"),
    # a server: DANE
    Kind("dane.none", INFO, "no TLSA record"),
    Kind("dane.insecure", WARN, "TLSA records that nobody may believe: no DNSSEC proof (the AD flag)", ("records",)),
    Kind("dane.unusable", WARN, "no TLSA record of a kind that SMTP uses (RFC 7672 3.1)", ("records",)),
    Kind("dane.match", OK, "the certificate is the one that a TLSA record names", ("record",)),
    Kind("dane.mismatch", FAIL, "no TLSA record fits the certificate: senders with DANE do not deliver", ("records",)),
    # --rcpt, --relay-test
    Kind("rcpt.accepted", OK, "the recipient is accepted", ("address", "code", "text")),
    Kind("rcpt.deferred", WARN, "the recipient is put off (4xx)", ("address", "code", "text")),
    Kind("rcpt.refused", FAIL, "the recipient is refused (5xx)", ("address", "code", "text")),
    Kind("rcpt.sender-refused", FAIL, "the sender is refused, so that no recipient can be asked", ("code", "text")),
    Kind("relay.closed", OK, "mail from strangers to strangers is refused", ("code", "text")),
    Kind("relay.open", FAIL, "mail from strangers to strangers is accepted: an open relay", ("code", "text")),
    Kind("relay.undecided", WARN, "whether the server relays cannot be told: it puts off (4xx)", ("code", "text")),
    # --probe
    Kind("probe.skipped", INFO, "a probe that could not be done", ("probe",)),
    Kind("probe.starttls-clean", OK, "a command behind STARTTLS in the same segment is not run under TLS"),
    Kind("probe.starttls-injection", FAIL, "a command sent in the clear behind STARTTLS is run under TLS"),
    Kind("probe.end-of-data", OK, "only CRLF.CRLF ends a message", ("forms",)),
    Kind("probe.bare-lf-end", FAIL, "a dot between bare LFs ends a message: SMTP smuggling", ("forms",)),
    Kind("probe.lone-cr-end", FAIL, "a dot between lone CRs ends a message: SMTP smuggling", ("forms",)),
    Kind("probe.lone-cr", FAIL, "a lone CR ends a command"),
    Kind("probe.cr-clean", OK, "a lone CR does not end a command", ("code", "text")),
    Kind("probe.long-line", OK, "a command of 4 kB gets one answer", ("code", "text")),
    Kind("probe.long-line-cut", FAIL, "a command of 4 kB is cut, and the rest is run as commands", ("answers",)),
    Kind("probe.broke-off", WARN, "the server hangs up on a probe without a word", ("probe", "kind")),
)  # fmt: skip
KINDS = {kind.id: kind for kind in TABLE}
_WORSE = list(Level)
_ORDER = {prefix: at for at, prefix in enumerate(dict.fromkeys(kind.id.partition(".")[0] for kind in TABLE))}


class Finding(NamedTuple):
    id: str
    level: Level
    message: str
    data: dict[str, Any]


class Report(NamedTuple):
    """The findings about one host, or (host None) about the domain itself.

    target: as the user wrote it. address: HOST:PORT that was spoken to. error: why there is nothing to judge.
    """

    target: str
    host: str | None
    address: str | None
    findings: tuple[Finding, ...]
    error: NetkitError | None = None


def finding(id: str, message: str, level: Level | None = None, /, **data: object) -> Finding:
    """The data are exactly those of the table."""
    kind = KINDS[id]
    assert tuple(data) == kind.data, f"{id}: {tuple(data)}, not {kind.data}"
    return Finding(id, level or kind.level, message, data)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Subject by subject as the table has them, whatever was found when."""
    return tuple(sorted(findings, key=lambda one: _ORDER[one.id.partition(".")[0]]))


def worst(findings: Iterable[Finding]) -> Level:
    return max((one.level for one in findings), key=_WORSE.index, default=Level.ok)


def verdict(reports: Iterable[Report], fail_on: FailOn) -> Exit:
    """The exit code of one target: the network's where nothing could be judged, else whether the check holds."""
    found = list(reports)
    servers = [one for one in found if one.address is not None or one.error is not None]
    if servers and all(one.error is not None for one in servers):
        codes = {one.error.exit for one in servers if one.error is not None}
        return Exit(codes.pop()) if len(codes) == 1 else Exit.NO
    if fail_on is FailOn.never:
        return Exit.OK
    level = worst(one for report in found for one in report.findings)
    return Exit.NO if _WORSE.index(level) >= _WORSE.index(Level(fail_on)) else Exit.OK
