"""The lab's mailboxes: what each holds, what a deletion leaves, and where they are full."""

from netkit.lab.mail import store
from netkit.lab.mail.store import EVERYTHING, ODD, Store
from netkit.lab.odd import SUBJECTS
from netkit.mail.smtp.server import Envelope


def envelope(*recipients: str, data: bytes = b"Subject: x\r\n\r\n") -> Envelope:
    return Envelope("me", "a@x.test", recipients, data, None)


def uidls(mail: Store, user: str) -> list[str]:
    return [message.uidl for message in mail.open(user)]


def test_a_mailbox_for_each_recipient_and_one_for_everything() -> None:
    mail = Store()
    assert len(mail.open(ODD)) == len(SUBJECTS)
    assert mail.open(EVERYTHING) == ()  # what was not sent is in nobody's way
    queued = mail.deliver(envelope("Ann@Lab.test", "bob@lab.test"))
    assert uidls(mail, "ann@lab.test") == uidls(mail, "BOB@lab.test") == [queued]
    assert uidls(mail, EVERYTHING)[-1] == queued
    assert mail.open("nobody@lab.test") == ()
    assert mail.mailboxes() == {"*": 1, "ann@lab.test": 1, "bob@lab.test": 1, ODD: len(SUBJECTS)}
    assert mail.find(queued or "") is mail.mailbox("*")[0]
    assert mail.find("lab00000001") is mail.mailbox(ODD)[0]


def test_a_deletion_is_of_one_mailbox_and_the_last_one_is_of_all() -> None:
    mail = Store()
    queued = mail.deliver(envelope("ann@x", "bob@x"))
    assert queued is not None
    mail.delete("ann@x", [queued])
    assert (uidls(mail, "ann@x"), uidls(mail, "bob@x")) == ([], [queued])
    assert queued in uidls(mail, EVERYTHING)
    mail.delete("bob@x", [queued])
    assert queued not in uidls(mail, EVERYTHING)
    queued = mail.deliver(envelope("ann@x", "bob@x"))
    assert queued is not None
    mail.delete("nobody@x", [queued])
    mail.delete(EVERYTHING, [queued])
    assert uidls(mail, "ann@x") == uidls(mail, "bob@x") == []


def test_it_is_full_one_day() -> None:
    mail = Store()
    crowd = tuple(f"{number}@x" for number in range(1000))
    while mail.deliver(envelope(*crowd)):
        pass
    assert sum(len(mail.open(name)) for name in crowd) == store.MAX_COPIES // 1000 * 1000 - 1000
    big = Store()
    assert big.deliver(envelope("ann@x", data=b"x" * store.MAX_BYTES)) is None
    assert big.deliver(envelope("ann@x")) is not None
