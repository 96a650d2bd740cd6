"""`resolve --compare`: servers, the system and the hosts file, where they agree, differ, and where one is silent."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.dns.conftest import reply_to

Run = Callable[..., Any]


def server(*answer: str, rcode: str = "NOERROR") -> Any:
    return lambda wire, transport, number: [reply_to(wire, *answer, rcode=rcode)]


def compared(netkit: Run, *servers: Any, name: str = "www.test", kind: str = "A") -> tuple[int, dict[str, Any]]:
    done = netkit(
        "resolve", "--compare", "--json", "--timeout", "2s", "-t", kind, *(f"@{one}" for one in servers), name
    )
    return done.returncode, json.loads(done.stdout)


def of(document: dict[str, Any], one: object) -> dict[str, Any]:
    view: dict[str, Any] = next(view for view in document["views"] if view["source"] == str(one))
    return view


def test_order_and_ttl_are_no_difference(serve: Run, netkit: Run) -> None:
    one, two = (
        serve(server("@ 60 IN MX 1 a.test.", "@ 60 IN MX 2 b.test.")),
        serve(server("@ 9 IN MX 2 b.test.", "@ 9 IN MX 1 a.test.")),
    )
    code, document = compared(netkit, one, two, kind="MX")
    assert (code, document["agree"], document["error"]) == (0, True, None)
    assert [view["differing"] for view in document["views"]] == [[], []]


def test_what_differs_is_marked(serve: Run, netkit: Run) -> None:
    one, two = serve(server("@ 60 IN TXT a", "@ 60 IN TXT b")), serve(server("@ 60 IN TXT b", "@ 60 IN TXT c"))
    code, document = compared(netkit, one, two, kind="TXT")
    assert (code, document["agree"], document["error"]["kind"]) == (1, False, "differ")
    assert [view["differing"] for view in document["views"]] == [['"a"'], ['"c"']]


def test_a_name_that_is_only_on_one_server(serve: Run, netkit: Run) -> None:
    one, two = serve(server("@ 60 IN TXT a")), serve(server(rcode="NXDOMAIN"))
    code, document = compared(netkit, one, two, kind="TXT")
    assert (code, document["agree"]) == (1, False)
    assert [view["outcome"] for view in document["views"]] == ["answer", "nxdomain"]


def test_case_is_no_difference_of_names(serve: Run, netkit: Run) -> None:
    one, two = serve(server("@ 60 IN NS a.test.")), serve(server("@ 60 IN NS A.Test."))
    assert compared(netkit, one, two, kind="NS")[0] == 0


@pytest.mark.parametrize(
    ("other", "code", "outcome"),
    [(server(rcode="SERVFAIL"), 8, "servfail"), (lambda wire, transport, number: [], 8, "timeout")],
)
def test_what_cannot_be_found_out_is_partial(other: Any, code: int, outcome: str, serve: Run, netkit: Run) -> None:
    one, two, three = serve(server("@ 60 IN TXT a")), serve(server("@ 60 IN TXT a")), serve(other)
    got, document = compared(netkit, one, two, three, kind="TXT")
    assert (got, document["agree"], of(document, three)["outcome"]) == (code, True, outcome)


def test_no_server_at_all(refusing: str, netkit: Run) -> None:
    code, document = compared(netkit, refusing, kind="TXT")
    assert (code, document["agree"]) == (3, None)


def test_the_hosts_file_and_the_system_have_their_views(serve: Run, netkit: Run, tmp_path: Any) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.7 www.test\n")
    one = serve(server("@ 60 IN A 192.0.2.1"))
    done = netkit("resolve", "--compare", "--json", "-t", "A", f"@{one}", "www.test", env={"NETKIT_HOSTS": str(hosts)})
    document = json.loads(done.stdout)
    sources = [view["source"] for view in document["views"]]
    assert sources == [str(one), "hosts", "system"]
    assert of(document, "hosts")["data"] == ["192.0.2.7"]
    assert (done.returncode, document["agree"]) == (1, False)


def test_localhost_is_the_same_everywhere(serve: Run, netkit: Run) -> None:
    one = serve(server("@ 60 IN A 127.0.0.1"))
    code, document = compared(netkit, one, name="localhost")
    assert (code, document["agree"]) == (0, True)
    assert {view["source"] for view in document["views"]} >= {str(one), "system"}


def test_plain_lines(serve: Run, netkit: Run) -> None:
    one, two = serve(server("@ 60 IN MX 1 a.test.", "@ 60 IN MX 2 b.test.")), serve(server("@ 60 IN MX 1 a.test."))
    done = netkit("resolve", "--compare", "-t", "MX", f"@{one}", f"@{two}", "www.test")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"www.test.\tMX\t{one}\tanswer\t1 a.test.\t2 b.test.",
        f"www.test.\tMX\t{two}\tanswer\t1 a.test.\t",
    ]
    assert done.stderr == "netkit: www.test MX: different from 2 sources\n"


def test_at_a_terminal(serve: Run, terminal: Run) -> None:
    one = serve(server("@ 60 IN MX 1 a.test.", "@ 60 IN MX 2 b.test."))
    two = serve(server("@ 60 IN MX 1 a.test.", "@ 60 IN MX 3 c.test."))
    done = terminal("resolve", "--compare", "-t", "MX", f"@{one}", f"@{two}", "www.test")
    assert done.returncode == 1
    shown = "\n".join(done.screen)
    assert "≠ 2 b.test." in shown
    assert "≠ 3 c.test." in shown
    assert shown.count("  1 a.test.") == 2
