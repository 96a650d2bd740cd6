"""`netkit http` through real proxies: tinyproxy (HTTP, CONNECT, Basic), Squid (the same, Digest), microsocks and Dante
(SOCKS 4, 5, 5h)."""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from netkit.lab import running

Run = Callable[..., subprocess.CompletedProcess[str]]
SECRET = {"NETKIT_PROXY_PASSWORD": "secret"}
TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 20
BasicAuth joe secret
ConnectPort {tls}
"""
DANTE = """
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 0.0.0.0/0 to: 0.0.0.0/0 port = 9 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
"""
SQUID = """
http_port 127.0.0.1:{port}
auth_param digest program /usr/local/lib/squid/digest_file_auth -c {root}/users
auth_param digest children 1 startup=1
auth_param digest realm a proxy
acl in proxy_auth REQUIRED
http_access allow in
cache deny all
pid_filename none
access_log none
cache_log {root}/log
mime_table {root}/mime
icon_directory {root}
error_directory {root}
netdb_filename none
pinger_enable off
unlinkd_program /bin/true
coredump_dir none
shutdown_lifetime 0
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Mapping[str, str]]:
    with running(bind=["127.0.0.1"]) as running_lab:
        yield running_lab.environment


@pytest.fixture
def urls(lab: Mapping[str, str]) -> list[str]:
    return [f"{lab['NETKIT_LAB_HTTP']}/hello", f"{lab['NETKIT_LAB_HTTPS']}/hello"]


def port_of(url: str) -> str:
    return url.split("/")[2].rpartition(":")[2]


@pytest.fixture
def tinyproxy(
    program: Callable[[str], str],
    free_port: Callable[[], int],
    daemon: Callable[..., object],
    tmp_path: Path,
    urls: list[str],
) -> str:
    path, port = program("tinyproxy"), free_port()
    (tmp_path / "tinyproxy.conf").write_text(TINYPROXY.format(port=port, tls=port_of(urls[1])))
    daemon(path, "-d", "-c", str(tmp_path / "tinyproxy.conf"), port=port)
    return f"127.0.0.1:{port}"


@pytest.fixture
def squid(
    program: Callable[[str], str],
    free_port: Callable[[], int],
    daemon: Callable[..., object],
) -> Iterator[str]:
    """It gives up root's rights, so its folder is one that others may enter."""
    path, port = program("squid"), free_port()
    with tempfile.TemporaryDirectory(prefix="netkit-squid-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        root.chmod(0o777)
        (root / "users").write_text(f"joe:a proxy:{hashlib.md5(b'joe:a proxy:secret').hexdigest()}\n")
        (root / "mime").write_text("")
        (root / "squid.conf").write_text(SQUID.format(port=port, root=root))
        daemon(path, "-N", "-f", str(root / "squid.conf"), port=port)
        yield f"127.0.0.1:{port}"


@pytest.fixture
def microsocks(program: Callable[[str], str], free_port: Callable[[], int], daemon: Callable[..., object]) -> str:
    path, port = program("microsocks"), free_port()
    daemon(path, "-i", "127.0.0.1", "-p", str(port), "-u", "joe", "-P", "secret", port=port)
    return f"127.0.0.1:{port}"


@pytest.fixture
def dante(
    program: Callable[[str], str], free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path
) -> str:
    path, port = program("danted"), free_port()
    (tmp_path / "danted.conf").write_text(DANTE.format(port=port))
    daemon(path, "-f", str(tmp_path / "danted.conf"), "-p", str(tmp_path / "danted.pid"), port=port)
    return f"127.0.0.1:{port}"


def through(netkit: Run, proxy: str, url: str, lab: Mapping[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    return netkit("http", "get", "--proxy", proxy, "--cacert", lab["NETKIT_LAB_CA"], *more, url, env=SECRET)


def test_an_http_proxy(
    tinyproxy: str, urls: list[str], lab: Mapping[str, str], netkit: Run, program: Callable[[str], str]
) -> None:
    for url in urls:
        done = through(netkit, f"http://joe@{tinyproxy}", url, lab, "--json")
        document = json.loads(done.stdout)
        assert document["body"]["content"] == "Hello from the lab.\n", done.stderr
        hop = document["hops"][0]
        assert (hop["proxy"], hop["remote"]["port"]) == (f"http://{tinyproxy}", int(tinyproxy.rpartition(":")[2]))
        more = ("--proxy-user", "joe:secret", "--cacert", lab["NETKIT_LAB_CA"], url)
        told = subprocess.run(
            [program("curl"), "-q", "-sS", "--proxy", tinyproxy, *more], capture_output=True, text=True, check=True
        )
        assert told.stdout == document["body"]["content"]


def test_an_http_proxy_gets_its_own_secret_alone(
    tinyproxy: str, urls: list[str], lab: Mapping[str, str], netkit: Run
) -> None:
    """Of https:// it sees the name; the trace shows what went to it, here with its secrets."""
    url = urls[1].replace("/hello", "/headers")
    more = ("-u", "ann", "--password-cmd", "printf own", "--show-secrets", "--trace=hex")
    done = through(netkit, f"http://joe@{tinyproxy}", url, lab, *more)
    assert done.returncode == 0
    sent = json.loads(done.stdout)["headers"]
    assert sent["Authorization"] == "Basic YW5uOm93bg=="
    assert not any(name.lower().startswith("proxy") for name in sent)
    assert "CONNECT 127.0.0.1:" in done.stderr


@pytest.mark.parametrize(
    ("number", "words"), [(0, "407 Proxy Authentication Required"), (1, "answered 407 to CONNECT")]
)
def test_an_http_proxy_that_wants_a_login(
    tinyproxy: str, urls: list[str], lab: Mapping[str, str], netkit: Run, number: int, words: str
) -> None:
    done = through(netkit, f"http://{tinyproxy}", urls[number], lab)
    assert done.returncode == 7
    assert words in done.stderr


def test_what_an_http_proxy_says_no_to(tinyproxy: str, lab: Mapping[str, str], netkit: Run) -> None:
    done = through(netkit, f"http://joe@{tinyproxy}", "https://127.0.0.1:1/", lab)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        f"netkit: https://127.0.0.1:1/: the proxy http://{tinyproxy} answered 403 to CONNECT",
    )
    assert through(netkit, f"http://joe@{tinyproxy}", "http://127.0.0.1:1/", lab).returncode == 9


def test_a_login_by_digest(squid: str, urls: list[str], lab: Mapping[str, str], netkit: Run) -> None:
    for url in urls:
        done = through(netkit, f"http://joe@{squid}", url, lab, "--proxy-digest")
        assert (done.returncode, done.stdout) == (0, "Hello from the lab.\n"), done.stderr
        assert through(netkit, f"http://joe@{squid}", url, lab).returncode == 7  # by Basic
        assert through(netkit, f"http://jim@{squid}", url, lab, "--proxy-digest").returncode == 7
    many = [url for url in urls for _ in range(20)]
    done = through(netkit, f"http://joe@{squid}", many[0], lab, "--proxy-digest", "--parallel", "8", *many[1:])
    assert (done.returncode, done.stdout) == (0, "Hello from the lab.\n" * 40)


def test_the_environment_is_honoured(tinyproxy: str, urls: list[str], lab: Mapping[str, str], netkit: Run) -> None:
    more = ("http", "get", "--json", "--cacert", lab["NETKIT_LAB_CA"])
    proxy = f"http://joe:secret@{tinyproxy}"

    def used(url: str, *argv: str, **env: str) -> str | None:
        done = netkit(*more, *argv, url, env=env)
        assert done.returncode == 0, done.stderr
        assert "secret" not in done.stdout + done.stderr
        found: str | None = json.loads(done.stdout)["hops"][0]["proxy"]
        return found

    shown = f"http://{tinyproxy}"
    assert used(urls[0], http_proxy=proxy) == shown
    assert used(urls[1], https_proxy=proxy) == shown
    assert used(urls[1], ALL_PROXY=proxy) == shown
    assert used(urls[0], HTTP_PROXY=proxy) is None
    assert used(urls[0], http_proxy=proxy, no_proxy="127.0.0.0/8") is None
    assert used(urls[0], "--no-proxy", "*", http_proxy=proxy) is None
    assert used(urls[0], "--no-proxy", "other.test", http_proxy=proxy, no_proxy="*") == shown


def test_socks_with_a_login(microsocks: str, urls: list[str], lab: Mapping[str, str], netkit: Run) -> None:
    for scheme in ("socks5", "socks5h"):
        for url in urls:
            done = through(netkit, f"{scheme}://joe@{microsocks}", url, lab)
            assert (done.returncode, done.stdout) == (0, "Hello from the lab.\n"), done.stderr
    done = through(netkit, f"socks5://{microsocks}", urls[0], lab)
    assert (done.returncode, "wants another login" in done.stderr) == (7, True)
    done = through(netkit, f"socks5://jim@{microsocks}", urls[0], lab)
    assert (done.returncode, "wants another login" in done.stderr) == (7, True)


def test_who_looks_the_name_up(microsocks: str, lab: Mapping[str, str], netkit: Run) -> None:
    """socks5 takes the address that --resolve gives, socks5h the proxy's word, which knows no such name."""
    url = f"http://nowhere.invalid:{port_of(lab['NETKIT_LAB_HTTP'])}/hello"
    given = ("--resolve", "nowhere.invalid:127.0.0.1")
    assert through(netkit, f"socks5://joe@{microsocks}", url, lab, *given).stdout == "Hello from the lab.\n"
    done = through(netkit, f"socks5h://joe@{microsocks}", url, lab, *given)
    assert done.returncode == 3
    assert "cannot reach it: general failure" in done.stderr
    done = through(netkit, f"socks5h://joe@{microsocks}", "http://127.0.0.1:1/", lab)
    assert (done.returncode, "cannot reach it: refused" in done.stderr) == (3, True)


def test_socks_4_and_5(dante: str, urls: list[str], lab: Mapping[str, str], netkit: Run) -> None:
    for scheme in ("socks4", "socks5", "socks5h"):
        done = through(netkit, f"{scheme}://{dante}", urls[0], lab)
        assert (done.returncode, done.stdout) == (0, "Hello from the lab.\n"), done.stderr
    done = through(netkit, f"socks5://{dante}", "http://127.0.0.1:9/", lab)
    assert (done.returncode, "does not allow it" in done.stderr) == (1, True)
    done = through(netkit, f"socks4://{dante}", "http://127.0.0.1:9/", lab)
    assert (done.returncode, "rejected or failed" in done.stderr) == (3, True)


def test_a_server_in_tls_is_no_proxy_without(urls: list[str], lab: Mapping[str, str], netkit: Run) -> None:
    done = through(netkit, f"http://joe@{urls[1].split('/')[2]}", urls[1], lab)
    assert (done.returncode, "hung up" in done.stderr) == (3, True)
