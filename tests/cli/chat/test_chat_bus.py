"""`netkit chat serve --bus`: what is refused before anything is sent. tests/peers/test_nats_nodes.py has the rest."""

import socket
import sys
from collections.abc import Callable

import pytest

from netkit.cli.commands.chat.bus import Brokers, carried, default_node
from netkit.errors import LocalFailure
from netkit.net.address import Endpoint
from netkit.net.listen import Listening
from tests.conftest import Finished

BUS = "nats://127.0.0.1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--node", "a"], "--node names one of several machines, and there is no --bus\n"),
        (
            ["--bus", BUS, "--tutorial"],
            "--tutorial and --bus do not go together: the tutorial's server relays bytes, not lines\n",
        ),
        (
            ["--bus", "nats://ann:secret@127.0.0.1"],
            "--bus: a name or password is no part of it, everybody on this machine could read it\n",
        ),
        (["--bus", f"{BUS},http://127.0.0.1"], "'http://127.0.0.1': scheme 'http' is not one of nats, tls\n"),
        (
            ["--bus", BUS, "--max-line", "65K"],
            "--max-line 66560: with --bus it is 64K at most, for the broker's messages have a limit\n",
        ),
        (["--bus", f"{BUS},tls://127.0.0.1"], "--bus: the brokers of one cluster are all nats:// or all tls://\n"),
        (["--bus", BUS, "--bus-cacert", "x"], "--bus-cacert is for tls://\n"),
        (["--bus", "tls://127.0.0.1", "--bus-cacert", "/none"], "/none: cannot read CA certificates: "),
        (["--bus", "nats://unix:/x"], "--bus nats://unix:/x: a broker has a host and a port\n"),
        (["--bus-user", "ann"], "--bus-cacert, --bus-user and --bus-password-... go with --bus\n"),
        (["--bus", BUS, "--bus-user", "ann"], "--bus-user ann: there is no password\n"),
        (["--bus", BUS, "--bus-password-cmd", "true"], "the password of the broker is empty\n"),
        (["--bus", f"{BUS}:99999"], "port 99999 is outside 1 to 65535\n"),
        (
            ["--bus", BUS, "--node", "a.b"],
            "--node a.b: it is 1 to 32 letters, digits, _ or -, and begins with no sign\n",
        ),
    ],
)
def test_what_cannot_be_is_refused(netkit: Callable[..., Finished], arguments: list[str], said: str) -> None:
    done = netkit("chat", "serve", "--port", "0", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"netkit: {said}")


def test_a_password_goes_through_tls_or_stays_here(netkit: Callable[..., Finished]) -> None:
    done = netkit("chat", "serve", "--port", "0", "--bus", "nats://192.0.2.1", env={"NETKIT_BUS_PASSWORD": "secret"})
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr == (
        "netkit: nats://192.0.2.1:4222: the password would go over the network in clear text\n"
        "hint: use tls://; only loopback gets it over nats://\n"
    )


def test_without_nats_py_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("netkit.chat.nats.") or name.split(".")[0] == "nats"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(LocalFailure, match="--bus needs nats-py") as caught:
        carried(Brokers([BUS], None, None, None), "a", 1000)
    assert (caught.value.kind, caught.value.hint) == ("missing", "pip install 'netkit-cli[cluster]'")


@pytest.mark.parametrize(
    ("host", "name"),
    [("web1.example.net", "web1-2626"), ("-x_y!", "xy-2626"), ("", "node-2626"), ("a" * 40, "a" * 24 + "-2626")],
)
def test_a_node_is_called_as_its_host_and_port(monkeypatch: pytest.MonkeyPatch, host: str, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    with socket.socket() as sock:
        assert default_node([Listening(sock, "tcp", Endpoint("tcp", "127.0.0.1", 2626))]) == name
        assert default_node([Listening(sock, "tcp", Endpoint("tcp", path="/run/chat"))]) == name.removesuffix("-2626")
