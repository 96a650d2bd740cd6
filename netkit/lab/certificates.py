"""Which certificate the lab shows for which name: a good one, and by SNI the ones that a client must refuse."""

import ssl
from collections.abc import Callable, Mapping, Sequence

from netkit.net.ca import Authority, Leaf
from netkit.net.tls_server import from_leaf

NAMES = ("localhost", "lab.test", "*.lab.test", "mta-sts.good.lab.test", "mta-sts.bad.lab.test", "127.0.0.1", "::1")

BAD: Mapping[str, tuple[str, Callable[[Authority, str], Leaf]]] = {
    "expired.lab.test": ("expired yesterday", lambda ca, name: ca.expired([name])),
    "not-yet-valid.lab.test": ("valid from tomorrow", lambda ca, name: ca.not_yet_valid([name])),
    "wrong.lab.test": ("for another name", lambda ca, name: ca.issue(["right.example"])),
    "self-signed.lab.test": ("signed by its own key", lambda ca, name: ca.issue([name], self_signed=True)),
    "untrusted.lab.test": ("from another CA", lambda ca, name: Authority("somebody else's CA").issue([name])),
}


class Certificates:
    """Makes a server's TLS contexts; the bad ones when somebody first asks for their names. alpn: what it speaks."""

    def __init__(self, ca: Authority, alpn: Sequence[str]) -> None:
        self._ca = ca
        self._alpn = alpn
        self._made: dict[str, ssl.SSLContext] = {}

    def context(self, hosts: Sequence[str]) -> ssl.SSLContext:
        """The context to listen with: good for NAMES and the given addresses."""
        names = dict.fromkeys([*NAMES, *(host for host in hosts if host not in ("0.0.0.0", "::", ""))])
        good = from_leaf(self._ca.issue(list(names)), alpn=self._alpn)
        good.sni_callback = self._choose
        return good

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        bad = BAD.get((name or "").lower())
        if name is None or bad is None:
            return
        name = name.lower()
        if name not in self._made:
            self._made[name] = from_leaf(bad[1](self._ca, name), alpn=self._alpn)
        connection.context = self._made[name]
