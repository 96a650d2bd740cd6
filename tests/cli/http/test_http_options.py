"""The options of `netkit http` about requests and their way, from the command line to the wire."""

import json
import re
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from netkit.cli.commands.http.curl_words import HERE
from tests.http.conftest import Authority, Server
from tests.http.conftest import authority as authority
from tests.http.conftest import serve as serve
from tests.http.test_way import asking_for_certificates, with_passphrase

Netkit = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., Server]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"


def url_of(server: Server, scheme: str = "http", host: str = "127.0.0.1") -> str:
    return f"{scheme}://{host}:{server.port}/"


def sent(server: Server) -> dict[bytes, bytes]:
    """The headers of the last request."""
    lines = server.requests[-1].split(b"\r\n")[1:]
    return dict(line.split(b": ", 1) for line in lines if line)


def test_the_request_is_what_the_options_say(serve: Serve, netkit: Netkit) -> None:
    server = serve(OK)
    more = ("--cookie", "a=1; b=2", "--cookie", "c=é", "--range", "0-4, -5", "-A", "me", "--query", "q=a b&c")
    assert netkit("http", "get", *more, url_of(server)).stdout == "yes"
    assert server.requests[0].startswith(b"GET /?q=a%20b%26c HTTP/1.1\r\n")
    headers = sent(server)
    assert headers[b"Cookie"] == "a=1; b=2; c=é".encode()
    assert headers[b"Range"] == b"bytes=0-4,-5"
    assert (headers[b"User-Agent"], headers[b"Accept-Encoding"]) == (b"me", b"identity")
    netkit("http", "get", "--accept-encoding", "gzip, br;q=0.5", url_of(server))
    assert sent(server)[b"Accept-Encoding"] == b"gzip, br;q=0.5"
    netkit("http", "get", "--range", "0-", "-H", "range: bytes=7-", "-H", "Accept-Encoding: x", url_of(server))
    assert (sent(server)[b"range"], sent(server)[b"Accept-Encoding"]) == (b"bytes=7-", b"x")
    assert b"Range" not in sent(server)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("-L", "redirects are followed; --no-follow follows none"),
        ("-sS", "here it is -q"),
        ("-XPOST", "netkit http sends GET and HEAD alone"),
        ("-I", "here it is netkit http head"),
        ("--max-time=5", "here it is --timeout"),
        ("--no-such", "netkit http get --help lists what it takes"),
    ],
)
def test_options_of_other_tools_are_told_what_they_are_here(netkit: Netkit, option: str, hint: str) -> None:
    done = netkit("http", "get", option, "http://127.0.0.1:1/")
    assert (done.returncode, done.stdout) == (2, "")
    name = option[:2] if option[1] != "-" else option.partition("=")[0]
    assert done.stderr.splitlines() == [f"netkit http get: no such option: {name}", f"hint: {hint}"]


def test_curls_include_is_no_file_of_urls(netkit: Netkit) -> None:
    done = netkit("http", "get", "-i", "http://127.0.0.1:1/")
    assert (done.returncode, done.stderr.splitlines()[1]) == (11, "hint: --show headers,body is what -i is to curl")


def test_what_other_tools_call_otherwise_is_here(netkit: Netkit) -> None:
    """What is told of is an option, and what it is told of is none."""
    told = re.compile(r"(?<![\w-])(?:--[a-z][a-z0-9-]+|-[A-Za-z0-9]\b)")
    own = set(told.findall(netkit("http", "get", "--help").stdout.partition("Examples:")[0]))
    assert {"--header", "-H", "-4"} <= own
    assert {option for option in HERE if option in own} == set()
    assert {name for here in HERE.values() for name in told.findall(here)} - own == set()


def test_headers_come_from_a_file(serve: Serve, netkit: Netkit, tmp_path: Path) -> None:
    server, file = serve(OK), tmp_path / "headers"
    file.write_bytes("X-Api-Key: s3cret\r\n\r\nX-Two:  zwei, drei \nX-Caf: é\nAccept:\nX-Empty;".encode())
    done = netkit("http", "get", "-H", "X-One: 1", "-H", f"@{file}", "-H", "X-Last: z", url_of(server))
    assert (done.returncode, done.stdout, done.stderr) == (0, "yes", "")
    lines = server.requests[0].decode().split("\r\n")[1:-2]
    given = ["X-One: 1", "X-Api-Key: s3cret", "X-Two: zwei, drei", "X-Caf: é", "X-Empty:", "X-Last: z"]
    assert sorted(line for line in lines if line.startswith("X-")) == sorted(given)
    assert not [line for line in lines if line.startswith("Accept:")]
    assert "s3cret" not in netkit("http", "get", "--show", "request", "-H", f"@{file}", url_of(server)).stdout
    asked = len(server.requests)
    for content, code, words in (
        (b"X-A: 1\nno colon\n", 2, "header 'no colon' has no ':'"),
        (b"X-A: 1\rX-B: 2\n", 2, "header X-A: CR in the value is not allowed"),
        (b"X-A: " + bytes(2 << 20), 2, "is larger than 1 MiB: it is no file of headers"),
        (None, 11, f"cannot read the file of headers {file}: No such file or directory"),
    ):
        file.write_bytes(content) if content else file.unlink()
        done = netkit("http", "get", "-H", f"@{file}", url_of(server))
        assert (done.returncode, done.stdout, len(server.requests)) == (code, "", asked)
        assert words in done.stderr


def test_a_part_of_an_encoded_body_is_left_as_it_is(serve: Serve, netkit: Netkit) -> None:
    part = b"HTTP/1.1 206 Part\r\nContent-Encoding: gzip\r\nContent-Range: bytes 5-7/9\r\nContent-Length: 3\r\n\r\nzip"
    done = netkit("http", "get", "--range", "5-7", url_of(serve(part)))
    assert (done.returncode, done.stdout) == (0, "zip")
    assert "Content-Encoding gzip is left as it is" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--cookie", "a=1\r\nX: y"), "--cookie: CR is not allowed"),
        (("--cookie", "a"), "--cookie 'a': no NAME=VALUE"),
        (("--cookie", ";"), "--cookie: it is empty"),
        (("--range", "x"), "--range 'x': write 0-99"),
        (("--range", "9-1"), "it ends before it begins"),
        (("--range", "0-1\r\nX: y"), "write 0-99"),
        (("--accept-encoding", "gzip\r\nX: y"), "is no coding's name"),
        (("--resolve", "nonsense"), "--resolve 'nonsense': no HOST, PORT and ADDRESS in it"),
        (("--connect-to", "nonsense"), "--connect-to 'nonsense': not HOST:PORT:TO_HOST:TO_PORT"),
        (("--dns-server", "a b"), "a b"),
        (("--unix-socket", ""), "a path has 1 to 107 bytes"),
        (("--unix-socket", "/x" * 60), "a path has 1 to 107 bytes"),
        (("--proxy", "ftp://x"), "--proxy 'ftp://x': 'ftp' is none of http, https"),
        (("--proxy", "http://a:b@x"), "seen by every user of this machine"),
        (("--proxy", "socks5://joe@127.0.0.1"), "no password of joe at the proxy socks5://127.0.0.1:1080 given"),
        (("--proxy-password-cmd", "echo x"), "needs the proxy it belongs to"),
        (("--pin", "sha256//abc"), "not sha256// and 32 bytes in base64"),
        (("--pin", "A" * 43 + "="), "not sha256// and 32 bytes in base64"),
        (("--key", "/etc/hostname"), "a key needs the certificate it belongs to"),
        (("--cert", "/nonexistent"), "/nonexistent: no such file, or it cannot be read"),
        (("--tls-min", "1.3", "--tls-max", "1.2"), "--tls-max 1.2 is older than --tls-min 1.3"),
        (("--digest",), "Digest authentication needs a user"),
        (("-u", ""), "-u '': the name of the user is empty"),
        (("--show", ","), "--show ',': no part is named"),
        (("--cookie-jar", "/"), "/ is a folder"),
        (("--netrc", "-u", "joe", "--password-cmd", "echo"), "--netrc brings its own users"),
    ],
)
def test_bad_input_is_exit_2_and_nothing_is_sent(
    serve: Serve, netkit: Netkit, args: tuple[str, ...], words: str
) -> None:
    server = serve(OK)
    done = netkit("http", "get", *args, url_of(server))
    assert (done.returncode, done.stdout, server.requests) == (2, "", [])
    assert words in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_what_this_machine_has_not_is_exit_11(serve: Serve, netkit: Netkit) -> None:
    server = serve(OK)
    for args, words in (
        (("--interface", "nosuch0"), "this machine has no interface 'nosuch0'"),
        (("--cookie-jar", "/nonexistent/jar"), "cannot write /nonexistent/jar: there is no folder /nonexistent"),
        (("--proxy", "http://joe@localhost", "--proxy-password-file", "/nonexistent"), "cannot read the password"),
    ):
        done = netkit("http", "get", *args, url_of(server))
        assert (done.returncode, server.requests) == (11, []), done.stderr
        assert words in done.stderr


def test_a_clear_text_secret_is_exit_6(netkit: Netkit) -> None:
    done = netkit("http", "get", "--proxy", "http://joe@proxy.test", "http://127.0.0.1:1/")
    assert (done.returncode, done.stdout) == (6, "")
    assert "the login would go over the network in clear text" in done.stderr
    done = netkit("http", "get", "-u", "joe", "--password-cmd", "echo x", "http://example.test/", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (6, "plaintext_secret")


def test_netrc_has_a_default_and_a_file_of_the_users(serve: Serve, netkit: Netkit, tmp_path: Path) -> None:
    server = serve(OK)
    file = tmp_path / "netrc"
    file.write_text("machine localhost login joe password sesame\ndefault login any password thing\n")
    file.chmod(0o600)
    netkit("http", "get", "--netrc-file", str(file), url_of(server, host="localhost"), "-4")
    assert sent(server)[b"Authorization"] == b"Basic am9lOnNlc2FtZQ=="
    netkit("http", "get", "--netrc-file", str(file), url_of(server))
    assert sent(server)[b"Authorization"] == b"Basic YW55OnRoaW5n"
    done = netkit("http", "get", "--netrc-file", str(tmp_path / "none"), url_of(server))
    assert (done.returncode, len(server.requests)) == (11, 2)


def test_a_jar_is_kept_between_commands(netkit: Netkit, lab: Mapping[str, str], tmp_path: Path) -> None:
    jar = tmp_path / "jar"
    url = lab["NETKIT_LAB_HTTP"]
    done = netkit("http", "get", "--cookie-jar", str(jar), f"{url}/cookies/set?flavour=mint")
    assert (json.loads(done.stdout), done.stderr) == ({"cookies": {"flavour": "mint"}}, "")
    assert jar.stat().st_mode & 0o777 == 0o600
    done = netkit("http", "get", "--cookie-jar", str(jar), f"{url}/cookies", f"{url}/response-headers?Set-Cookie=b%3D2")
    assert json.loads(done.stdout.partition("}\n}\n")[0] + "}}") == {"cookies": {"flavour": "mint"}}
    assert done.stderr == ""
    lines = [line.split("\t")[5:] for line in jar.read_text().splitlines() if "\t" in line]
    assert sorted(lines) == [["b", "2"], ["flavour", "mint"]]
    before = jar.stat().st_ino
    netkit("http", "get", "--cookie-jar", str(jar), f"{url}/cookies")
    assert jar.stat().st_ino == before  # nothing has changed
    jar.write_text("nonsense\n")
    done = netkit("http", "get", "--cookie-jar", str(jar), f"{url}/cookies")
    assert (done.returncode, jar.read_text()) == (2, "nonsense\n")
    assert f"{jar}: line 1 is no cookie" in done.stderr


def test_secrets_are_masked_unless_they_are_asked_for(serve: Serve, netkit: Netkit) -> None:
    server = serve(OK)
    more = ("-u", "joe", "--password-cmd", "printf sesame", "--cookie", "c=secret", "--trace=hex", url_of(server))
    words = ("am9lOnNlc2FtZQ", "c=secret")
    for form in (("--json",), ("--show", "request")):
        done = netkit("http", "get", *form, *more)
        assert not any(word in done.stdout + _text_of(done.stderr) for word in words)
        done = netkit("http", "get", *form, "--show-secrets", *more)
        assert all(word in done.stdout for word in words)
        assert all(word in _text_of(done.stderr) for word in words)


def _text_of(hexdump: str) -> str:
    """The characters at the right of --trace=hex, put together."""
    rows = re.findall(r"^ {10}[0-9a-f]{6}  .{39}  (.*)$", hexdump, re.MULTILINE)
    return "".join(rows)


def test_a_passphrase_is_found(serve: Serve, authority: Authority, netkit: Netkit, tmp_path: Path) -> None:
    url = url_of(serve(OK, asking_for_certificates(authority)), "https")
    certificate, key = authority.files("client")
    locked = with_passphrase(key, "sesame")
    more = ("http", "get", "--cacert", authority.ca, "--cert", certificate, "--key", locked)
    (tmp_path / "phrase").write_text("sesame\n")
    assert netkit(*more, "--key-password-cmd", "echo sesame", url).stdout == "yes"
    assert netkit(*more, "--key-password-file", str(tmp_path / "phrase"), url).stdout == "yes"
    assert netkit(*more, url, env={"NETKIT_KEY_PASSWORD": "sesame"}).stdout == "yes"
    done = netkit(*more, url)
    assert (done.returncode, done.stderr) == (
        2,
        f"netkit: no passphrase of {locked} given, and no terminal to ask on\n"
        "hint: --key-password-cmd, --key-password-file or NETKIT_KEY_PASSWORD brings it\n",
    )
    done = netkit(*more, "--key-password-cmd", "echo wrong", url)
    assert (done.returncode, "or another passphrase" in done.stderr) == (2, True)


def test_a_certificate_steers_no_terminal(serve: Serve, authority: Authority, terminal: Callable[..., Any]) -> None:
    evil = "evil\x1b]0;title\x07\u202e"
    url = url_of(serve(OK, authority.context("127.0.0.1", common=evil, self_signed=True)), "https")
    for more in ((), ("-k",)):
        shown = "\n".join(terminal("http", "get", "--show", "tls,headers", *more, url).lines)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        assert "evil\\x1b]0;title\\x07\\u202e" in shown.replace("\\;", ";")  # RFC 4514 escapes the semicolon


def test_a_redirect_steers_no_terminal(serve: Serve, terminal: Callable[..., Any]) -> None:
    for target in ("ftp://\x1b[31m\x9b/", "http://[\x1b[31m/"):
        answer = b"HTTP/1.1 302 Go\r\nLocation: " + target.encode("latin-1") + b"\r\nContent-Length: 0\r\n\r\n"
        shown = "\n".join(terminal("http", "get", url_of(serve(answer))).lines)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
        assert "\\x1b[31m" in shown


def test_a_proxy_of_the_environment_that_is_not_used_does_no_harm(serve: Serve, netkit: Netkit) -> None:
    url = url_of(serve(OK))
    for proxy, code in (("http://joe:secret@far.test:3128", 6), ("nonsense://x", 2)):
        assert netkit("http", "get", url, env={"http_proxy": proxy, "no_proxy": "127.0.0.1"}).stdout == "yes"
        done = netkit("http", "get", url, env={"http_proxy": proxy})
        assert (done.returncode, done.stdout, "http_proxy '" in done.stderr) == (code, "", True)


def test_a_silent_server_is_given_up(serve: Serve, netkit: Netkit) -> None:
    def wait(connection: socket.socket, _: bytes) -> None:
        connection.recv(1)

    done = netkit("http", "get", "--stall-timeout", "200ms", url_of(serve(wait)))
    assert (done.returncode, "nothing came for 0.2 s, waiting for the answer" in done.stderr) == (4, True)
