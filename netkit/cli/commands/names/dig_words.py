"""The `+options` of dig and kdig, which fingers type by themselves: said what they are here, before anything is sent.

No host has such a name; who means a label that begins with a plus writes `\\+name`.
"""

from collections.abc import Iterable

from netkit.errors import BadInput

HERE = {
    "short": "--short", "trace": "--trace-root", "nssearch": "--authoritative", "tcp": "--tcp", "vc": "--tcp",
    "dnssec": "--dnssec", "do": "--dnssec", "cd": "--cd", "cdflag": "--cd", "norec": "--no-rd", "norecurse": "--no-rd",
    "nordflag": "--no-rd", "noedns": "--no-edns", "bufsize": "--bufsize", "nsid": "--nsid", "subnet": "--ecs",
    "cookie": "--cookie", "padding": "--pad", "search": "--search", "time": "--timeout", "timeout": "--timeout",
    "tries": "--tries", "retry": "--tries", "tls": "@tls://SERVER", "https": "@https://SERVER",
    "quic": "@quic://SERVER", "tls-ca": "--cacert", "noidn": "--no-idn", "noidnin": "--no-idn", "json": "--json",
    "yaml": "--json", "vtrace": "--validate", "qr": "--trace",
}  # fmt: skip


def refuse_dig_words(words: Iterable[str]) -> None:
    """Raises BadInput for the first of them."""
    for word in words:
        if word.startswith("+"):
            option = HERE.get(word[1:].partition("=")[0].lower())
            raise BadInput(
                f"{word[:40]!r} is no name but an option of dig",
                hint=f"here it is {option}" if option else "netkit resolve --help lists what there is",
            )
