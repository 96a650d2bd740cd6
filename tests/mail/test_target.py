"""Mail servers as people write them, and which TLS each gets."""

import pytest

from netkit.errors import BadInput
from netkit.mail.pop3.session import SCHEMES
from netkit.mail.target import Tls, parse_target


@pytest.mark.parametrize(
    ("text", "port", "user", "tls"),
    [
        ("mail.example.org", 110, None, Tls.starttls),
        ("mail.example.org:995", 995, None, Tls.implicit),
        ("pop3s://mail.example.org", 995, None, Tls.implicit),
        ("pop3s://ann@mail.example.org:1995", 1995, "ann", Tls.implicit),
        ("pop3://ann@b.test@mail.example.org", 110, "ann@b.test", Tls.starttls),
        ("ann%40b.test@mail.example.org", 110, "ann@b.test", Tls.starttls),
        ("127.0.0.1:2110", 2110, None, Tls.none),
        ("[::1]:2110", 2110, None, Tls.none),
        ("localhost", 110, None, Tls.none),
        ("127.example.org", 110, None, Tls.starttls),
        ("unix:/run/pop3", 0, None, Tls.none),
    ],
)
def test_forms(text: str, port: int, user: str | None, tls: Tls) -> None:
    target = parse_target(text, SCHEMES)
    assert (target.endpoint.port, target.user, target.tls) == (port, user, tls)


def test_what_is_asked_for_wins() -> None:
    for tls in (Tls.none, Tls.starttls, Tls.implicit):
        assert parse_target("mail.example.org", SCHEMES, tls).tls is tls


@pytest.mark.parametrize("text", ["", "@host", "http://host", "host:0", "host:70000", "fd:3", "pop3://"])
def test_wrong(text: str) -> None:
    with pytest.raises(BadInput):
        parse_target(text, SCHEMES)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        parse_target("pop3://ann:hunter2@mail.example.org", SCHEMES)
    assert "hunter2" not in caught.value.message
