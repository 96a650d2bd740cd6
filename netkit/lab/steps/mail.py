"""Steps of the tour: smtp and pop3."""

from netkit.lab.listings import ODD_MAILBOX, POPLIB, SMTPLIB
from netkit.lab.steps.step import Step

STEPS: tuple[Step, ...] = (
    Step(
        "smtp-send",
        "A message to two people, with an outcome for each",
        26,
        SMTPLIB,
        (
            "smtp",
            "send",
            "{smtp}",
            "--from",
            "ann@lab.test",
            "--to",
            "bob@lab.test",
            "--to",
            "cara@lab.test",
            "--subject",
            "Café ✓",
            "--text",
            "See you there.",
        ),
        ("accepted", "bob@lab.test", "cara@lab.test"),
    ),
    Step(
        "smtp-bad-address",
        "What cannot be an address is told before anything is sent: exit 2",
        26,
        SMTPLIB,
        ("smtp", "send", "{smtp}", "--from", "ann@lab.test", "--to", "bob@cara@lab.test"),
        exit=2,
    ),
    Step(
        "smtp-check",
        "A mail server looked at from all sides, without a message sent",
        26,
        "server.starttls()\nserver.ehlo()",
        ("smtp", "check", "{smtp}", "--cacert", "{ca}", "--rcpt", "bob@lab.test", "--relay-test"),
        ("tls.certificate", "rcpt.accepted", "relay.open"),
        exit=1,
    ),
    Step(
        "smtp-check-domain",
        "A domain: its MX hosts, and what it publishes for MTA-STS, DANE, SPF and DMARC",
        26,
        "server.starttls()\nserver.ehlo()",
        (
            *("smtp", "check", "good.lab.test", "--dns", "{dns}", "--cacert", "{ca}"),
            *("--mx-port", "{smtp_port}", "--policy-port", "{https_port}"),
        ),
        ("sts.policy", "dane.match", "mx2.good.lab.test"),
    ),
    Step(
        "pop3-subjects",
        "The subjects of what waits, by TOP and all at once, whatever they hold",
        27,
        POPLIB,
        ("pop3", "subjects", "{pop3}", *ODD_MAILBOX, "--range", "50-56"),
        ("café", "Привет"),
    ),
    Step(
        "pop3-stat",
        "How many, and how many bytes",
        27,
        "messages, size = server.stat()",
        ("pop3", "stat", "{pop3}", *ODD_MAILBOX),
    ),
)
