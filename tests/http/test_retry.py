"""When another attempt is made, and after how long."""

import pytest

from netkit.errors import (
    AuthRefused,
    Insecure,
    LocalFailure,
    NetkitError,
    No,
    PeerError,
    Temporary,
    TimedOut,
    Unreachable,
)
from netkit.http.retry import CAP, GiveUp, Retry, decide, retry_after
from netkit.net.hop import Head

DATE, IN_A_MINUTE = "Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:01:00 GMT"
NOW = 1767225600.0  # DATE


def head(status: int, **fields: str) -> Head:
    return Head(status, "", "1.1", tuple((name.replace("_", "-"), value) for name, value in fields.items()))


def after(retry: Retry, error: NetkitError | None, answer: Head | None = None, **state: float) -> float | GiveUp:
    usual = {"made": 1, "elapsed": 0.0, "left": 3600.0, "chance": 0.0, "now": NOW}
    return decide(retry, error, answer, **(usual | state))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Temporary("", kind="http_503"), head(503)),
        (Temporary("", kind="http_429"), head(429)),
        (No("", kind="http_408"), head(408)),
        (None, head(502)),
        (Unreachable("", kind="refused"), None),
        (Unreachable("", kind="empty_reply"), None),
        (TimedOut("", kind="timeout_connect"), None),
        (PeerError("", kind="truncated"), head(200)),
        (PeerError("", kind="short_range"), head(206)),
    ],
)
def test_what_may_pass_is_tried_again(error: NetkitError | None, answer: Head | None) -> None:
    assert after(Retry(1), error, answer) == 0.5
    assert after(Retry(1), error, answer, made=2) == GiveUp()
    assert after(Retry(0), error, answer) == GiveUp()


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (No("", kind="http_404"), head(404)),
        (Temporary("", kind="http_501"), head(501)),
        (AuthRefused("", kind="http_401"), head(401)),
        (Insecure("", kind="cert_expired"), None),
        (LocalFailure("", kind="write"), head(200)),
        (PeerError("", kind="malformed"), head(200)),
        (PeerError("", kind="resume"), head(206)),
        (PeerError("", kind="too_big"), head(503)),  # its status is not what is wrong
        (No("", kind="checksum"), head(200)),
        (None, head(404)),
    ],
)
def test_what_stays_is_not(error: NetkitError | None, answer: Head | None) -> None:
    assert after(Retry(5), error, answer) == GiveUp()


def test_the_user_says_which_statuses() -> None:
    retry = Retry(5, frozenset({404}))
    assert after(retry, No("", kind="http_404"), head(404)) == 0.5
    assert after(retry, Temporary("", kind="http_503"), head(503)) == GiveUp()
    assert after(retry, Unreachable("")) == 0.5


def test_pauses_double_up_to_a_limit_and_vary_by_half() -> None:
    retry = Retry(100, max_time=1e9)
    lost = Unreachable("")
    assert [after(retry, lost, made=made) for made in range(1, 6)] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert after(retry, lost, made=99) == CAP
    assert after(retry, lost, made=3, chance=1.0) == 1.0


def test_retry_after_is_kept_to() -> None:
    busy = Temporary("", kind="http_503")
    assert after(Retry(1), busy, head(503, retry_after="7"), chance=1.0) == 7.0
    assert after(Retry(1), busy, head(503, retry_after="0")) == 0.0
    assert after(Retry(1), busy, head(503, retry_after=IN_A_MINUTE, date=DATE), now=0.0) == 60.0
    assert after(Retry(1), busy, head(503, retry_after=IN_A_MINUTE), now=NOW + 50) == 10.0
    assert after(Retry(1), busy, head(503, retry_after=DATE), now=NOW + 50) == 0.0
    assert after(Retry(1), busy, head(503, retry_after="soon")) == 0.5
    assert retry_after(head(503, retry_after="-1"), NOW) is None
    assert retry_after(head(503, retry_after="1.5"), NOW) is None


def test_a_pause_that_is_too_long_is_not_begun() -> None:
    busy = Temporary("", kind="http_503")
    huge = after(Retry(1), busy, head(503, retry_after="99999999999999999999"))
    assert huge == GiveUp("Retry-After: 999999999999 s goes beyond --retry-max-time 120s")
    assert after(Retry(1), busy, head(503, retry_after="121")) == GiveUp(
        "Retry-After: 121 s goes beyond --retry-max-time 120s"
    )
    assert after(Retry(1), busy, head(503, retry_after="120")) == 120.0
    assert after(Retry(1), busy, head(503, retry_after="20"), elapsed=101.0) == GiveUp(
        "Retry-After: 20 s goes beyond --retry-max-time 120s"
    )
    assert after(Retry(1), busy, head(503, retry_after="5"), left=4.0) == GiveUp(
        "Retry-After: 5 s goes beyond --timeout"
    )
    assert after(Retry(9), TimedOut(""), left=0.0) == GiveUp()
