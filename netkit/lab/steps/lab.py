"""Steps of the tour: the lab itself."""

from netkit.lab.listings import ANY_SERVER, POPLIB, SMTPLIB
from netkit.lab.steps.step import Step

STEPS: tuple[Step, ...] = (
    Step(
        "lab",
        "Servers of your own round any command, with nothing to set up",
        5,
        ANY_SERVER,
        ("lab", "--", "sh", "-c", 'echo "a web server at $NETKIT_LAB_HTTP"'),
        ("a web server at http://127.0.0.1:",),
    ),
    Step(
        "lab-seed",
        "Messages for a test, put into a mailbox of a lab that runs",
        26,
        SMTPLIB,
        ("lab", "seed", "2", "--smtp", "{smtp}", "--to", "dora@lab.test"),
        ("dora@lab.test Message 2 of 2",),
    ),
    Step(
        "lab-wait",
        "Until the message that a test waits for is there, and not a moment longer",
        27,
        POPLIB,
        ("lab", "wait", "--http", "{http}", "--to", "odd@lab.test", "--subject", "привет"),
        ("Привет",),
    ),
)
