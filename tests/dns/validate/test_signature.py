"""One signature over one RRset: what is looked at before the cryptography, and the clock."""

from typing import Any

import dns.dnssec
import dns.name
import dns.rrset
import pytest
from dns.rdtypes.ANY.RRSIG import RRSIG

from netkit.dns.validate.limits import Work
from netkit.dns.validate.records import Signed
from netkit.dns.validate.signature import Failed, moment, verify
from tests.dns.validate.tree import DAY, NOW, make_key

ZONE = dns.name.from_text("z.test.")
PRIVATE, KEY = make_key("z.test.")
RRSET = dns.rrset.from_text("www.z.test.", 300, "IN", "A", "192.0.2.1", "192.0.2.2")


def made(begins: int = NOW - DAY, ends: int = NOW + DAY, **changes: Any) -> RRSIG:
    signature = dns.dnssec.sign(RRSET, PRIVATE, ZONE, KEY, inception=begins, expiration=ends)
    changed = signature.replace(**changes)
    assert isinstance(changed, RRSIG)
    return changed


def reason(*signatures: RRSIG, now: float = NOW) -> str:
    with pytest.raises(Failed) as caught:
        verify(Signed(RRSET, signatures), ZONE, [KEY], now=now, work=Work())
    return caught.value.reason


def test_a_good_one_beside_bad_ones() -> None:
    work = Work()
    bad = made(begins=NOW - 2 * DAY, ends=NOW - DAY)
    good = verify(Signed(RRSET, (bad, made())), ZONE, [KEY], now=NOW, work=work)
    assert (good.key, good.signature, good.wildcard, work.checks) == (KEY, made(), None, 1)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (NOW + DAY + 1, "the signature expired on 2027-01-16T08:00:00Z, 1 second ago"),
        (NOW + 3 * DAY, "the signature expired on 2027-01-16T08:00:00Z, 2 days ago"),
        (NOW - DAY - 7200, "the signature is not valid before 2027-01-14T08:00:00Z, in 2 hours"),
    ],
)
def test_times_are_said_with_dates(now: float, words: str) -> None:
    assert reason(made(), now=now) == words


@pytest.mark.parametrize("now", [NOW - DAY, NOW, NOW + DAY])
def test_both_ends_belong_to_it(now: float) -> None:
    assert verify(Signed(RRSET, (made(),)), ZONE, [KEY], now=now, work=Work()).key == KEY


def test_a_signature_that_ends_before_it_begins() -> None:
    assert "before it begins" in reason(made(begins=NOW + DAY, ends=NOW - DAY))


def test_times_are_32_bits_that_wrap() -> None:
    """The end of the year 2105 and after (RFC 4034 3.1.5)."""
    turn = 1 << 32
    assert moment(10, turn - 5) == turn + 10
    assert moment(turn - 10, turn + 5) == turn - 10
    assert moment(NOW, NOW + 0.7) == NOW


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_tag": 1}, f"no key 1 in z.test.: its keys are {KEY.key_id()}"),
        ({"algorithm": 13}, f"no key {KEY.key_id()} in z.test."),
        ({"algorithm": 250}, "the algorithm ALG250 is unknown here"),
        ({"labels": 4}, "signed as a name of 4 labels, it has 3"),
        ({"original_ttl": 299}, "does not fit the data"),
        ({"labels": 2}, "does not fit the data"),
        ({"signer": dns.name.from_text("other.test.")}, "it is signed by other.test., not by z.test."),
    ],
)
def test_signatures_that_do_not_hold(changes: dict[str, Any], words: str) -> None:
    assert words in reason(made(**changes))


def test_no_signature_at_all() -> None:
    assert reason() == "no signature, and z.test. is signed"


def test_a_key_that_may_not_sign_zones() -> None:
    for flags in (0, 1, 257 | 0x80):
        private, key = make_key("z.test.", flags=flags)
        signature = dns.dnssec.sign(RRSET, private, ZONE, key, inception=NOW - 60, expiration=NOW + 60)
        with pytest.raises(Failed, match="no key"):
            verify(Signed(RRSET, (signature,)), ZONE, [key], now=NOW, work=Work())


def test_more_or_fewer_records_than_were_signed() -> None:
    fewer = dns.rrset.from_text("www.z.test.", 300, "IN", "A", "192.0.2.1")
    with pytest.raises(Failed, match="does not fit"):
        verify(Signed(fewer, (made(),)), ZONE, [KEY], now=NOW, work=Work())
