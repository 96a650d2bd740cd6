"""SASL's server's side alone and with our own client: the RFCs' exchanges, truncations, whom it lets in."""

from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.errors import BadInput
from netkit.mail.sasl.client import ROUNDS, client
from netkit.mail.sasl.outcome import Challenge, Done, Outcome, Refused, Users
from netkit.mail.sasl.scram_server import ScramServer
from netkit.mail.sasl.server import (
    BAD_TOKEN,
    MECHANISMS,
    PASSWORD,
    WRONG,
    CramMd5,
    Server,
    for_tests,
    server,
)
from tests.mail.sasl.test_client import PRINTED

SECRETS = {"user": "pencil", "tim": "tanstaaftanstaaf", "Kurt": "xipj3plmq"}
KNOWN = Users(SECRETS.get, False, WRONG)


def talk(name: str, user: str, secret: str, peer: Server, *, initial: bool = True, authzid: str = "") -> Outcome:
    """What our client gets of a server, in the form with an initial response or without."""
    mechanism = client(name, user, secret, authzid=authzid)
    first = mechanism.start()
    outcome = peer.step(first if initial else None)
    if first is not None and not initial:
        assert outcome == Challenge(b"")
        outcome = peer.step(first)
    for _ in range(ROUNDS):
        if not isinstance(outcome, Challenge):
            break
        outcome = peer.step(mechanism.step(outcome.data))
    if isinstance(outcome, Done):
        mechanism.finished()
    return outcome


def printed(name: str = "SCRAM-SHA-256") -> tuple[ScramServer, list[bytes], list[bytes]]:
    """A server of the RFC's example, what comes, and what it answers."""
    nonce, first, final, proof = PRINTED[name]
    salt = b64decode(first.split(b",")[1][2:])
    peer = ScramServer(name, KNOWN, nonce=first.split(b",")[0][2 + len(nonce) :].decode(), salt=salt)
    return peer, [b"n,,n=user,r=" + nonce.encode(), final, b""], [first, proof]


@pytest.mark.parametrize("name", PRINTED)
def test_scram_as_the_rfcs_print_it(name: str) -> None:
    peer, said, answers = printed(name)
    assert [peer.step(one) for one in said] == [*map(Challenge, answers), Done("user")]


def test_cram_md5_as_the_rfc_prints_it() -> None:
    challenge = "<1896.697170952@postoffice.reston.mci.net>"
    peer = CramMd5(KNOWN, challenge)
    assert peer.step(None) == Challenge(challenge.encode())
    assert peer.step(b"tim b913a602c7eda7a495b4e6e7334d3890") == Done("tim")
    assert peer.step(b"tim b913a602c7eda7a495b4e6e7334d3891") == Refused(WRONG)
    assert peer.step(b"nobody b913a602c7eda7a495b4e6e7334d3890") == Refused(WRONG)


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("name", MECHANISMS)
def test_who_comes_in(name: str, initial: bool) -> None:
    def outcome(user: str, secret: str, authzid: str = "") -> Outcome:
        return talk(name, user, secret, server(name, SECRETS.get), initial=initial, authzid=authzid)

    assert outcome("Kurt", "xipj3plmq") == Done("Kurt")
    assert outcome("Kurt", "wrong") == Refused(WRONG)
    assert outcome("nobody", "any") == Refused(WRONG)
    if name in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        assert outcome("Kurt", "xipj3plmq", "Ursel") == Refused("Kurt may not act for Ursel")
        assert outcome("Kurt", "xipj3plmq", "Kurt") == Done("Kurt")


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_server_for_tests(name: str) -> None:
    assert talk(name, "ann@lab.test", PASSWORD, for_tests(name)) == Done("ann@lab.test")
    other = talk(name, "ann@lab.test", "any", for_tests(name))
    if name.startswith("SCRAM"):
        assert other == Refused("for SCRAM the password is netkit here; the other mechanisms take any")
        assert talk(name, "ann", PASSWORD, for_tests(name), authzid="bob") == Done("bob")
    else:
        assert other == Done("ann@lab.test")


@settings(max_examples=10, deadline=None)
@given(user=st.text(min_size=1, max_size=20), secret=st.text(min_size=1, max_size=20))
def test_every_user_and_password_passes(user: str, secret: str) -> None:
    for name in MECHANISMS[1:5]:
        try:
            client(name, user, secret)
        except (BadInput, UnicodeEncodeError):
            continue
        prepared = {user: secret}
        outcome = talk(name, user, secret, server(name, lambda _, known=prepared: known[user]))  # type: ignore[misc]
        assert isinstance(outcome, Done) or outcome == Refused("a user has no control characters", malformed=True)


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_truncation_is_refused(name: str) -> None:
    first = client(name, "Kurt", "xipj3plmq").start()
    for cut in range(len(first or b"")):
        outcome = server(name, SECRETS.get).step((first or b"")[:cut])
        short = name == "PLAIN" and cut > len(b"\0Kurt")
        if not name.startswith("SCRAM") or not isinstance(outcome, Challenge):  # a shorter nonce is a nonce
            assert outcome == (Refused(WRONG) if short else Refused(outcome.reason, malformed=True))  # type: ignore[union-attr]


def test_every_truncation_of_the_proof_is_refused() -> None:
    _, said, _ = printed()
    for cut in range(len(said[1])):
        peer = printed()[0]
        peer.step(said[0])
        assert peer.step(said[1][:cut]) == Refused("that is no SCRAM-SHA-256", malformed=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SCRAM-SHA-1", b"p=tls-unique,,n=user,r=x"),
        ("SCRAM-SHA-1", b"n,,m=x,n=user,r=x"),
        ("SCRAM-SHA-1", b"n,,n=us=er,r=x"),
        ("SCRAM-SHA-1", b"n,a=us=er,n=user,r=x"),
        ("SCRAM-SHA-1", b"n,,n=us\x07er,r=x"),
        ("SCRAM-SHA-1", b"\xff"),
        ("CRAM-MD5", b"user"),
        ("CRAM-MD5", b" " + b"0" * 32),
        ("CRAM-MD5", b"user " + "é".encode() * 32),
        ("LOGIN", b""),
        ("LOGIN", b"a\0"),
        ("LOGIN", b"\xff"),
        ("PLAIN", b"\0\0x"),
        ("PLAIN", b"\xff\0a\0b"),
        ("PLAIN", b"\0a\nb\0x"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer t\x01\x01"),
        ("OAUTHBEARER", b"p=x,a=u,\x01auth=Bearer t\x01\x01"),
        ("OAUTHBEARER", b"n,a=u,\x01auth=Basic t\x01\x01"),
        ("OAUTHBEARER", b"n,a=u,\x01\x01"),
        ("XOAUTH2", b"auth=Bearer t\x01\x01"),
    ],
)
def test_what_does_not_belong(name: str, said: bytes) -> None:
    peer = server(name, SECRETS.get, takes_any=True)
    if name == "CRAM-MD5":
        peer.step(None)
    outcome = peer.step(said)
    assert isinstance(outcome, Refused)
    assert outcome.malformed


def test_a_bad_token_is_explained_first() -> None:
    peer = for_tests("XOAUTH2")
    assert peer.step(b"user=u\x01auth=Bearer \x01\x01") == Challenge(BAD_TOKEN)
    assert peer.step(b"") == Refused(for_tests("PLAIN")._users.wrong)  # type: ignore[attr-defined]


def test_an_exchange_that_is_over_or_tampered_with() -> None:
    peer, said, _ = printed()
    for one in said[:2]:
        peer.step(one)
    assert peer.step(b"more") == Refused("that is no SCRAM-SHA-256", malformed=True)
    for change in ((b"c=biws", b"c=eSws"), (b"p=dHzb", b"p=dHz"), (b"p=dHzb", b"p="), (b"rOpr", b"XOpr")):
        peer, said, _ = printed()
        peer.step(said[0])
        assert peer.step(said[1].replace(*change)) == Refused("that is no SCRAM-SHA-256", malformed=True)
    peer, said, _ = printed()
    peer.step(said[0])
    assert peer.step(said[1].replace(b"p=dHzb", b"p=AHzb")) == Refused(WRONG)
