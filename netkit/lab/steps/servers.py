"""Steps of the tour: echo, hello, sockopt and watch."""

from netkit.lab.listings import (
    DATAGRAM_CLIENT,
    SELECT,
    SOCKET_SERVER,
    SOCKOPT,
    STREAM_CLIENT,
    STREAM_SERVER,
)
from netkit.lab.steps.step import Step

STEPS: tuple[Step, ...] = (
    Step(
        "echo-stream",
        "A stream echo server, probed: every byte compared, every round trip timed",
        10,
        STREAM_CLIENT,
        ("echo-client", "{echo}", "-n", "3", "-i", "20ms"),
        ("3 sent, 3 received, 0.0% lost", "kernel: rtt"),
    ),
    Step(
        "echo-datagram",
        "The same with datagrams: what is lost, doubled or late is told apart",
        12,
        DATAGRAM_CLIENT,
        ("echo-client", "--udp", "{echo}", "-n", "3", "-i", "20ms"),
        ("3 sent, 3 received, 0.0% lost",),
    ),
    Step(
        "echo-refused",
        "A server that is not there is exit 3, not a traceback",
        10,
        STREAM_CLIENT,
        ("echo-client", "127.0.0.1:1"),
        ("refused",),
        exit=3,
    ),
    Step(
        "echo-server",
        "A stream and a datagram echo server on one port",
        9,
        STREAM_SERVER,
        ("echo-server", "--port", "0", "--duration", "100ms"),
        ("listening",),
    ),
    Step(
        "hello-server",
        "The greeting server, whose greeting always arrives",
        2,
        SOCKET_SERVER,
        ("hello-server", "--port", "0", "--duration", "100ms"),
        ("listening",),
    ),
    Step(
        "sockopt",
        "Set an option, and read what the kernel made of it",
        13,
        SOCKOPT,
        ("sockopt", "set", "new:tcp4", "keepalive=on", "nodelay=on"),
        ("SO_KEEPALIVE", "TCP_NODELAY"),
    ),
    Step(
        "sockopt-live",
        "The options of a connection, once it stands",
        13,
        SOCKOPT,
        ("sockopt", "try", "{echo}", "nodelay=on"),
        ("TCP_NODELAY",),
    ),
    Step(
        "watch",
        "Several sockets at once, until a line comes that matches",
        15,
        SELECT,
        ("watch", "{hello}", "{echo}", "--until", "Hello .*lab", "--timeout", "10s"),
        ("open", "Hello 127.0.0.1"),
    ),
    Step(
        "watch-wait",
        "Wait until all are up, then become a command",
        15,
        SELECT,
        ("watch", "{hello}", "{echo}", "--timeout", "10s", "--", "echo", "all are up"),
        ("all are up",),
    ),
)
