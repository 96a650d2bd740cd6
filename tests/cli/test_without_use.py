"""An option that would be passed over without a word, since another is missing or leaves it nothing to do: exit 2."""

import subprocess
from collections.abc import Callable

import pytest

URL = "http://127.0.0.1:1/"
GET, HEAD, WATCH = ["http", "get", URL], ["http", "head", URL], ["watch", "127.0.0.1:1"]
STREAM = ["echo-client", "127.0.0.1:1", "--stdin"]
SEND = ["smtp", "send", "127.0.0.1:1", "--from", "a@x.test", "--to", "b@x.test", "--text", "x"]
UNIX = [*GET, "--unix-socket", "/nonexistent/socket"]


@pytest.mark.parametrize(
    ("argv", "options", "said"),
    [
        (GET, ["--unordered"], "--unordered needs --parallel\nhint: --parallel N;"),
        (HEAD, ["--unordered", URL], "--unordered needs --parallel\nhint: --parallel N;"),
        (GET, ["--retry-max-time", "120s"], "--retry-max-time needs --retry N\n"),
        (HEAD, ["--retry-on", "503"], "--retry-on needs --retry N\n"),
        (GET, ["--no-follow", "--max-redirects", "10"], "--no-follow follows no redirect: --max-redirects does"),
        (GET, ["--no-follow", "--allow-downgrade"], "--no-follow follows no redirect: --allow-downgrade does"),
        (HEAD, ["--no-follow", "--trust-redirects"], "--no-follow follows no redirect: --trust-redirects does"),
        (GET, ["--proxy", URL, "--proxy-password-file", "/dev/null"], "a proxy's password needs the user"),
        (GET, ["--key-password-cmd", "x"], "a key needs the certificate it belongs to\nhint: --cert FILE\n"),
        (GET, ["--password-cmd", "x"], "a password needs the user it belongs to\nhint: -u USER\n"),
        (GET, ["--count", "2", "--show", "headers"], "--count shows statistics: --show, -v and --raw"),
        (GET, ["--count", "2", "--raw"], "--count shows statistics: --show, -v and --raw"),
        (HEAD, ["--count", "2", "-v"], "--count shows statistics: --show, -v and --raw"),
        (GET, ["--fresh"], "--fresh needs --count\n"),
        (GET, ["-o", "/nonexistent", "--raw"], "--raw is about a body that is shown"),
        (
            GET,
            ["-O", "--max-body", "10M"],
            "--max-body is about a body that is shown, and -o and -O save it\nhint: --max-",
        ),
        (GET, ["--mtime"], "--mtime needs a file\n"),
        (UNIX, ["--proxy", URL], "--unix-socket is the whole way: --proxy does not go with it\n"),
        (UNIX, ["--interface", "lo"], "--unix-socket is the whole way: --interface does not"),
        (UNIX, ["--resolve", "h:127.0.0.1"], "--unix-socket is the whole way: --resolve does not"),
        (UNIX, ["-4"], "--unix-socket is the whole way: -4 does not"),
        (["resolve", "localhost"], ["--system", "--tries", "3"], "--system asks the system's resolver, which knows"),
        (["resolve", "localhost"], ["--root-hints", "/dev/null"], "--root-hints is for --trace-root\n"),
        (["resolve", "localhost"], ["--stats"], "--stats goes with -i\n"),
        (["resolve", "localhost"], ["--insecure", "@127.0.0.1:1"], "--insecure is for servers asked over tls://"),
        (["fqdn", "localhost"], ["--ordered"], "--ordered goes with -i\n"),
        (["fqdn"], ["-i", "/dev/null", "--short-ok"], "--short-ok does not go with -i\n"),
        (WATCH, ["--max-conns", "3"], "--max-conns is for listeners\nhint: -l ENDPOINT listens\n"),
        (WATCH, ["--insecure"], "--cacert, --insecure and --server-name are for tls:// endpoints\n"),
        (
            WATCH,
            ["--server-name", "h", "-l", "tls://:0", "--tls-self-signed"],
            "--cacert, --insecure and --server-name",
        ),
        (WATCH, ["--tls-self-signed", "-l", ":0"], "--tls-cert, --tls-key and --tls-self-signed are for listeners of"),
        (["watch", "-"], ["--reconnect"], "--reconnect is for what is connected to"),
        (["watch", "-l", "127.0.0.1:0"], ["--reconnect"], "--reconnect is for what is connected to"),
        (STREAM, ["--size", "3"], "--size is for probes, not for a stream\n"),
        (STREAM, ["--pattern", "seq"], "--pattern is for probes, not for a stream\n"),
        (STREAM, ["--parallel", "2"], "--parallel is for probes, not for a stream\n"),
        (STREAM, ["--wait", "3s"], "--wait is for probes, not for a stream\n"),
        (STREAM, ["--max-loss", "1%"], "--max-loss is for probes, not for a stream\n"),
        (STREAM, ["--max-rtt", "1s"], "--max-rtt is for probes, not for a stream\n"),
        (STREAM[:2], ["--print"], "--print is for a stream: --stdin or --file\n"),
        (STREAM[:2], ["--server-name", "h"], "--cacert, --insecure and --server-name are for --tls\n"),
        (SEND, ["--rate", "5/s"], "--rate is for several messages\nhint: --count N\n"),
        (SEND, ["--mx-port", "26"], "--mx-port goes with --mx\n"),
        (SEND, ["--dns", "127.0.0.1"], "--dns goes with --mx\n"),
        (SEND, ["--allow-long-lines"], "--allow-long-lines is about a message that --raw sends"),
        (SEND, ["--bare-newline", "send"], "--bare-newline is about a message that --raw sends"),
        (SEND, ["--wire"], "--wire goes with --dry-run\n"),
        (SEND, ["--password-cmd", "x"], "a login needs the user it is for\n"),
    ],
)
def test_an_option_without_use_is_told(
    netkit: Callable[..., subprocess.CompletedProcess[str]], argv: list[str], options: list[str], said: str
) -> None:
    done = netkit(*argv, *options)
    assert done.stderr.startswith(f"netkit: {said}")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    "argv",
    [
        [*GET, "--parallel", "1", "--unordered"],  # both are given: how many is for a script to say
        [*GET, "--parallel", "8"],
        [*SEND, "--count", "1", "--rate", "5/s"],
        [*GET, "--no-proxy", "x"],
    ],
)
def test_one_that_has_its_other_is_taken(
    netkit: Callable[..., subprocess.CompletedProcess[str]], argv: list[str]
) -> None:
    assert netkit(*argv).returncode == 3
