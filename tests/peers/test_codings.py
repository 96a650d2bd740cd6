"""Content codings as nginx and Caddy make them, and as the programs of br and zstd do; curl as second opinion."""

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[Any]]
Program = Callable[[str], str]
PAGE = "".join(f"line {number} of a page, {number * 7919 % 10007}\n" for number in range(3000)).encode()
BROTLI = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so"
NGINX = """
load_module {brotli};
daemon off;
master_process off;
error_log stderr warn;
pid {root}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    default_type text/plain;
    client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
    uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
    gzip on; gzip_min_length 100; gzip_types text/plain;
    brotli on; brotli_min_length 100; brotli_types text/plain;
    server {{
        listen 127.0.0.1:{port};
        root {root}/www;
        location /made/ {{
            gzip off; brotli off;
            location ~ [.]br$ {{ add_header Content-Encoding br; }}
            location ~ [.]zst$ {{ add_header Content-Encoding zstd; }}
            location ~ [.]gz$ {{ add_header Content-Encoding gzip; }}
        }}
    }}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    root * {root}/www
    encode zstd gzip {{
        minimum_length 100
    }}
    file_server
}}
"""


@pytest.fixture
def www(tmp_path: Path) -> Path:
    (tmp_path / "www" / "made").mkdir(parents=True)
    (tmp_path / "www" / "page.txt").write_bytes(PAGE)
    return tmp_path / "www"


@pytest.fixture
def nginx(program: Program, free_port: Callable[[], int], daemon: Callable[..., object], www: Path) -> str:
    if not Path(BROTLI).exists():
        program("nginx's br module")
    root, port = www.parent, free_port()
    (root / "nginx.conf").write_text(NGINX.format(root=root, port=port, brotli=BROTLI))
    daemon(program("nginx"), "-p", str(root), "-c", str(root / "nginx.conf"), port=port)
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def caddy(
    program: Program, free_port: Callable[[], int], daemon: Callable[..., object], www: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:  # fmt: skip
    root, port = www.parent, free_port()
    (root / "Caddyfile").write_text(CADDY.format(root=root, port=port))
    monkeypatch.setenv("HOME", str(root))  # where it keeps its state
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    daemon(program("caddy"), "run", "--config", str(root / "Caddyfile"), "--adapter", "caddyfile", port=port)
    return f"http://127.0.0.1:{port}"


def curl(program: Program, *args: str) -> bytes:
    argv = [program("curl"), "-q", "-sS", *args]
    return subprocess.run(argv, capture_output=True, timeout=60, check=True).stdout


def told(done: subprocess.CompletedProcess[Any]) -> tuple[list[str], dict[str, Any]]:
    document = json.loads(done.stdout)
    headers = [value for name, value in document["hops"][0]["headers"] if name.lower() == "content-encoding"]
    return headers, document["body"]


def test_nginx_compresses_with_br_and_gzip(nginx: str, netkit: Run, program: Program) -> None:
    for asked, header in ((), "br"), (("-H", "Accept-Encoding: gzip"), "gzip"), (("-H", "Accept-Encoding:"), None):
        headers, body = told(netkit("http", "get", "--json", *asked, f"{nginx}/page.txt"))
        assert (headers, body["decoded_bytes"]) == ([header] if header else [], len(PAGE))
        assert (body["wire_bytes"] < len(PAGE) / 2) is bool(header)
        piped = netkit("http", "get", *asked, f"{nginx}/page.txt", text=False)
        assert (piped.returncode, piped.stdout, piped.stderr) == (0, PAGE, b"")
    assert curl(program, "--compressed", f"{nginx}/page.txt") == PAGE


def test_caddy_compresses_with_zstd(caddy: str, netkit: Run, program: Program) -> None:
    asked = ("-H", "Accept-Encoding: zstd")  # Caddy 2.6 takes the first that is asked for
    headers, body = told(netkit("http", "get", "--json", *asked, f"{caddy}/page.txt"))
    assert (headers, body["decoded_bytes"]) == (["zstd"], len(PAGE))
    piped = netkit("http", "get", *asked, f"{caddy}/page.txt", text=False)
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, PAGE, b"")
    assert curl(program, "--compressed", *asked, f"{caddy}/page.txt") == PAGE


def test_what_the_programs_of_br_and_zstd_make(nginx: str, netkit: Run, program: Program, www: Path) -> None:
    made, page = www / "made", str(www / "page.txt")

    def packed(*argv: str) -> bytes:
        return subprocess.run([program(argv[0]), *argv[1:], page], capture_output=True, timeout=60, check=True).stdout

    (made / "best.br").write_bytes(packed("brotli", "-c", "-q", "11", "-w", "24"))
    (made / "quick.br").write_bytes(packed("brotli", "-c", "-q", "1"))
    (made / "best.zst").write_bytes(packed("zstd", "-qc", "-19"))
    (made / "threads.zst").write_bytes(packed("zstd", "-qc", "-T2", "--no-check"))
    (made / "best.gz").write_bytes(packed("gzip", "-c9"))
    for path in sorted(made.iterdir()):
        url = f"{nginx}/made/{path.name}"
        done = netkit("http", "get", url, text=False)
        assert (path.name, done.returncode, done.stdout) == (path.name, 0, PAGE)
        assert curl(program, "--compressed", url) == PAGE
        path.write_bytes(path.read_bytes()[:-3])
        done = netkit("http", "get", url, text=False)
        assert (path.name, done.returncode) == (path.name, 5)
        assert b"ends in the middle" in done.stderr


def test_a_window_that_zstd_makes_for_files_alone_is_refused(
    nginx: str, netkit: Run, program: Program, www: Path
) -> None:
    """As browsers refuse it (RFC 9659); curl takes it."""
    whole = b"".join(gzip.compress(PAGE, mtime=number) for number in range(10))
    (www / "made" / "ultra.zst").write_bytes(
        subprocess.run(
            [program("zstd"), "-qc", "--ultra", "-20"], input=whole * 200, capture_output=True, timeout=60, check=True
        ).stdout
    )
    done = netkit("http", "get", f"{nginx}/made/ultra.zst")
    assert (done.returncode, "more than 8 MiB" in done.stderr) == (5, True)
