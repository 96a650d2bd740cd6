"""SASL's client's side: the RFCs' own exchanges, what may be chosen, hostile challenges, SASLprep."""

from base64 import b64encode

import pytest

from netkit.errors import BadInput, Insecure, No, PeerError
from netkit.mail.sasl.client import BEARER, PASSWORD, choose, client
from netkit.mail.sasl.mechanism import Mechanism
from netkit.mail.sasl.prep import saslprep
from netkit.mail.sasl.scram import MAX_CHALLENGE, MAX_ITERATIONS, ScramClient

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
# RFC 5802 section 5 and RFC 7677 section 3: nonce, server's first, client's final, server's final
PRINTED = {
    "SCRAM-SHA-1": (
        "fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        "rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


def printed(name: str = "SCRAM-SHA-256") -> tuple[ScramClient, bytes, bytes, bytes]:
    """A client that is where the server's first message comes, and the three messages from there."""
    nonce, first, final, proof = PRINTED[name]
    mechanism = ScramClient(name, "user", "pencil", nonce=nonce)
    assert mechanism.start() == b"n,,n=user,r=" + nonce.encode()
    return mechanism, first, final, proof


@pytest.mark.parametrize("name", PRINTED)
def test_scram_as_the_rfcs_print_it(name: str) -> None:
    mechanism, first, final, proof = printed(name)
    assert mechanism.step(first) == final
    with pytest.raises(Insecure, match="without a proof"):
        mechanism.finished()
    assert mechanism.step(proof) == b""
    mechanism.finished()
    with pytest.raises(PeerError):
        mechanism.step(b"")


def test_cram_md5_plain_login_and_tokens_as_the_rfcs_print_them() -> None:
    cram = client("CRAM-MD5", "tim", "tanstaaftanstaaf")
    assert cram.start() is None
    answer = cram.step(b"<1896.697170952@postoffice.reston.mci.net>")
    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"
    assert client("PLAIN", "tim", "tanstaaftanstaaf").start() == b"\0tim\0tanstaaftanstaaf"
    assert client("PLAIN", "Kurt", "xipj3plmq", authzid="Ursel").start() == b"Ursel\0Kurt\0xipj3plmq"
    login = client("LOGIN", "tim", "café")
    assert (login.start(), login.step(b"Username:"), login.step(b"")) == (None, b"tim", "café".encode())
    bearer = client("OAUTHBEARER", "user@example.com", TOKEN, host="server.example.com", port=143)
    assert bearer.start() == (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer " + TOKEN.encode() + b"\x01\x01"
    )
    assert client("OAUTHBEARER", "a=b,c", "t").start() == b"n,a=a=3Db=2Cc,\x01auth=Bearer t\x01\x01"
    assert client("XOAUTH2", "u@x", "t").start() == b"user=u@x\x01auth=Bearer t\x01\x01"
    for one in (cram, login):
        with pytest.raises(PeerError):
            one.step(b"more")
    for one in (cram, login, bearer, client("PLAIN", "u", "p")):
        one.finished()


def test_a_refused_token_is_explained_and_answered() -> None:
    for name, answer in (("OAUTHBEARER", b"\x01"), ("XOAUTH2", b"")):
        mechanism = client(name, "u", "t")
        assert mechanism.step(b'{"status":"invalid_token"}\n') == answer
        assert mechanism.why == '{"status":"invalid_token"}'
        with pytest.raises(PeerError):
            mechanism.step(b"{}")
    loud = client("XOAUTH2", "u", "t")
    loud.step(b"\xff" + b"x" * 5000)
    assert len(loud.why) == 500


def test_the_strongest_is_chosen() -> None:
    everything = [name.lower() for name in (*PASSWORD, *BEARER, "GSSAPI")]
    for number, name in enumerate(PASSWORD):
        assert choose(set(everything[number:]), None, bearer=False) == name
        assert choose(everything, name.lower(), bearer=False) == name
    assert choose(everything, None, bearer=True) == "OAUTHBEARER"
    assert choose(["PLAIN", "XOAUTH2"], None, bearer=True) == "XOAUTH2"


@pytest.mark.parametrize(
    ("offered", "asked", "bearer", "error", "message"),
    [
        (["PLAIN", "GSSAPI"], "login", False, No, "the server does not offer LOGIN: it offers GSSAPI, PLAIN"),
        ([], None, True, No, "the server offers none of OAUTHBEARER, XOAUTH2: it offers nothing"),
        (["PLAIN"], "NTLM", False, BadInput, f"NTLM: netkit knows {', '.join((*PASSWORD, *BEARER))}"),
        (["PLAIN"], "PLAIN", True, BadInput, "PLAIN takes a password, not a token"),
        (["XOAUTH2"], "XOAUTH2", False, BadInput, "XOAUTH2 takes a token, not a password"),
    ],
)
def test_none_fits(offered: list[str], asked: str | None, bearer: bool, error: type[No], message: str) -> None:
    with pytest.raises(error) as caught:
        choose(offered, asked, bearer=bearer)
    assert caught.value.message == message


@pytest.mark.parametrize("name", [*PASSWORD, *BEARER])
def test_what_cannot_be_carried(name: str) -> None:
    for user, secret in (("a\0", "b"), ("a", "b\0"), ("a", "b\n")):
        if secret == "b\n" and name in ("PLAIN", "LOGIN", "CRAM-MD5"):
            continue
        with pytest.raises(BadInput):
            client(name, user, secret)
    if name in ("LOGIN", "CRAM-MD5", "XOAUTH2"):
        with pytest.raises(BadInput, match="cannot act for another"):
            client(name, "a", "b", authzid="c")
    if name.startswith("SCRAM"):
        with pytest.raises(BadInput, match="needs a user"):
            client(name, "", "b")
        assert (client(name, "a,=", "b", authzid="c=").start() or b"").startswith(b"n,a=c=3D,n=a=2C=3D,r=")


def test_every_truncation_is_nonsense() -> None:
    _, first, _, proof = printed()
    for cut in range(len(first)):
        mechanism = printed()[0]
        if cut > first.index(b"i=") + 2:  # 4, 40, 409: too few iterations
            with pytest.raises(Insecure):
                mechanism.step(first[:cut])
        else:
            with pytest.raises(PeerError):
                mechanism.step(first[:cut])
    for cut in range(len(proof)):
        mechanism = printed()[0]
        mechanism.step(first)
        with pytest.raises((PeerError, Insecure)):
            mechanism.step(proof[:cut])
        with pytest.raises(Insecure):
            mechanism.finished()


@pytest.mark.parametrize(
    "change",
    [
        (b"r=", b"m=x,r="),  # an extension that must be understood
        (b"r=rOpr", b"r=XOpr"),
        (b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", b""),
        (b"s=W22", b"s=W2"),
        (b"s=W22", b"s=W\n22"),
        (b"i=4096", b"i=04096"),
        (b"i=4096", b"i=-4096"),
        (b"i=4096", b"i=4096,x"),
        (b"i=4096", b"i=99999999999"),
        (b"i=4096", b"i=%d" % (MAX_ITERATIONS + 1)),
        (b"i=4096", b"i=4096,x=" + b"x" * MAX_CHALLENGE),
        (b"r=", b"e=other-error,r="),
        (b"r=", b"\xff"),
    ],
)
def test_hostile_first_messages(change: tuple[bytes, bytes]) -> None:
    mechanism, first, _, _ = printed()
    with pytest.raises(PeerError):
        mechanism.step(first.replace(*change, 1))


def test_few_iterations_and_wrong_proofs_are_insecure() -> None:
    mechanism, first, final, _ = printed()
    with pytest.raises(Insecure) as caught:
        mechanism.step(first.replace(b"4096", b"4095"))
    assert caught.value.kind == "iterations"
    assert mechanism.step(first + b",x=later") != final  # what is behind is signed as well
    for wrong in (b"v=" + b64encode(bytes(32)), b"v=" + b64encode(b"x")):
        mechanism = printed()[0]
        mechanism.step(first)
        with pytest.raises(Insecure) as caught:
            mechanism.step(wrong)
        assert caught.value.kind == "wrong_proof"
    mechanism = printed()[0]
    mechanism.step(first)
    assert mechanism.step(b"e=invalid-proof") == b""
    assert mechanism.why == "invalid-proof"
    with pytest.raises(Insecure):
        mechanism.finished()


def test_saslprep_as_the_rfc_prints_it() -> None:
    for text, prepared in (("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"),
                           ("a\u00a0b", "a b"), ("\u0627\u0661\u0628", "\u0627\u0661\u0628"), ("\u00ad", ""),
                           ("\U0001fae0", "\U0001fae0")):  # fmt: skip
        assert saslprep("password", text) == prepared
    for text in ("\u0007", "\u06271", "\u0627a\u0628", "a\x7f", "\ufffd", "\ue000"):
        with pytest.raises(BadInput) as caught:
            saslprep("password", text)
        assert text not in caught.value.message


def test_the_interface() -> None:
    mechanisms: list[Mechanism] = [client(name, "u", "s") for name in (*PASSWORD, *BEARER)]
    assert [(one.name, one.why) for one in mechanisms] == [(name, "") for name in (*PASSWORD, *BEARER)]
