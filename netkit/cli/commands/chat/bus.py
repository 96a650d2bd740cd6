"""The options of `chat serve` for many machines: where the broker is, how it is trusted, who logs in to it.

The password of the broker is a secret as every other: from a command, a file, a descriptor or NETKIT_BUS_PASSWORD,
never an option's value. It goes through TLS or stays on this machine.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from netkit.cli.groups import Group
from netkit.cli.options import option
from netkit.errors import BadInput, Insecure, LocalFailure

if TYPE_CHECKING:
    from netkit.chat.bus import Bus
    from netkit.chat.handover import Taken
    from netkit.net.address import Endpoint
    from netkit.net.listen import Listening
    from netkit.net.loop import Loop

NODES = "More machines"
BROKER_PORT = 4222
VARIABLE = "NETKIT_BUS_PASSWORD"


class Brokers(NamedTuple):
    """servers: URLs of one cluster, all nats:// or all tls://. user, secret: the login, a token without a user."""

    servers: list[str]
    cacert: str | None
    user: str | None
    secret: str | None

    def __repr__(self) -> str:
        return f"Brokers({self.servers})"


class BusOptions(Group):
    bus: Annotated[
        str | None,
        option("--bus", metavar="URL[,..]", help="One chat on many machines: nats:// or tls://HOST:PORT.", panel=NODES),
    ] = None
    bus_cacert: Annotated[
        Path | None, option("--bus-cacert", metavar="FILE", help="Trust these for the broker (PEM).", panel=NODES)
    ] = None
    bus_user: Annotated[
        str | None, option("--bus-user", metavar="USER", help="Log in to the broker; without: a token.", panel=NODES)
    ] = None
    bus_password_cmd: Annotated[
        str | None, option("--bus-password-cmd", metavar="CMD", help="A command that prints the password.", panel=NODES)
    ] = None
    bus_password_file: Annotated[
        str | None,
        option("--bus-password-file", metavar="FILE", help=f"Its password; also in {VARIABLE}.", panel=NODES),
    ] = None
    bus_password_fd: Annotated[
        int | None, option("--bus-password-fd", metavar="N", help="A descriptor to read it from.", panel=NODES)
    ] = None
    node: Annotated[
        str | None, option("--node", metavar="NAME", help="This one's name; else the host's, and port.", panel=NODES)
    ] = None

    @property
    def password_given(self) -> bool:
        sources = (self.bus_password_cmd, self.bus_password_file, self.bus_password_fd)
        return any(source is not None for source in sources)

    def brokers(self, *, tutorial: bool, max_line: int) -> Brokers | None:
        """What the options say, None without --bus. Raises BadInput, Insecure, LocalFailure."""
        bus, node, cacert, user = self.bus, self.node, self.bus_cacert, self.bus_user
        if bus is None:
            if node is not None:
                raise BadInput("--node names one of several machines, and there is no --bus")
            if cacert is not None or user is not None or self.password_given:
                raise BadInput("--bus-cacert, --bus-user and --bus-password-... go with --bus")
            return None
        from netkit.chat.nats.batch import check_node
        from netkit.cli.secret import read_secret

        if tutorial:
            raise BadInput("--tutorial and --bus do not go together: the tutorial's server relays bytes, not lines")
        if max_line > 64 * 1024:
            raise BadInput(
                f"--max-line {max_line}: with --bus it is 64K at most, for the broker's messages have a limit"
            )
        if "@" in bus:
            raise BadInput(
                "--bus: a name or password is no part of it, everybody on this machine could read it",
                hint=f"--bus-user, and --bus-password-file, --bus-password-cmd or {VARIABLE}",
            )
        if node is not None:
            check_node(node)
        places = [_broker(one) for one in bus.split(",")]
        schemes = {one.scheme for one in places}
        if len(schemes) > 1:
            raise BadInput("--bus: the brokers of one cluster are all nats:// or all tls://")
        if cacert is not None and schemes != {"tls"}:
            raise BadInput("--bus-cacert is for tls://")
        command, file, fd = self.bus_password_cmd, self.bus_password_file, self.bus_password_fd
        secret = read_secret("password of the broker", command=command, file=file, fd=fd)
        if not self.password_given:
            secret = os.environ.get(VARIABLE) or None
        if secret == "":
            raise BadInput("the password of the broker is empty")
        if user is not None and secret is None:
            raise BadInput(
                f"--bus-user {user}: there is no password",
                hint=f"--bus-password-cmd, --bus-password-file, --bus-password-fd or {VARIABLE} brings it",
            )
        servers = [f"{one.scheme}://{one}" for one in places]
        if secret is not None:
            from netkit.chat.nats.broker import is_private

            for one, url in zip(places, servers, strict=True):
                if not is_private(one.scheme, one.host):
                    raise Insecure(
                        f"{url}: the password would go over the network in clear text",
                        kind="plaintext_secret",
                        hint="use tls://; only loopback gets it over nats://",
                    )
        return Brokers(servers, str(cacert) if cacert is not None else None, user, secret)


def _broker(text: str) -> "Endpoint":
    from netkit.net.address import parse_endpoint

    found = parse_endpoint(text, port=BROKER_PORT, schemes=("nats", "tls"))
    if found.path or found.fd is not None:
        raise BadInput(f"--bus {text}: a broker has a host and a port", hint="nats://127.0.0.1:4222")
    return found


def default_node(opened: "Sequence[Listening]") -> str:
    """The host's name and the port, since several nodes may be on one host."""
    import re
    import socket

    host = re.sub(r"[^A-Za-z0-9-]", "", socket.gethostname().partition(".")[0]).lstrip("-")[:24] or "node"
    ports = [one.endpoint.port for one in opened if not one.endpoint.path]
    return f"{host}-{ports[0]}" if ports else host


def carried(found: Brokers, node: str, history: int, taken: "Taken | None" = None) -> "tuple[Loop, Bus]":
    """What runs a node among others; taken: from the process before this one.

    Raises LocalFailure where nats-py is missing, BadInput about --bus-cacert.
    """
    try:
        from netkit.chat.nats.bus import NatsBus  # 0.1 s of CPU: asyncio and nats-py
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "nats":
            raise
        hint = "pip install 'netkit-cli[cluster]'"
        raise LocalFailure("--bus needs nats-py", kind="missing", hint=hint) from exc
    from netkit.chat.nats.broker import Login
    from netkit.net.asyncio_loop import AsyncioLoop

    login = None if found.secret is None else Login(found.user, found.secret)
    loop = AsyncioLoop()
    before, said = (taken.bus_state, taken.said) if taken is not None else (None, None)
    return loop, NatsBus(
        loop, found.servers, node, history=history, login=login, cacert=found.cacert, before=before, said=said
    )
