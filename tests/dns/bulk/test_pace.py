"""The window grows while nothing is lost and halves when much is; the bucket never gives more than its rate."""

from netkit.dns.bulk.pace import BURST, FIRST, LEAST, MOST, STEP, Bucket, Window


def full(window: Window, *, lost: int = 0) -> int:
    """One window's worth of questions, all of them in flight; the size after it."""
    size = window.size
    if lost:
        window.missed(lost, size)
    window.answered(size - lost, size)
    return window.size


def test_it_doubles_up_to_its_limit_and_then_stays() -> None:
    window = Window(limit=500)
    assert [full(window) for _ in range(4)] == [2 * FIRST, 4 * FIRST, 500, 500]
    assert Window(limit=10**6).limit == MOST


def test_loss_halves_it_and_it_grows_slowly_from_there() -> None:
    window = Window(limit=800)
    full(window)
    window.answered(100, window.size)
    window.missed(50, window.size)
    assert window.size == FIRST
    assert [full(window) for _ in range(3)] == [FIRST + STEP, FIRST + 2 * STEP, FIRST + 3 * STEP]


def test_one_loss_is_none() -> None:
    window = Window(limit=800)
    assert full(window, lost=1) == 2 * FIRST


def test_it_never_closes() -> None:
    window = Window()
    for _ in range(50):
        window.answered(1, window.size)
        window.missed(window.size, window.size)
    assert window.size == LEAST


def test_where_nothing_is_heard_it_stays_at_what_it_began_with() -> None:
    window = Window()
    full(window)
    for _ in range(50):
        window.missed(window.size, window.size)
    assert window.size == FIRST


def test_a_window_that_is_not_used_does_not_grow() -> None:
    window = Window()
    for _ in range(5):
        window.answered(window.size, 10)
    assert window.size == FIRST


def test_a_fixed_one_stays() -> None:
    window = Window(fixed=7)
    for _ in range(5):
        full(window)
        window.missed(7, 7)
    assert window.size == 7


def test_the_bucket() -> None:
    bucket = Bucket(100.0, 0.0)
    assert bucket.available(0.0) == 1
    bucket.spend(1)
    assert (bucket.available(0.0), bucket.wait()) == (0, 0.01)
    assert bucket.available(0.02) == 2
    assert bucket.available(60.0) == int(100 * BURST)
    sent, now = 0, 60.0
    while now < 70.0:
        count = bucket.available(now)
        bucket.spend(count)
        sent += count
        now += 0.003
    assert sent <= 1000 + 100 * BURST
