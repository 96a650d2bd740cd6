"""--trace: one line a step, in three forms, on stderr alone; off, it costs nothing."""

import json
import subprocess
from collections.abc import Callable

import pytest

from netkit.cli.trace import hexdump, listener
from netkit.errors import BadInput
from tests.ports import find_free_port

Run = Callable[..., subprocess.CompletedProcess[str]]


def refused() -> str:
    return f"127.0.0.1:{find_free_port()}"


def test_off_is_none() -> None:
    assert listener("") is None
    assert listener("0") is None
    assert listener("1") is not None
    with pytest.raises(BadInput, match="the forms are text, json, hex"):
        listener("xml")


def test_text(netkit: Run) -> None:
    server = refused()
    done = netkit("resolve", "--trace", f"@{server}", "-t", "A", "a.test")
    steps = [line.split() for line in done.stderr.splitlines() if line[:1] == " "]
    assert done.returncode == 3
    assert [words[1] for words in steps] == ["socket", "connect", "send", "recv", "close"]
    assert steps[2][2:] == [server, "query", steps[2][4], "A", "35", "bytes"]
    assert steps[3][2:] == [server, "=", "refused"]


def test_json_from_the_environment(netkit: Run) -> None:
    server = refused()
    done = netkit("resolve", f"@{server}", "-t", "A", "a.test", env={"NETKIT_TRACE": "json"})
    steps = [json.loads(line) for line in done.stderr.splitlines() if line[:1] == "{"]
    assert [step["step"] for step in steps] == ["socket", "connect", "send", "recv", "close"]
    keys = {"time", "elapsed_ms", "step", "address", "detail", "size", "result"}
    assert [set(step) for step in steps] == [keys] * 5
    assert steps[2] == {**steps[2], "address": server, "size": 35, "result": "ok"}


def test_hex(netkit: Run) -> None:
    done = netkit("resolve", "--trace=hex", f"@{refused()}", "-t", "A", "a.test")
    octets = "".join(
        line[18:57].replace(" ", "") for line in done.stderr.splitlines() if line.startswith("          0")
    )
    assert len(octets) == 2 * 35
    assert "0161047465737400" in octets


def test_hexdump() -> None:
    assert list(hexdump(bytes(range(60, 78)))) == [
        "          000000  3c3d 3e3f 4041 4243 4445 4647 4849 4a4b  <=>?@ABCDEFGHIJK",
        "          000010  4c4d                                     LM",
    ]
