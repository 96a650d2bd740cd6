"""Special-use names, answered here and never sent to a server (RFC 6761 section 6, RFC 7686).

`localhost` and names below it are the loopback addresses (6.3); names under `invalid` do not exist (6.4), nor do those
under `onion` outside Tor: a query would tell the servers which hidden service is wanted (RFC 7686 2). `test` and
`example` are ordinary for a stub resolver (6.2, 6.5), so private servers may have them. The reverse of the loopback
addresses is `localhost`.
"""

from netkit.dns.name import canonical_ip

LOOPBACK = {"A": "127.0.0.1", "AAAA": "::1"}
NOBODYS = {
    "invalid": "no name exists under invalid (RFC 6761)",
    "onion": "names under onion are Tor's, and DNS is not asked for them (RFC 7686)",
}
TOPS = ("localhost", *NOBODYS)  # what special names end in


def data_of(name: str, rdtype: str) -> tuple[str, ...] | None:
    """What is known here about a name in A-labels without the final dot.

    The data for this type, () when the name exists without it, None when the name is not special.
    Raises LookupError, with the reason, when the name is special and does not exist.
    """
    labels = name.lower().split(".")
    if labels[-1] == "localhost":
        return (LOOPBACK[rdtype],) if rdtype in LOOPBACK else ()
    if reason := NOBODYS.get(labels[-1]):
        raise LookupError(reason)
    return None


def name_of(address: str) -> str | None:
    """The name of a loopback address."""
    return "localhost" if canonical_ip(address) in LOOPBACK.values() else None
