"""`netkit http` against nginx: plain, TLS, redirect, gzip, HTTP/2, a large file; curl as second opinion."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from netkit.net.ca import Authority

Run = Callable[..., subprocess.CompletedProcess[str]]
PAGE = "".join(f"line {number} of a page\n" for number in range(2000))
CONF = """
daemon off;
master_process off;
worker_processes 1;
error_log stderr warn;
pid {root}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    default_type application/octet-stream;
    types {{ application/json json; text/html html; text/plain txt; }}
    client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
    uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
    gzip on; gzip_min_length 100; gzip_types text/plain;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl http2;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {root}/site.pem;
        ssl_certificate_key {root}/site.key;
        root {root}/www;
        location /old {{ return 301 /page.txt; }}
        location /secure {{ return 307 https://127.0.0.1:{tls}/page.txt; }}
        location /teapot {{ return 418 "short and stout"; }}
        location /private {{ auth_basic "private"; auth_basic_user_file {root}/users; try_files /page.txt =404; }}
        location /busy {{ add_header Retry-After 120 always; return 503; }}
    }}
}}
"""


@dataclass(frozen=True)
class Site:
    plain: str
    tls: str
    ca: Path
    www: Path


@pytest.fixture
def site(
    program: Callable[[str], str],
    free_port: Callable[[], int],
    daemon: Callable[..., object],
    tmp_path: Path,
) -> Site:
    nginx = program("nginx")
    root = tmp_path / "nginx"
    (root / "www").mkdir(parents=True)
    (root / "www" / "page.txt").write_text(PAGE)
    (root / "www" / "large.bin").write_bytes(bytes(range(256)) * 40_000)
    (root / "www" / "facts.json").write_text('{"n": 12345678901234567890, "f": 1.10, "n": 2}')
    authority = Authority("nginx test CA")
    leaf = authority.issue(["127.0.0.1"])
    (root / "ca.pem").write_bytes(authority.pem)
    (root / "site.pem").write_bytes(leaf.certificate)
    (root / "site.key").write_bytes(leaf.key)
    (root / "users").write_text("joe:{PLAIN}secret\n")
    plain, tls = free_port(), free_port()
    (root / "nginx.conf").write_text(CONF.format(root=root, plain=plain, tls=tls))
    daemon(nginx, "-p", str(root), "-c", str(root / "nginx.conf"), port=plain)
    return Site(f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}", root / "ca.pem", root / "www")


@pytest.fixture
def curl(program: Callable[[str], str]) -> Callable[..., bytes]:
    path = program("curl")

    def run(*args: str) -> bytes:
        done = subprocess.run([path, "-q", "-sS", *args], capture_output=True, timeout=60, check=True)
        return done.stdout

    return run


def test_bodies_are_what_curl_gets(site: Site, netkit: Run, curl: Callable[..., bytes]) -> None:
    for url in (f"{site.plain}/page.txt", f"{site.plain}/facts.json", f"{site.plain}/old"):
        done = netkit("http", "get", url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == curl("-L", "--compressed", url).decode()


def test_gzip_is_undone_and_told(site: Site, netkit: Run) -> None:
    done = netkit("http", "get", "--json", f"{site.plain}/page.txt")
    document = json.loads(done.stdout)
    assert document["body"]["decoded_bytes"] == len(PAGE)
    assert document["body"]["wire_bytes"] < len(PAGE) / 5
    assert ["Content-Encoding", "gzip"] in document["hops"][0]["headers"]


def test_a_redirect_to_tls_and_its_facts(site: Site, netkit: Run) -> None:
    done = netkit("http", "get", "--json", "--cacert", str(site.ca), f"{site.plain}/secure")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert [hop["status"] for hop in document["hops"]] == [307, 200]
    tls = document["hops"][1]["tls"]
    assert document["hops"][0]["tls"] is None
    assert (tls["version"], tls["alpn"], tls["verified"]) == ("TLSv1.3", "h2", True)
    assert "127.0.0.1" in tls["chain"][0]["san"]
    assert document["hops"][1]["http_version"] == "2"
    assert document["body"]["content"] == PAGE


def test_versions_of_http(site: Site, netkit: Run) -> None:
    for asked, got in (("1.1", "1.1"), ("2", "2")):
        done = netkit("http", "head", "--json", "--http", asked, "--cacert", str(site.ca), f"{site.tls}/page.txt")
        assert json.loads(done.stdout)["hops"][0]["http_version"] == got


def test_an_unknown_ca_is_refused(site: Site, netkit: Run) -> None:
    done = netkit("http", "get", f"{site.tls}/page.txt")
    assert (done.returncode, done.stdout) == (6, "")
    assert "nginx test CA" in done.stderr


def test_codes(site: Site, netkit: Run) -> None:
    for path, code, body in (("teapot", 1, "short and stout"), ("nosuch", 1, None), ("busy", 9, None)):
        done = netkit("http", "get", f"{site.plain}/{path}")
        assert done.returncode == code
        assert body is None or done.stdout == body
    assert netkit("http", "get", f"{site.plain}/private").returncode == 7
    given = netkit("http", "get", "-u", "joe", f"{site.plain}/private", env={"NETKIT_PASSWORD": "secret"})
    assert (given.returncode, given.stdout) == (0, PAGE)
    wrong = netkit("http", "get", "-u", "joe", f"{site.plain}/private", env={"NETKIT_PASSWORD": "wrong"})
    assert wrong.returncode == 7


def test_a_file_is_whole(site: Site, netkit: Run, tmp_path: Path) -> None:
    target = tmp_path / "got.bin"
    done = netkit("http", "get", "-q", "-o", str(target), "--cacert", str(site.ca), f"{site.tls}/large.bin")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    wanted = hashlib.sha256((site.www / "large.bin").read_bytes()).hexdigest()
    assert hashlib.sha256(target.read_bytes()).hexdigest() == wanted
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file() and "got" in path.name) == ["got.bin"]


def test_several_urls_one_of_them_missing(site: Site, netkit: Run) -> None:
    done = netkit("http", "get", f"{site.plain}/facts.json", f"{site.plain}/nosuch", f"{site.plain}/facts.json")
    assert done.returncode == 8
    assert done.stdout.count("12345678901234567890") == 2
    assert "404" in done.stderr


def test_head_has_what_curl_has(site: Site, netkit: Run, curl: Callable[..., bytes]) -> None:
    ours = netkit("http", "head", f"{site.plain}/large.bin").stdout
    theirs = curl("-I", f"{site.plain}/large.bin").decode()
    wanted = {line for line in theirs.splitlines() if line.startswith(("Content-Length", "ETag", "Last-Modified"))}
    assert len(wanted) == 3
    assert wanted <= set(ours.splitlines())


# --- downloads that are continued


def part_of(netkit: Run, site: Site, folder: Path, *, size: int) -> str:
    """Leave a part of large.bin that holds so many bytes; its URL."""
    url = f"{site.plain}/large.bin"
    done = netkit("http", "get", "-o", "large", "--checksum", "md5:" + "0" * 32, url, cwd=folder)
    assert done.returncode == 1
    os.truncate(folder / "large.part", size)
    return url


def test_a_part_is_continued(site: Site, netkit: Run, tmp_path: Path) -> None:
    url = part_of(netkit, site, tmp_path, size=4_000_000)
    done = netkit("http", "get", "-o", "large", "-c", "--json", url, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (done.returncode, document["status"], document["body"]["resumed_from"]) == (0, 206, 4_000_000)
    assert document["body"]["wire_bytes"] == 10_240_000 - 4_000_000
    assert (tmp_path / "large").read_bytes() == (site.www / "large.bin").read_bytes()


def test_a_part_that_is_whole_and_one_that_is_too_long(site: Site, netkit: Run, tmp_path: Path) -> None:
    url = part_of(netkit, site, tmp_path, size=10_240_001)
    done = netkit("http", "get", "-o", "large", "-c", url, cwd=tmp_path)
    assert done.returncode == 5
    assert "416, the file has 10240000 bytes, and 10240001 are here already" in done.stderr
    os.truncate(tmp_path / "large.part", 10_240_000)
    done = netkit("http", "get", "-o", "large", "-c", url, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "large").read_bytes() == (site.www / "large.bin").read_bytes()


def test_a_file_that_changed_is_fetched_anew(site: Site, netkit: Run, tmp_path: Path) -> None:
    url = part_of(netkit, site, tmp_path, size=4_000_000)
    changed = bytes(reversed(range(256))) * 40_000
    (site.www / "large.bin").write_bytes(changed)
    os.utime(site.www / "large.bin", (1, 1))  # nginx makes its ETag from size and time
    done = netkit("http", "get", "-o", "large", "-c", url, cwd=tmp_path)
    assert done.returncode == 0
    assert "large.part is begun anew: the file has changed" in done.stderr
    assert (tmp_path / "large").read_bytes() == changed


def test_what_is_compressed_on_the_way_is_saved_as_it_is_there(site: Site, netkit: Run, tmp_path: Path) -> None:
    done = netkit("http", "get", "-O", "--mtime", f"{site.plain}/page.txt", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "page.txt\n")
    assert (tmp_path / "page.txt").read_text() == PAGE
    assert int((tmp_path / "page.txt").stat().st_mtime) == int((site.www / "page.txt").stat().st_mtime)


def test_curl_and_netkit_go_on_with_one_another(
    site: Site, netkit: Run, curl: Callable[..., bytes], tmp_path: Path
) -> None:
    """Each makes of the same part what the other makes of it."""
    whole = (site.www / "large.bin").read_bytes()
    url = part_of(netkit, site, tmp_path, size=4_000_000)
    part = tmp_path / "large.part"
    curl("-C", "-", "-o", str(part), url)
    assert part.read_bytes() == whole
    os.truncate(part, 7_000_000)
    assert netkit("http", "get", "-o", "large", "-c", url, cwd=tmp_path).returncode == 0
    assert (tmp_path / "large").read_bytes() == whole
    curl("-r", "0-999999", "-o", str(part), url)  # curl says nothing of what it is a part of
    checksum = f"sha256:{hashlib.sha256(whole).hexdigest()}"
    assert netkit("http", "get", "-o", "large", "-c", url, cwd=tmp_path).returncode == 11
    done = netkit("http", "get", "-o", "large", "-c", "--checksum", checksum, "--json", url, cwd=tmp_path)
    assert json.loads(done.stdout)["body"]["resumed_from"] == 1_000_000
    assert (tmp_path / "large").read_bytes() == whole


# --- many at once


def test_many_at_once_over_http_2_share_one_connection(site: Site, netkit: Run) -> None:
    urls = [f"{site.tls}/page.txt?{number}" for number in range(60)]
    done = netkit("http", "get", "--json", "--parallel", "20", "--cacert", str(site.ca), *urls)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [document["url"] for document in documents] == urls
    assert {document["body"]["content"] for document in documents} == {PAGE}
    hops = [document["hops"][0] for document in documents]
    assert {hop["http_version"] for hop in hops} == {"2"}
    assert [hop["reused"] for hop in hops].count(False) == 1
    assert len({hop["tls"]["chain"][0]["sha256"] for hop in hops}) == 1


def test_many_at_once_get_what_curl_gets(site: Site, netkit: Run, curl: Callable[..., bytes]) -> None:
    urls = [f"{site.plain}/{path}" for path in ("page.txt", "facts.json", "old", "secure", "nosuch", "teapot")] * 20
    done = netkit("http", "get", "--parallel", "16", "--cacert", str(site.ca), *urls)
    assert done.returncode == 8
    theirs = curl("-L", "--compressed", "--cacert", str(site.ca), *urls).decode()
    assert done.stdout == theirs.replace("\r\n", "\n")  # nginx's own pages


def test_statistics_of_kept_and_of_new_connections(site: Site, netkit: Run) -> None:
    asked = ("http", "head", "-q", "--json", "--count", "4", "--interval", "1ms", "--cacert", str(site.ca))
    for options, connections in ((["--http", "1.1"], 1), ([], 1), (["--fresh"], 4)):
        done = netkit(*asked, *options, f"{site.tls}/page.txt")
        found = json.loads(done.stdout)
        assert (found["answered"], found["statuses"]) == (4, {"200": 4})
        assert found["phases"]["tls"]["samples"] == connections
