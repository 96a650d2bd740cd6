"""Which versions of TLS a server takes, each tried on a connection of its own, as far as OpenSSL here knows them."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from netkit.errors import Insecure, LocalFailure, NetkitError
from netkit.mail.smtp.check.asked import Asked
from netkit.mail.smtp.check.at_once import at_once
from netkit.mail.smtp.check.findings import Finding, finding
from netkit.mail.smtp.session import connected
from netkit.mail.target import Target, Tls
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

VERSIONS = {"TLSv1": "TLS 1.0", "TLSv1_1": "TLS 1.1", "TLSv1_2": "TLS 1.2", "TLSv1_3": "TLS 1.3"}
OLD = ("TLS 1.0", "TLS 1.1")


class Tried(NamedTuple):
    """taken: None where it could not be told."""

    version: str
    taken: bool | None


def try_versions(
    target: Target, mode: Tls, host: str, asked: Asked, deadline: Deadline, known: str | None
) -> list[Finding]:
    """known: the version of a session that came about, as Python calls it, `TLSv1.3`."""
    have = (known or "").replace(".", "_")
    missing = [name for name in VERSIONS if name != have]
    tried = list(at_once([partial(_try, target, mode, host, asked, deadline, name) for name in missing]))
    tried += [Tried(have, True)] if have in VERSIONS else []
    return list(judge(tried))


def _try(target: Target, mode: Tls, host: str, asked: Asked, deadline: Deadline, name: str) -> Tried:
    security = Security(insecure=True, server_name=host, version=name)
    try:
        session = connected(target, deadline=deadline, family=asked.family, on_event=asked.on_event)
        with session:
            if mode is Tls.implicit:
                session.secure(security)
            else:
                session.greet()
                session.hello(asked.helo)
                session.start_tls(security)
            return Tried(name, True)
    except Insecure as exc:
        return Tried(name, False if exc.kind == "tls_handshake" else None)
    except (LocalFailure, NetkitError):
        return Tried(name, None)


def judge(tried: list[Tried]) -> Iterator[Finding]:
    by_name = {one.version: one.taken for one in tried}
    groups = {
        verdict: [words for name, words in VERSIONS.items() if name in by_name and by_name[name] is verdict]
        for verdict in (True, False, None)
    }
    accepted, refused, untried = groups[True], groups[False], groups[None]
    if not accepted and not refused:
        return
    parts = [f"takes {', '.join(accepted) or 'none'}"]
    parts += [f"not {', '.join(refused)}"] if refused else []
    parts += [f"unknown: {', '.join(untried)}"] if untried else []
    yield finding("tls.versions", "; ".join(parts), accepted=accepted, refused=refused, untried=untried)
    old = [words for words in accepted if words in OLD]
    if old and len(old) == len(accepted) and not untried:
        yield finding("tls.only-old", f"takes {' and '.join(old)} alone", versions=old)
    elif old:
        yield finding("tls.old-version", f"takes {' and '.join(old)} as well", versions=old)
