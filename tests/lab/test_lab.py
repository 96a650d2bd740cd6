"""The lab as a library: ports, environment, sockets handed over, and what it leaves behind."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.events import Step
from netkit.lab import Event, Lab, running
from netkit.lab.lab import FREE, PORTS
from netkit.lab.service import parse_ports
from netkit.net.address import Endpoint
from netkit.net.inherit import Inherited
from netkit.net.listen import open_socket
from tests.ports import find_free_port


def test_the_default_ports_are_the_contracts() -> None:
    assert PORTS == {
        "dns": 5300,
        "dns-tls": 8530,
        "http": 8080,
        "https": 8443,
        "echo": 45000,
        "hello": 45001,
        "chat": 2626,
        "chat-web": 8026,
        "smtp": 2525,
        "lmtp": 2424,
        "pop3": 2110,
    }
    assert FREE.keys() == PORTS.keys()
    assert set(FREE.values()) == {0}


def test_environment_and_addresses_say_where_everything_is() -> None:
    with running(bind=["127.0.0.1"]) as lab:
        dns, dns_tls, http, https, echo, hello, chat, page, smtp, lmtp, pop3 = (
            lab.listening[name][0].endpoint for name in PORTS
        )
        ca = Path(lab.environment["NETKIT_LAB_CA"])
        assert lab.environment == {
            "NETKIT_LAB_DNS": str(dns),
            "NETKIT_LAB_DNS_TLS": f"tls://{dns_tls}",
            "NETKIT_LAB_ZONE": "lab.test",
            "NETKIT_LAB_HTTP": f"http://{http}",
            "NETKIT_LAB_HTTPS": f"https://{https}",
            "NETKIT_LAB_MAIL": f"http://{http}/mail",
            "NETKIT_LAB_ECHO": str(echo),
            "NETKIT_LAB_HELLO": str(hello),
            "NETKIT_LAB_CHAT": str(chat),
            "NETKIT_LAB_CHAT_WEB": f"http://{page}/",
            "NETKIT_LAB_SMTP": str(smtp),
            "NETKIT_SMTP": str(smtp),
            "NETKIT_LAB_LMTP": str(lmtp),
            "NETKIT_LAB_POP3": str(pop3),
            "NETKIT_POP3": str(pop3),
            "NETKIT_LAB_CA": str(ca),
            "NETKIT_LAB_ANCHOR": str(ca.with_name("trust.anchor")),
        }
        assert ca.with_name("trust.anchor").read_text().startswith("signed.test. IN DS 10288 15 2 ")
        assert lab.addresses == [
            f"dns udp://{dns}",
            f"dns tcp://{dns}",
            f"dns-tls tls://{dns_tls}",
            f"http http://{http}",
            f"https https://{https}",
            f"echo tcp://{echo}",
            f"echo udp://{echo}",
            f"hello tcp://{hello}",
            f"hello udp://{hello}",
            f"chat tcp://{chat}",
            f"chat-web http://{page}",
            f"smtp smtp://{smtp}",
            f"lmtp lmtp://{lmtp}",
            f"pop3 pop3://{pop3}",
        ]
        assert ca.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
        assert ca.parent.stat().st_mode & 0o777 == 0o700
        assert all(line.startswith(("netkit ", "dig ", "curl ", "cat ")) for line in lab.tries)
    assert not ca.parent.exists()


def test_a_wildcard_is_reached_by_loopback() -> None:
    with running(bind=["0.0.0.0"]) as lab:
        assert lab.environment["NETKIT_LAB_HTTP"].startswith("http://127.0.0.1:")


def test_everything_is_closed_when_one_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, other = taken.getsockname()[1], find_free_port()
        with (
            pytest.raises(LocalFailure, match="is in use"),
            running(bind=["127.0.0.1"], ports={"dns": other, "https": port}),
        ):
            pass
        with socket.create_server(("127.0.0.1", other)):
            pass


def test_two_labs_at_once() -> None:
    with running() as one, running() as two:
        assert not set(one.addresses) & set(two.addresses)


def test_events_of_a_whole_life() -> None:
    events: list[Event] = []
    with running(bind=["127.0.0.1"], on_log=events.append):
        pass
    assert [(event.service, event.event) for event in events] == [
        ("dns", "listening"),
        ("dns", "listening"),
        ("dns-tls", "listening"),
        ("http", "listening"),
        ("https", "listening"),
        *(2 * [("echo", "listening")]),
        *(2 * [("hello", "listening")]),
        ("chat", "listening"),
        ("chat-web", "listening"),
        ("smtp", "listening"),
        ("lmtp", "listening"),
        ("pop3", "listening"),
        ("lab", "ready"),
        ("lab", "stopping"),
    ]


def test_a_log_that_fails_ends_the_lab_and_tells_why() -> None:
    def full(event: Event) -> None:
        if event.event == "request":
            raise OSError(28, "No space left on device")

    async def main() -> None:
        async with Lab(on_log=full) as lab:
            endpoint = lab.listening["http"][0].endpoint
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            try:
                await lab.serve()
            finally:
                writer.close()

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(main())


def test_steps_at_the_socket_are_traced() -> None:
    steps: list[Step] = []

    async def main() -> None:
        async with Lab(bind=["127.0.0.1"], on_event=steps.append) as lab:
            endpoint = lab.listening["http"][0].endpoint
            reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            writer.write(b"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
    assert [step.name for step in steps][-4:] == ["accept", "recv", "send", "close"]
    names = [step.name for step in steps]
    # A port that is free for UDP and taken for TCP is given back, and the next one tried.
    assert names[: names.index("listen") + 1][-5:] == ["socket", "bind", "socket", "bind", "listen"]


def test_sockets_handed_over_are_served() -> None:
    opened = open_socket(Endpoint("tcp", "127.0.0.1", 0))

    async def main() -> bytes:
        async with Lab(inherited=[Inherited("http", opened)]) as lab:
            assert lab.environment["NETKIT_LAB_HTTP"] == f"http://{opened.endpoint}"
            reader, writer = await asyncio.open_connection(opened.endpoint.host, opened.endpoint.port)
            writer.write(b"GET /hello HTTP/1.0\r\n\r\n")
            reply = await reader.read()
            writer.close()
            return reply

    assert asyncio.run(main()).endswith(b"Hello from the lab.\n")


@pytest.mark.parametrize(("name", "reason"), [("", "'unnamed' is no service"), ("imap", "no service"), ("dns", "")])
def test_sockets_handed_over_need_a_services_name(name: str, reason: str) -> None:
    opened = open_socket(Endpoint("tcp", "127.0.0.1", 0))
    if reason:
        with pytest.raises(BadInput, match=reason):
            Lab(inherited=[Inherited(name, opened)])
    else:
        Lab(inherited=[Inherited(name, opened)])
    opened.close()


def test_a_datagram_socket_for_http_is_refused() -> None:
    opened = open_socket(Endpoint("udp", "127.0.0.1", 0), "udp")
    with pytest.raises(BadInput, match="http does not serve on udp"):
        Lab(inherited=[Inherited("http", opened)])
    opened.close()


def test_descriptors_running_out_does_not_spin_and_is_told() -> None:
    """In a process of its own with few descriptors: clients beyond them wait, and are served when there is room."""
    code = """
import resource, socket, threading
from netkit.lab import running
events, failed = [], threading.Event()
def on_log(event):
    events.append(event)
    if event.event == "failed":
        failed.set()
with running(bind=["127.0.0.1"], on_log=on_log) as lab:
    address = tuple(lab.listening["http"][0].socket.getsockname())
    here = len(__import__("os").listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (here + 12, here + 12))
    clients = []
    try:
        while True:
            clients.append(socket.create_connection(address, timeout=20))
    except OSError:
        pass
    failed.wait(20)
    clients.pop().close()
    for client in clients[:-1]:
        client.close()
    clients[-1].sendall(b"GET /hello HTTP/1.0\\r\\n\\r\\n")
    print(clients[-1].makefile("rb").read()[-20:])
    print({e.summary for e in events if e.event == "failed"}, len([e for e in events if e.event == "failed"]) < 50)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "b'Hello from the lab.\\n'\n{'accept: Too many open files'} True\n", done.stderr


def test_a_signal_that_comes_before_the_command_is_known_is_passed_on_to_it() -> None:
    """As from who hears of the command itself that it runs, and is quicker than we are."""
    code = """
import asyncio, os, signal, sys
from netkit.lab.lab import Lab
from netkit.lab.run import run_command
from netkit.net.ready import Ready
start = asyncio.create_subprocess_exec
async def slow(*argv, **options):
    child = await start(*argv, **options, stdout=asyncio.subprocess.PIPE)
    assert await child.stdout.readline() == b"ready\\n"
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0)
    return child
asyncio.create_subprocess_exec = slow
command = "import signal, sys; signal.alarm(60); signal.signal(signal.SIGTERM, lambda *a: sys.exit(42))"
command += "\\nprint('ready', flush=True)\\nwhile True: signal.pause()"
sys.exit(run_command(Lab(), [sys.executable, "-c", command], ready=Ready(notify="")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (42, "")


def test_ports_by_name() -> None:
    known = {"dns": 5300, "http": 8080}
    assert parse_ports([], known) == {}
    assert parse_ports(["0"], known) == {"dns": 0, "http": 0}
    assert parse_ports(["0", "http=8081"], known) == {"dns": 0, "http": 8081}
    assert parse_ports(["dns=domain"], known) == {"dns": 53}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("8080", "write NAME=PORT"),
        ("ftp=21", "no service 'ftp'"),
        ("http=65536", "port 65536 is outside 0 to 65535"),
        ("http=-1", "port '-1' is neither"),
        ("http=", "port '' is neither"),
        ("http=0x50", "neither|no service name"),
    ],
)
def test_ports_that_are_none(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_ports([text], {"http": 8080})


def test_a_zone_with_a_mistake_shows_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        Lab(zones=[Path(__file__)])
