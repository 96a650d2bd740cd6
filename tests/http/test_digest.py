"""Digest: the examples of RFC 7616 and RFC 2617, challenges as servers write them, and what cannot be answered."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.errors import PeerError
from netkit.http.digest import MAX_CHALLENGES, Answer, Challenge, challenges, choose

RFC7616 = (
    'realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answer(
    text: str, user: str, password: str, cnonce: str, method: str = "GET", target: str = "/dir/index.html"
) -> str:
    chosen = choose(challenges([text]))
    assert chosen is not None
    one = Answer(chosen, user, password)
    one.count = 1
    return one._value(method, target, cnonce)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    value = answer(f"Digest {RFC7616.format(algorithm)}", "Mufasa", "Circle of Life", CNONCE)
    assert f'response="{response}"' in value
    assert f"algorithm={algorithm}, " in value
    assert f'qop=auth, nc=00000001, cnonce="{CNONCE}"' in value
    assert 'username="Mufasa"' in value


def test_the_example_of_userhash() -> None:
    text = (
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDssOS", '
        "charset=UTF-8, userhash=true"
    )
    value = answer(text, "Jäsøn Doe", "Secret, or not?", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", target="/doe.json")
    assert "userhash=true" in value
    assert re.search(r'username="[0-9a-f]{64}"', value)
    assert "Doe" not in value


def test_the_example_of_rfc_2617_and_a_server_without_qop() -> None:
    text = (
        'Digest realm="testrealm@host.com", {}nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    value = answer(text.format('qop="auth,auth-int", '), "Mufasa", "Circle Of Life", "0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    value = answer(text.format(""), "Mufasa", "Circle Of Life", "0a4f113b")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in value  # RFC 2069, as its errata have it
    assert "qop" not in value
    assert "algorithm" not in value


def test_challenges_are_told_apart() -> None:
    assert challenges(['Basic realm="a, b=\\"c\\"", charset=UTF-8, Digest realm=x ,nonce="n",Negotiate', "Bearer"]) == [
        Challenge("basic", {"realm": 'a, b="c"', "charset": "UTF-8"}),
        Challenge("digest", {"realm": "x", "nonce": "n"}),
        Challenge("negotiate", {}),
        Challenge("bearer", {}),
    ]
    assert challenges(["Negotiate YII=="]) == [Challenge("negotiate", {})]
    assert challenges(["", ",", "=", '"']) == []
    assert len(challenges(["A, B"] * 100)) == MAX_CHALLENGES


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_challenge_breaks_the_reading(text: str) -> None:
    choose(challenges([text, f"Digest {text}", f'Digest realm="r", nonce="n", {text}']))


def test_the_best_that_can_be_answered_is_chosen() -> None:
    plain = 'Digest realm="r", nonce="{}", algorithm={}, qop="auth"'
    offered = [plain.format("a", "MD5"), plain.format("b", "SHA-256-sess"), plain.format("c", "SHA-3")]
    chosen = choose(challenges(offered))
    assert chosen is not None
    assert chosen.parameters["nonce"] == "b"
    for text in (
        'Digest realm="r", nonce="n", algorithm=SHA-3',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r"',
        'Digest nonce="n"',
        "Digest",
    ):
        assert choose(challenges([text])) is None


def test_a_session_key_depends_on_the_nonces() -> None:
    text = f"Digest {RFC7616.format('MD5-sess')}"
    first, second = (answer(text, "Mufasa", "Circle of Life", cnonce) for cnonce in ("a", "b"))
    assert "algorithm=MD5-sess" in first
    assert re.findall('response="(.*?)"', first) != re.findall('response="(.*?)"', second)


def test_realms_go_back_as_the_octets_they_came_as() -> None:
    realm = 'caf\xe9 "\\'.encode().decode("latin-1").replace("\\", "\\\\").replace('"', '\\"')
    value = answer(f'Digest realm="{realm}", nonce="n"', "u", "p", "c")
    assert 'realm="café \\"\\\\"' in value


def test_control_characters_do_not_go_back() -> None:
    with pytest.raises(PeerError, match="control character"):
        answer('Digest realm="a\rb", nonce="n"', "u", "p", "c")
