"""What the lab's server says of itself, and does with EDNS options: CH TXT names, NSID, client subnet, cookies.

`version.bind`, `version.server`, `hostname.bind` and `id.server` in the class CH (RFC 4892). The subnet comes back with
scope 0, for the answer is the same for all (RFC 7871 7.2.1). A cookie is a hash of the client's own, so that nothing is
kept of anybody (RFC 7873 B.1).
"""

import hashlib
import os

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from netkit import __version__

IDENTITY = "netkit-lab"
CHAOS = {
    "version.bind.": f"netkit lab {__version__}", "version.server.": f"netkit lab {__version__}",
    "hostname.bind.": IDENTITY, "id.server.": IDENTITY,
}  # fmt: skip
_SECRET = os.urandom(16)


def answer_chaos(reply: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> None:
    """The answer to a question of the class CH."""
    text = CHAOS.get(name.to_text().lower())
    if text is None:
        reply.set_rcode(dns.rcode.REFUSED)
        return
    reply.flags |= dns.flags.AA
    if rdtype in (dns.rdatatype.TXT, dns.rdatatype.ANY):
        reply.answer.append(dns.rrset.from_text(name, 0, dns.rdataclass.CH, dns.rdatatype.TXT, f'"{text}"'))


def answer_options(query: dns.message.Message, reply: dns.message.Message) -> None:
    """The EDNS options of the reply to those of the query."""
    if query.edns != 0:
        return
    options: list[dns.edns.Option] = []
    for option in query.options:
        if option.otype == dns.edns.OptionType.NSID:
            options.append(dns.edns.NSIDOption(IDENTITY.encode()))
        elif isinstance(option, dns.edns.ECSOption):
            options.append(dns.edns.ECSOption(option.address, option.srclen, 0))
        elif isinstance(option, dns.edns.CookieOption):
            options.append(dns.edns.CookieOption(option.client, server_cookie(option.client)))
    if options:
        reply.use_edns(reply.edns, reply.ednsflags, reply.payload, options=options)


def server_cookie(client: bytes) -> bytes:
    return hashlib.blake2s(client, digest_size=16, key=_SECRET).digest()
