"""`netkit http get` to files, as a process: what is printed, what is left, and how it ends."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from netkit.lab.http.bodies import content
from tests.conftest import MS
from tests.warm import Process

Finished = subprocess.CompletedProcess[str]
Netkit = Callable[..., Finished]
SIZE = 200_000
BODY = content(0, SIZE)


@pytest.fixture
def get(netkit: Netkit, tmp_path: Path) -> Netkit:
    """Run `netkit http get` in the folder of the test."""
    return lambda *args, **options: netkit("http", "get", *args, cwd=tmp_path, **options)


def test_cut_off_then_gone_on_with(get: Netkit, tmp_path: Path, lab: Mapping[str, str]) -> None:
    url = f"{lab['NETKIT_LAB_HTTP']}/bytes/{SIZE}?cut=150000"
    done = get("-O", url)
    assert (done.returncode, done.stdout) == (5, "")
    assert re.fullmatch(
        rf"netkit: {re.escape(url)}: reset after \d+ of {SIZE} bytes of the body\n"
        f"hint: {SIZE}.part holds what came until then, -c goes on with it\n",
        done.stderr,
    )
    done = get("-O", "-c", "--checksum", f"sha256:{hashlib.sha256(BODY).hexdigest()}", url)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{SIZE}\n", "")
    assert ((tmp_path / str(SIZE)).read_bytes(), os.listdir(tmp_path)) == (BODY, [str(SIZE)])
    done = get("-O", "-c", "--json", url)
    assert json.loads(done.stdout)["body"]["resumed_from"] == SIZE
    assert get("-O", url.partition("?")[0]).stdout == f"{SIZE}.1\n"


def test_retries_are_told_and_resume(get: Netkit, tmp_path: Path, lab: Mapping[str, str]) -> None:
    url = f"{lab['NETKIT_LAB_HTTP']}/flaky/cli/{SIZE}?times=2&after=0"
    done = get("-o", "file", "--retry", "5", "--json", url)
    document = json.loads(done.stdout)
    assert (done.returncode, document["attempts"]) == (0, 3)
    assert [(one["status"], one["pause_ms"]) for one in document["retries"]] == [(503, 0), (503, 0)]
    assert done.stderr == f"netkit: {url}: 503 Service Unavailable: again in 0.0 s\n" * 2
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_that_is_a_file_is_not_replaced(
    get: Netkit, tmp_path: Path, lab: Mapping[str, str], name: str
) -> None:
    with (tmp_path / "f").open("w+b", buffering=0) as file:
        file.write(b"before\n")
        done = get("-o", name, "--json", f"{lab['NETKIT_LAB_HTTP']}/bytes/1000", stdout=file)
        file.write(b"behind\n")
    assert (done.returncode, done.stderr, os.listdir(tmp_path)) == (0, "", ["f"])
    before, _, rest = (tmp_path / "f").read_bytes().partition(b"\n")
    facts, behind, end = rest.removeprefix(content(0, 1000)).split(b"\n")
    assert (before, behind, end) == (b"before", b"behind", b"")
    assert json.loads(facts)["body"]["saved_to"] == name


def test_a_descriptor_that_is_not_open_is_told_before_anything_is_sent(get: Netkit) -> None:
    done = get("-o", "/dev/fd/99", "http://127.0.0.1:1/")
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == "netkit: cannot write /dev/fd/99: Bad file descriptor\n"


def test_standard_output_gets_what_came_in_the_end(get: Netkit, lab: Mapping[str, str]) -> None:
    url = f"{lab['NETKIT_LAB_HTTP']}/flaky/stdout/9?times=1&status=429&after=0"
    done = get("-q", "--retry", "1", url, text=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, BODY[:9], b"")  # type: ignore[comparison-overlap]


def test_head_is_tried_again_as_well(netkit: Netkit, lab: Mapping[str, str]) -> None:
    url = f"{lab['NETKIT_LAB_HTTP']}/flaky/head/9?times=1&after=0"
    done = netkit("http", "head", "--retry", "1", url)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("options", "code", "kind"),
    [
        (["-o", "file", "--max-size", "100K"], 5, "too_big"),
        (["-o", "file", "--checksum", "md5:" + "0" * 32], 1, "checksum"),
        (["-o", "none/file"], 11, "write"),
        (["-o", "/dev/full"], 11, "write"),
        (["--max-size", "100K"], 5, "too_big"),
    ],
)
def test_what_fails_says_so(
    get: Netkit, tmp_path: Path, lab: Mapping[str, str], options: list[str], code: int, kind: str
) -> None:
    done = get("--json", *options, f"{lab['NETKIT_LAB_HTTP']}/bytes/{SIZE}")
    assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (code, kind)
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "x", "-O"], "-o and -O are two names"),
        (["-c"], "-c needs a file"),
        (["--overwrite"], "--overwrite needs a file"),
        (["--mtime"], "--mtime needs a file"),
        (["-o", "-"], "goes to standard output"),
        (["-o", "/x", "-d", "y"], "two folders"),
        (["-o", "x", "-c", "-H", "Range: bytes=0-1"], "a Range of your own"),
        (["-o", "/dev/null", "-c"], "no file that could be continued"),
        (["--checksum", "sha256"], "ALGORITHM:HEX"),
        (["--checksum", "sha256:00"], "64 hexadecimal digits"),
        (["--checksum", "md5:" + "0" * 32, "http://127.0.0.1:1/"], "one URL"),
        (["--retry-on", "200", "--retry", "1"], "from 400 to 599"),
        (["--retry-on", "x", "--retry", "1"], "from 400 to 599"),
        (["--retry", "-1"], "retry"),
        (["--retry", "often"], "'--retry': 'often' is not a whole number"),
        (["--retry-on", "503"], "--retry-on needs --retry N"),
        (["-o", ""], "-o '': the name is empty"),
        (["-d", ""], "-d '': the name is empty"),
        (["--max-size", "many"], "not a size"),
    ],
)
def test_bad_input_is_exit_2(get: Netkit, tmp_path: Path, options: list[str], words: str) -> None:
    done = get("http://127.0.0.1:1/", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_full_disk_keeps_the_part_and_room_makes_it_whole(
    get: Netkit, tmp_path: Path, lab: Mapping[str, str]
) -> None:
    url = f"{lab['NETKIT_LAB_HTTP']}/bytes/{SIZE}"
    limited = f"ulimit -f 100; exec {sys.executable} -m netkit http get -o file {url}"  # blocks of 512 or 1024 bytes
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # its file is a file
    path = {**kept, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        ["sh", "-c", limited], cwd=tmp_path, env=path, capture_output=True, text=True, timeout=60_000 * MS, check=False
    )
    assert done.returncode == 11
    assert done.stderr == (
        "netkit: cannot write file: File too large\nhint: file.part holds what came until then, -c goes on with it\n"
    )
    part = (tmp_path / "file.part").read_bytes()
    assert part in (BODY[: 100 * 512], BODY[: 100 * 1024])
    done = get("-o", "file", "-c", "--json", url)
    assert json.loads(done.stdout)["body"]["resumed_from"] == len(part)
    assert (tmp_path / "file").read_bytes() == BODY


def test_ctrl_c_says_how_to_go_on(get: Netkit, tmp_path: Path, lab: Mapping[str, str]) -> None:
    """Row 25: interrupted amid the pause of a retry as well, the part is kept."""
    url = f"{lab['NETKIT_LAB_HTTP']}/bytes/{SIZE}?cut=150000"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": str(tmp_path)}
    process = Process(
        "http", "get", "-o", "file", "--retry", "900", "--retry-max-time", "1h", url + "&range=ignored", **pipes
    )
    assert process.stderr is not None
    while b"again in" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60_000 * MS)
    assert process.returncode == 130
    assert err.decode().endswith(
        "netkit: interrupted\nhint: file.part holds what came until then, -c goes on with it\n"
    )
    assert get("-o", "file", "-c", f"{lab['NETKIT_LAB_HTTP']}/bytes/{SIZE}").returncode == 0
    assert (tmp_path / "file").read_bytes() == BODY


def test_who_writes_the_part_is_named(get: Netkit, tmp_path: Path, lab: Mapping[str, str]) -> None:
    drip = f"{lab['NETKIT_LAB_HTTP']}/drip?bytes=1000&seconds=100"
    with Process("http", "get", "-o", "file", drip, stderr=subprocess.PIPE, cwd=str(tmp_path)) as first:
        while not (tmp_path / "file.part.json").exists():
            assert first.poll() is None
        done = get("-o", "file", drip)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60_000 * MS)
    assert done.returncode == 11
    assert re.fullmatch(rf"netkit: file\.part is being written by \S+ \(pid {first.pid}\)\n", done.stderr)


def test_several_urls_each_have_a_file(get: Netkit, tmp_path: Path, lab: Mapping[str, str]) -> None:
    done = get("-d", "new/folder", *(f"{lab['NETKIT_LAB_HTTP']}/bytes/{size}" for size in (5, 7, 5)))
    assert (done.returncode, done.stdout) == (0, "new/folder/5\nnew/folder/7\nnew/folder/5.1\n")
    assert (tmp_path / "new" / "folder" / "5.1").read_bytes() == BODY[:5]


def test_no_name_of_the_servers_leaves_the_folder(get: Netkit, tmp_path: Path, lab: Mapping[str, str]) -> None:
    fields = [
        f"attachment; filename={name}" for name in ("../../x", "/etc/passwd", "..\\..\\x", "..", ".bashrc", "-rf")
    ]
    fields.append("attachment; filename*=UTF-8''%1b%5d0%3bt%07%e2%80%aetxt.exe")
    urls = [f"{lab['NETKIT_LAB_HTTP']}/response-headers?Content-Disposition={quote(one)}" for one in fields]
    done = get("-d", "in", *urls)
    assert (done.returncode, done.stderr) == (0, "")
    names = ["x", "passwd", "x.1", "response-headers", "bashrc", "_rf", "]0;ttxt.exe"]
    assert done.stdout.splitlines() == [f"in/{name}" for name in names]
    assert (os.listdir(tmp_path), sorted(os.listdir(tmp_path / "in"))) == (["in"], sorted(names))


def test_a_terminal_shows_the_file_and_what_was_here(
    get: Netkit, terminal: Callable[..., Any], tmp_path: Path, lab: Mapping[str, str]
) -> None:
    url = f"{lab['NETKIT_LAB_HTTP']}/bytes/{SIZE}"
    target = tmp_path / "f"
    options = ["--checksum", f"md5:{hashlib.md5(BODY).hexdigest()}", "-o", str(target)]
    assert f"saved {target}  200.0 kB   md5 ok" in terminal("http", "get", *options, url, columns=300).lines
    lines = terminal("http", "get", "-c", *options, url, columns=300).lines
    assert f"saved {target}  200.0 kB, all of it here already   md5 ok" in lines
