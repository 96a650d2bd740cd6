"""How a request gets to its server: sockets, names, interfaces, TLS as asked for, cookies and Digest on the way."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from netkit.errors import BadInput, Exit, LocalFailure
from netkit.events import Step
from netkit.http import Request, Response, fetch, parse_url
from netkit.http.headers import parse_header
from netkit.http.overrides import Overrides, parse_connect_to, parse_resolve
from netkit.http.report import document
from netkit.lab import running
from netkit.net.cookies import CookieJar
from netkit.net.route import Hidden, Identity, Route
from tests.conftest import MS

Serve = Callable[..., Any]


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


def redirect(url: str, *headers: bytes) -> bytes:
    return ok(b"", b"Location: " + url.encode(), *headers, status=b"302 Found")


def fetched(url: str, **options: Any) -> Response:
    """Options are those of the request or of its route."""
    route = Route(**{name: options.pop(name) for name in Route._fields if name in options})
    headers = tuple(map(parse_header, options.pop("headers", ())))
    return fetch(Request(parse_url(url), headers=headers, route=route, **options))


def failure(response: Response) -> tuple[int, str]:
    assert response.error is not None
    return int(response.exit_code), response.error.kind


@pytest.fixture(scope="module")
def lab() -> Iterator[dict[str, str]]:
    with running(bind=["127.0.0.1"]) as running_lab:
        yield running_lab.environment


# --- sockets, names, interfaces


@pytest.fixture
def unix_server(tmp_path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A server at a path that answers every connection once, and the requests it got."""
    path, requests = str(tmp_path / "app.sock"), []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def run() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    request = connection.recv(65536)
                    if not request:
                        return
                    requests.append(request)
                    connection.sendall(ok(b"local") if b"GET /to" not in request else redirect("http://other/"))

        thread = threading.Thread(target=run)
        thread.start()
        yield path, requests
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(path)
        thread.join()


def test_a_unix_socket_is_the_way_for_every_hop(unix_server: tuple[str, list[bytes]]) -> None:
    path, requests = unix_server
    response = fetched("http://app/to", unix_socket=path, auth=("u", "p"))
    assert response.body.content == b"local"
    assert [request.split(b"\r\n")[1] for request in requests] == [b"Host: app", b"Host: other"]
    assert [b"Authorization" in request for request in requests] == [True, False]
    hop = document(response)["hops"][0]
    assert (hop["unix_socket"], hop["remote"], hop["failed"]) == (path, None, None)


def test_an_address_of_the_other_family_is_not_connected_to(serve: Serve) -> None:
    server = serve(ok(b"there"))
    response = fetched(f"http://127.0.0.1:{server.port}/", family=6)
    assert (failure(response), response.hops) == ((3, "unreachable"), ())
    assert str(response.error).endswith("127.0.0.1 is an IPv4 address, and -6 asks for IPv6 alone")
    assert failure(fetched("http://[::1]:1/", family=4)) == (3, "unreachable")
    elsewhere = Overrides((), (parse_connect_to(f"::127.0.0.1:{server.port}"),))
    assert failure(fetched("http://lab.test/", family=6, overrides=elsewhere)) == (3, "unreachable")
    assert server.requests == []
    assert fetched(f"http://127.0.0.1:{server.port}/", family=4).body.content == b"there"
    assert len(server.requests) == 1


def test_a_unix_socket_that_is_not_there(tmp_path: Path) -> None:
    response = fetched("http://app/", unix_socket=str(tmp_path / "none"))
    assert failure(response) == (3, "unreachable")
    assert str(response.error) == f"cannot connect to unix:{tmp_path / 'none'}: no such socket"
    (tmp_path / "file").touch()
    assert str(fetched("http://app/", unix_socket=str(tmp_path / "file")).error).endswith(": refused")
    with pytest.raises(BadInput, match="nothing is looked up"):
        fetched("http://app/", unix_socket="/x", dns_servers=("192.0.2.1",))


def test_resolve_gives_a_name_addresses(serve: Serve) -> None:
    server = serve(ok(b"here"))
    overrides = Overrides((parse_resolve(f"far.test:{server.port}:127.0.0.1"),))
    response = fetched(f"http://far.test:{server.port}/", overrides=overrides)
    assert response.body.content == b"here"
    assert b"Host: far.test:%d\r\n" % server.port in server.requests[0]


def test_connect_to_goes_elsewhere_under_the_same_name(serve: Serve) -> None:
    server = serve(ok(b"here"))
    detours = (parse_connect_to(f"far.test:80:near.test:{server.port}"),)
    overrides = Overrides((parse_resolve("near.test:127.0.0.1"),), detours)
    assert fetched("http://far.test/", overrides=overrides).body.content == b"here"
    assert b"Host: far.test\r\n" in server.requests[0]
    closed = Overrides((), (parse_connect_to("::127.0.0.1:1"),))
    response = fetched("http://far.test/", overrides=closed)
    assert str(response.error) == "cannot connect to far.test:80 by way of 127.0.0.1:1: 127.0.0.1:1 refused"


def test_a_name_on_the_certificate_is_still_the_urls(serve: Serve, authority: Any) -> None:
    server = serve(ok(b""), authority.context("far.test"))
    overrides = Overrides((), (parse_connect_to(f"::127.0.0.1:{server.port}"),))
    assert fetched("https://far.test/", overrides=overrides, cacert=authority.ca).exit_code is Exit.OK
    assert failure(fetched("https://near.test/", overrides=overrides, cacert=authority.ca)) == (6, "cert_wrong_host")


def test_the_users_dns_servers_are_asked(lab: dict[str, str]) -> None:
    port = lab["NETKIT_LAB_HTTP"].rpartition(":")[2]
    servers = (lab["NETKIT_LAB_DNS"],)
    response = fetched(f"http://www.lab.test:{port}/hello", dns_servers=servers, family=4)
    assert response.body.content == b"Hello from the lab.\n"
    (hop,) = response.hops
    assert hop.timings.dns is not None
    assert hop.timings.dns >= hop.hop.lookup_ms > 0
    assert sum(span for span in hop.timings[:-1] if span is not None) == pytest.approx(hop.timings.total, abs=0.01)
    steps: list[Step] = []
    request = Request(
        parse_url(f"http://www.lab.test:{port}/redirect/2"), dns_servers=servers, route=Route(family=4)
    )  # fmt: skip
    assert [hop.reused for hop in fetch(request, on_event=steps.append).hops] == [False, True, True]
    assert sum(step.address == servers[0] and step.name == "send" for step in steps) == 1
    response = fetched(f"http://missing.lab.test:{port}/", dns_servers=servers)
    assert failure(response) == (3, "no_such_host")
    assert str(response.error) == f"missing.lab.test: no such host, asked of {servers[0]}"
    assert document(response)["hops"] == []
    response = fetched("http://www.lab.test/", dns_servers=("127.0.0.1:1",), timeout=2.0)
    assert failure(response)[0] == 3


def test_an_interface_that_is_not_there_is_said_before_anything_is_looked_up(serve: Serve) -> None:
    server = serve(ok(b""))
    url = f"http://127.0.0.1:{server.port}/"
    for name, words in (("nosuch0", "no interface 'nosuch0'"), ("192.0.2.1", "192.0.2.1: address not available")):
        response = fetched(url, interface=name)
        assert failure(response) == (11, "interface")
        assert words in str(response.error)
    assert server.requests == []
    assert fetched(url, interface="127.0.0.1").exit_code is Exit.OK


def test_silence_amid_the_body_is_a_stall(serve: Serve) -> None:
    over = threading.Event()

    def stop(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        over.wait(30_000 * MS)

    response = fetched(f"http://127.0.0.1:{serve(stop).port}/", stall_timeout=0.2)
    over.set()
    assert failure(response) == (4, "timeout_stall")
    assert str(response.error).endswith("nothing came for 0.2 s, after 3 of 10 bytes of the body")


def test_silence_instead_of_an_answer_is_a_stall(serve: Serve) -> None:
    over = threading.Event()
    response = fetched(f"http://127.0.0.1:{serve(lambda *_: over.wait(30_000 * MS)).port}/", stall_timeout=0.2)
    over.set()
    assert str(response.error).endswith("nothing came for 0.2 s, waiting for the answer")


# --- TLS as asked for


def test_pins_are_kept_and_what_came_is_shown(serve: Serve, authority: Any) -> None:
    server = serve(ok(b"here"), authority.context("127.0.0.1"))
    url = f"https://127.0.0.1:{server.port}/"
    response = fetched(url, cacert=authority.ca)
    pin = document(response)["hops"][0]["tls"]["chain"][0]["pin"]
    assert pin.startswith("sha256//")
    wrong = f"sha256//{'A' * 43}="
    assert fetched(url, cacert=authority.ca, pins=(pin,)).exit_code is Exit.OK
    assert fetched(url, cacert=authority.ca, pins=(wrong, pin)).exit_code is Exit.OK
    assert fetched(url, insecure=True, pins=(pin,)).exit_code is Exit.OK
    for how in ({"cacert": authority.ca}, {"insecure": True}):
        response = fetched(url, pins=(wrong,), **how)
        assert failure(response) == (6, "pin")
        assert f"the server's key is {pin}, not the one" in str(response.error)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("lowest", "highest", "spoken"), [("1.2", None, "TLSv1.3"), ("1.2", "1.2", "TLSv1.2"), ("1.3", "1.3", "TLSv1.3")]
)
def test_tls_versions(serve: Serve, authority: Any, lowest: Any, highest: Any, spoken: str) -> None:
    server = serve(ok(b""), authority.context("127.0.0.1"))
    response = fetched(
        f"https://127.0.0.1:{server.port}/", cacert=authority.ca, tls_min=lowest, tls_max=highest
    )  # fmt: skip
    assert document(response)["hops"][0]["tls"]["version"] == spoken


def test_a_server_whose_tls_is_too_old_is_refused(serve: Serve, authority: Any) -> None:
    context = authority.context("127.0.0.1")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    url = f"https://127.0.0.1:{serve(ok(b''), context).port}/"
    assert failure(fetched(url, cacert=authority.ca, tls_min="1.3")) == (6, "tls_handshake")
    assert fetched(url, cacert=authority.ca).exit_code is Exit.OK


def asking_for_certificates(authority: Any) -> ssl.SSLContext:
    context: ssl.SSLContext = authority.context("127.0.0.1")
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # so that a refusal comes with the handshake
    return context


def with_passphrase(key: str, passphrase: str) -> str:
    loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    how = serialization.BestAvailableEncryption(passphrase.encode())
    pem = loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    path = Path(key).with_suffix(".locked")
    path.write_bytes(pem)
    return str(path)


def test_a_client_certificate_is_shown(serve: Serve, authority: Any, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{serve(ok(b'you'), asking_for_certificates(authority)).port}/"
    certificate, key = authority.files("client")
    both = tmp_path / "both.pem"
    both.write_bytes(Path(certificate).read_bytes() + Path(key).read_bytes())
    locked = with_passphrase(key, "sesame")
    for identity in (
        Identity(certificate, key),
        Identity(str(both)),
        Identity(certificate, locked, Hidden("sesame")),
    ):
        assert fetched(url, cacert=authority.ca, identity=identity).body.content == b"you"
    assert failure(fetched(url, cacert=authority.ca))[0] == 6
    another = authority.files("another")[1]
    for identity, words in (
        (Identity(certificate, another), "not the key of the certificate"),
        (Identity(certificate, locked, Hidden("wrong")), "or another passphrase"),
        (Identity(certificate, locked), "or another passphrase"),
        (Identity(certificate), "no private key"),
        (Identity(key, key), "no client certificate"),
    ):
        response = fetched(url, cacert=authority.ca, identity=identity)
        assert failure(response) == (2, "cert"), identity
        assert words in str(response.error)


def test_a_client_certificate_is_not_shown_to_another_origin(serve: Serve, authority: Any) -> None:
    seen: list[Any] = []

    def note(connection: Any, _: bytes) -> None:
        seen.append(connection.getpeercert())
        connection.sendall(ok(b""))

    def context() -> ssl.SSLContext:
        made: ssl.SSLContext = authority.context("127.0.0.1")
        made.load_verify_locations(authority.ca)
        made.verify_mode = ssl.CERT_OPTIONAL
        return made

    second = serve(note, context())

    def first(connection: Any, _: bytes) -> None:
        seen.append(connection.getpeercert())
        connection.sendall(redirect(f"https://127.0.0.1:{second.port}/"))

    server = serve(first, context())
    identity = Identity(*authority.files("client"))
    response = fetched(f"https://127.0.0.1:{server.port}/", cacert=authority.ca, identity=identity)
    assert response.exit_code is Exit.OK
    assert [bool(one) for one in seen] == [True, False]


# --- cookies


def jar_of(tmp_path: Path, *lines: str) -> CookieJar:
    (tmp_path / "jar").write_text("".join(f"{line}\n" for line in lines))
    return CookieJar(str(tmp_path / "jar"))


def cookies_of(request: bytes) -> list[bytes]:
    return [line.partition(b": ")[2] for line in request.split(b"\r\n") if line.lower().startswith(b"cookie:")]


def test_a_jar_takes_and_gives_cookies_over_redirects(serve: Serve, tmp_path: Path) -> None:
    other = serve(ok(b"end", b"Set-Cookie: third=3; Max-Age=1000; HttpOnly"))
    answers = [
        redirect("/sub/page", b"Set-Cookie: first=1; Path=/", b"Set-Cookie: deep=x; Path=/elsewhere"),
        redirect(f"http://localhost:{other.port}/", b"Set-Cookie: second=2", b"Set-Cookie: old=; Max-Age=0; Path=/"),
    ]
    server = serve(lambda connection, _: connection.sendall(answers.pop(0)), keep_alive=True)
    jar = jar_of(tmp_path, "# a comment", "", "127.0.0.1\tFALSE\t/\tFALSE\t0\told\tvalue")
    response = fetched(f"http://127.0.0.1:{server.port}/", jar=jar, cookie="mine=m", headers=["Cookie: own=o"])
    assert response.body.content == b"end"
    assert [cookies_of(one) for one in server.requests] == [
        [b"old=value; mine=m; own=o"],
        [b"first=1; old=value; mine=m; own=o"],
    ]
    assert [cookies_of(one) for one in other.requests] == [[]]
    jar.save()
    assert (tmp_path / "jar").stat().st_mode & 0o777 == 0o600
    kept = {(fields[0], fields[5]): fields for fields in (line.split("\t") for line in jar.cookies.values())}
    assert kept.keys() == {
        ("127.0.0.1", "first"),
        ("127.0.0.1", "deep"),
        ("127.0.0.1", "second"),
        ("#HttpOnly_localhost", "third"),
    }
    assert CookieJar(str(tmp_path / "jar")).cookies == jar.cookies
    again = fetched(f"http://localhost:{other.port}/", jar=CookieJar(str(tmp_path / "jar")))
    assert again.exit_code is Exit.OK
    assert cookies_of(other.requests[1]) == [b"third=3"]


NEVER = "2147483647"


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (f"far.test\tFALSE\t/\tFALSE\t{NEVER}\tc\tv", True),
        (f"far.test\tFALSE\t/\tTRUE\t{NEVER}\tc\tv", False),  # Secure, over http
        (f"other.test\tFALSE\t/\tFALSE\t{NEVER}\tc\tv", False),
        (f".test\tTRUE\t/\tFALSE\t{NEVER}\tc\tv", False),  # a public suffix
        (f"far.test\tFALSE\t/other\tFALSE\t{NEVER}\tc\tv", False),
        (f"far.test\tFALSE\t/page\tFALSE\t{NEVER}\tc\tv", True),
        (f"#HttpOnly_far.test\tFALSE\t/\tFALSE\t{NEVER}\tc\tv", True),
        ("far.test\tFALSE\t/\tFALSE\t1000\tc\tv", False),  # expired in 1970
        ("far.test\tFALSE\t/\tFALSE\t0\tc\tv", True),  # of a session, which is the file's
        (f".far.test\tTRUE\t/\tFALSE\t{NEVER}\tc\tv", True),
    ],
)
def test_whom_a_cookie_of_the_file_goes_to(serve: Serve, tmp_path: Path, line: str, sent: bool) -> None:
    server = serve(ok(b""))
    overrides = Overrides((), (parse_connect_to(f"::127.0.0.1:{server.port}"),))
    fetched("http://far.test/page/1", jar=jar_of(tmp_path, line), overrides=overrides)
    assert cookies_of(server.requests[0]) == ([b"c=v"] if sent else [])


@pytest.mark.parametrize(
    "value",
    [
        b"c=v; Domain=other.test",
        b"c=v; Domain=test",
        b"__Host-c=v; Path=/",  # needs Secure
        b"__Secure-c=v",
        b"c=v; Secure",
        b"c=a\x01b",
    ],
)
def test_cookies_that_no_server_may_set(serve: Serve, tmp_path: Path, value: bytes) -> None:
    server = serve(ok(b"", b"Set-Cookie: " + value))
    overrides = Overrides((), (parse_connect_to(f"::127.0.0.1:{server.port}"),))
    jar = jar_of(tmp_path)
    assert fetched("http://far.test/", jar=jar, overrides=overrides).exit_code is Exit.OK
    assert jar.cookies == {}


@pytest.mark.parametrize(
    "line",
    [
        "what",
        "a\tb\tc",
        "h\tFALSE\t/\tFALSE\tsoon\tc\tv",
        "h\tFALSE\t/\tFALSE\t0\tc\tv\tmore",
        "h\tFALSE\t/\tFALSE\t0\tc\tv\x01",
    ],
)
def test_a_file_that_is_none_of_cookies(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadInput, match="line 2 is no cookie"):
        jar_of(tmp_path, "# Netscape", line)


def test_a_device_is_written_and_not_replaced() -> None:
    jar = CookieJar("/dev/null")
    jar.cookies[("h", "/", "c")] = "h\tFALSE\t/\tFALSE\t0\tc\tv"
    jar.save()
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_told() -> None:
    jar = CookieJar("/dev/null")
    jar.file = Path("/dev/full")
    jar.cookies[("h", "/", "c")] = "h\tFALSE\t/\tFALSE\t0\tc\tv"
    with pytest.raises(LocalFailure, match="cannot write /dev/full: No space left"):
        jar.save()


def test_two_handles_share_a_jar(tmp_path: Path) -> None:
    """What one was sent is not lost when the other, begun before, is done."""

    class Handle:
        COOKIEFILE = COOKIELIST = INFO_COOKIELIST = 0

        def __init__(self, *now: str) -> None:
            self.now = now

        def setopt(self, *_: object) -> None: ...

        def getinfo_raw(self, _: int) -> list[bytes]:
            return [line.encode() for line in self.now]

    line = "h\tFALSE\t/\tFALSE\t0\t{}\tv"
    jar = jar_of(tmp_path, line.format("gone"))
    first, second = Handle(line.format("one")), Handle(line.format("gone"), line.format("two"))
    given = [jar.hand_to(first), jar.hand_to(second)]
    jar.take_from(first, given[0])
    jar.take_from(second, given[1])
    assert sorted(key[2] for key in jar.cookies) == ["one", "two"]


# --- Digest


@pytest.mark.parametrize("query", ["", "?algorithm=MD5", "?stale=1"])
def test_digest_against_the_lab(lab: dict[str, str], query: str) -> None:
    url = f"{lab['NETKIT_LAB_HTTP']}/digest-auth/joe/s%C3%A9same{query}"
    response = fetched(url, auth=("joe", "sésame"), digest_auth=True)
    assert response.exit_code is Exit.OK
    statuses = [401, 401, 200] if "stale" in query else [401, 200]
    assert [hop.head.status for hop in response.hops if hop.head] == statuses
    assert b'"authenticated": true' in (response.body.content or b"")
    sent = document(response)["hops"][-1]["request"]["headers"]
    assert ["Authorization", "***"] in sent
    assert response.hops[-1].reused


def test_digest_refused_is_told_once(lab: dict[str, str]) -> None:
    response = fetched(f"{lab['NETKIT_LAB_HTTP']}/digest-auth/joe/right", auth=("joe", "wrong"), digest_auth=True)
    assert failure(response) == (7, "http_401")
    assert len(response.hops) == 2
    basic = fetched(f"{lab['NETKIT_LAB_HTTP']}/basic-auth/joe/right", auth=("joe", "right"), digest_auth=True)
    assert (failure(basic), len(basic.hops)) == ((7, "http_401"), 1)


def test_digest_goes_with_its_origin_alone(serve: Serve) -> None:
    challenge = b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
    other = serve(ok(b"why", challenge, status=b"401 Unauthorized"))
    answers = [
        ok(b"who", challenge, status=b"401 Unauthorized"),
        redirect("/next"),
        redirect(f"http://127.0.0.1:{other.port}/"),
    ]
    server = serve(lambda connection, _: connection.sendall(answers.pop(0)), keep_alive=True)
    response = fetched(f"http://127.0.0.1:{server.port}/", auth=("u", "p"), digest_auth=True)
    assert failure(response) == (7, "http_401")
    assert [b"Authorization: Digest" in request for request in server.requests] == [False, True, True]
    assert b"nc=00000002" in server.requests[2]
    assert [b"Authorization" in request for request in other.requests] == [False]
    assert response.body.content == b"why"
