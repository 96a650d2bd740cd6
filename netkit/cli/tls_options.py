"""The options of TLS that commands share: how a client verifies, and what a server listens with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from netkit.cli.groups import Group
from netkit.cli.options import TLS, Cacert, Insecure, option

if TYPE_CHECKING:
    import ssl

    from netkit.net.ca import Leaf
    from netkit.net.tls_client import Security


class ClientTls(Group):
    cacert: Cacert = None
    insecure: Insecure = False
    server_name: Annotated[
        str | None, option("--server-name", metavar="NAME", help="The name the certificate must have.", panel=TLS)
    ] = None

    def security(self) -> "Security":
        from netkit.net.tls_client import Security

        return Security(str(self.cacert) if self.cacert else None, self.insecure, self.server_name)


class ServerTls(Group):
    tls_cert: Annotated[
        Path | None, option("--tls-cert", metavar="FILE", help="Listen with this chain (PEM).", panel=TLS)
    ] = None
    tls_key: Annotated[Path | None, option("--tls-key", metavar="FILE", help="Its key (PEM).", panel=TLS)] = None
    tls_self_signed: Annotated[
        bool, option("--tls-self-signed", help="Listen with a certificate made now.", panel=TLS)
    ] = False

    def made(self, names: Sequence[str]) -> "tuple[ssl.SSLContext, Leaf | None] | None":
        """The context, and the certificate if it was made now, for these names; None for no TLS. Raises BadInput."""
        from netkit.net.tls_server import from_options

        return from_options(self.tls_cert, self.tls_key, self.tls_self_signed, names)
