"""Steps of the tour: the chat."""

from netkit.lab.listings import CHAT_ACCEPT, CHAT_BROADCAST, CHAT_SERVER
from netkit.lab.steps.step import Needs, Step

STEPS: tuple[Step, ...] = (
    Step(
        "chat-serve",
        "A chat server, as the tutorial starts its own",
        20,
        CHAT_SERVER,
        ("chat", "serve", "--port", "0", "--duration", "100ms"),
        ("ChatServer started on port",),
    ),
    Step(
        "chat-greeting",
        "What a client sees when it comes, byte for byte as telnet did",
        18,
        CHAT_ACCEPT,
        ("watch", "--raw", "{chat}", "--max-lines", "1"),
        ("You're connected to the Python chatserver",),
    ),
    Step(
        "chat-broadcast",
        "Two clients at once: the first is told of the second",
        19,
        CHAT_BROADCAST,
        ("watch", "{chat}", "{chat}", "--until", "Client joined", "--timeout", "10s"),
        ("Client joined 127.0.0.1:",),
    ),
    Step(
        "chat-join",
        "A client of its own in place of telnet: join, say something, leave",
        23,
        "telnet localhost 2626",
        ("chat", "join", "{chat}", "--nick", "alice", "--send", "Hello, is anyone there?"),
        ("You're connected to the Python chatserver", "you are alice"),
    ),
    Step(
        "chat-page",
        "The same rooms for a browser: the URL to open, and that the page is there",
        23,
        "telnet localhost 2626",
        ("http", "head", "{chat_web}"),
        ("200", "text/html", "default-src 'none'"),
        needs=Needs("websockets", "chat"),
    ),
)
