"""Probes for one's own servers: whether a server takes for a command, or for a message's end, what is none.

Each is a connection of its own. Those of the end of data open a transaction to a real recipient and end it by hanging
up inside the message, which RFC 5321 4.1.1.4 says is then thrown away; a server that fails the probe has taken the
message as whole and delivers it, so that its subject says what it is.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from netkit.errors import Insecure, NetkitError, PeerError, TimedOut
from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.at_once import at_once
from netkit.mail.smtp.check.findings import Finding, finding
from netkit.mail.smtp.protocol import Reply
from netkit.mail.smtp.session import Session, connected
from netkit.mail.target import Target, Tls
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

LONG = 4096  # bytes of a command; RFC 5321 4.5.3.1.4 has 512
# What ends a message for servers that are too kind, and for no client that keeps to RFC 5321 2.3.8.
BARE_LF = {"LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n"}
LONE_CR = {"CR.CR": b"\r.\r", "CR.CRLF": b"\r.\r\n", "CRLF.CR": b"\r\n.\r"}
MESSAGE = (
    b"From: <>\r\nSubject: netkit smtp check --probe: this server ends messages where they do not end\r\n\r\n"
    b"If this was delivered, the server took %s for the end of a message (SMTP smuggling).\r\nx"
)
MAX_ANSWERS = 30  # of a session whose commands were cut
GOODBYE = 221  # the answer to QUIT
TAKEN, REFUSED, TEXT = "taken as the end", "refused", "taken as text"


def probe(target: Target, mode: Tls, place: Place, asked: Asked, deadline: Deadline) -> list[Finding]:
    """All probes at once: they wait for answers that a sound server does not give."""
    server = _Prober(target, mode, place, asked, deadline)
    jobs: list[Callable[[], list[Finding]]] = [
        server.starttls_injection,
        server.end_of_data,
        server.lone_cr,
        server.long_line,
    ]
    return [one for found in at_once(jobs) for one in found]


class _Skip(Exception):
    """Why a probe cannot be done."""


class _Prober:
    def __init__(self, target: Target, mode: Tls, place: Place, asked: Asked, deadline: Deadline) -> None:
        self.target = target
        self.mode = mode
        self.asked = asked
        self.deadline = deadline
        self.security = Security(insecure=True, server_name=place.host or None)
        self.recipient = asked.rcpt[0] if asked.rcpt else f"postmaster@{place.mx_of}" if place.mx_of else "postmaster"

    # --- commands

    def starttls_injection(self) -> list[Finding]:
        """STARTTLS and NOOP in one segment: under TLS nobody may answer the NOOP (CVE-2011-0411)."""

        def run() -> list[Finding]:
            with self._session(tls=False) as session:
                if "STARTTLS" not in session.offered:
                    raise _Skip("STARTTLS is not offered")
                answers: list[Reply] = []
                session.queue(b"STARTTLS\r\nNOOP\r\n", answers.append)
                session.until(lambda: bool(answers))
                if answers[0].code != 220:
                    raise _Skip(f"STARTTLS is refused: {answers[0]}")
                try:
                    session.secure(self.security)
                except Insecure:
                    return [finding("probe.starttls-clean", "a command behind STARTTLS makes the server give up TLS")]
                if answers := self._answers(session, b""):
                    said = f"a command sent in the clear behind STARTTLS is answered under TLS: {answers[0]}"
                    return [finding("probe.starttls-injection", said)]
                return [finding("probe.starttls-clean", "a command behind STARTTLS is thrown away")]

        return self._guarded("STARTTLS injection", run)

    def lone_cr(self) -> list[Finding]:
        """Two NOOPs with a CR between, which is one command, and no good one."""

        def run() -> list[Finding]:
            with self._session() as session:
                answers = self._answers(session, b"NOOP\rNOOP\r\n")
            if len(answers) > 1:
                return [finding("probe.lone-cr", "NOOP, a lone CR and NOOP are two commands to the server")]
            if not answers:
                raise PeerError("closed without an answer", kind="closed")
            reply = answers[0]
            return [finding("probe.cr-clean", f"a lone CR in a command: {reply}", code=reply.code, text=reply.text)]

        return self._guarded("lone CR", run)

    def long_line(self) -> list[Finding]:
        def run() -> list[Finding]:
            with self._session() as session:
                answers = self._answers(session, b"NOOP " + b"x" * (LONG - 7) + b"\r\n")
            if not answers:
                raise PeerError("closed without an answer", kind="closed")
            if len(answers) > 1:
                said = f"a command of {LONG} bytes gets {len(answers)} answers: it is cut into several"
                return [finding("probe.long-line-cut", said, answers=len(answers))]
            reply = answers[0]
            said = f"a command of {LONG} bytes: {reply}"
            return [finding("probe.long-line", said, code=reply.code, text=reply.text)]

        return self._guarded("4 kB command", run)

    # --- the end of data

    def end_of_data(self) -> list[Finding]:
        forms = {**BARE_LF, **LONE_CR}
        jobs = [partial(self._ends, name, form) for name, form in forms.items()]
        results = dict(zip(forms, at_once(jobs), strict=True))
        found = [one for one in results.values() if isinstance(one, Finding)]
        words = {name: word for name, word in results.items() if isinstance(word, str)}
        for id, kind in (("probe.bare-lf-end", BARE_LF), ("probe.lone-cr-end", LONE_CR)):
            if bad := [name for name in kind if words.get(name) == TAKEN]:
                here = {name: words[name] for name in kind if name in words}
                found.append(
                    finding(id, f"{' and '.join(bad)} {'end' if len(bad) > 1 else 'ends'} a message", forms=here)
                )
        if words and TAKEN not in words.values():
            refused = [name for name in words if words[name] == REFUSED]
            said = "only CRLF.CRLF ends a message" + (f"; {', '.join(refused)} refused" if refused else "")
            found.append(finding("probe.end-of-data", said, forms=words))
        return list({one.message: one for one in found}.values())  # one reason for all forms is told once

    def _ends(self, name: str, form: bytes) -> str | Finding:
        """What becomes of a message with such an end in it: a word, or why that cannot be told."""

        def run() -> list[Finding]:
            with self._session() as session:
                for line in ("MAIL FROM:<>", f"RCPT TO:<{self.recipient}>", "DATA"):
                    reply = session.ask(line)
                    if reply.code >= 400:
                        raise _Skip(f"{line} is refused: {reply}")
                answers: list[Reply] = []
                session.queue(MESSAGE % name.encode() + form + b"x", answers.append)
                session.wire.deadline = Deadline.after(min(self.asked.patience, self.deadline.left))
                try:
                    session.until(lambda: bool(answers))
                except TimedOut:
                    words.append(TEXT)
                    return []
                words.append(TAKEN if answers[0].ok else REFUSED)
                return []

        words: list[str] = []
        found = self._guarded("end of data", run)
        return words[0] if words else found[0]

    # --- sessions

    def _session(self, *, tls: bool = True) -> Session:
        """As far as EHLO. tls: under TLS where the server has it."""
        session = connected(self.target, deadline=self.deadline, family=self.asked.family, on_event=self.asked.on_event)
        try:
            if self.mode is Tls.implicit:
                session.secure(self.security)
            session.greet()
            session.hello(self.asked.helo)
            if tls and self.mode is Tls.starttls and "STARTTLS" in session.offered:
                session.start_tls(self.security)
                session.hello(self.asked.helo)
        except BaseException:
            session.wire.close()
            raise
        return session

    def _answers(self, session: Session, line: bytes) -> list[Reply]:
        """All that a line is answered with, until the server has hung up after QUIT; at most as long as patience lasts.

        QUIT waits for the first of them: in one group with NOOP it would be the fault that a server complains of.
        """
        answers: list[Reply] = []
        for _ in range(MAX_ANSWERS):
            session.expect(answers.append)
        session.wire.deadline = Deadline.after(min(self.asked.patience, self.deadline.left))
        with suppress(NetkitError):  # it has hung up, or goes on to wait
            session.wire.queue(line)
            session.until(lambda: bool(answers) or not line)
            session.wire.queue(b"QUIT\r\n")
            session.until(lambda: len(answers) >= MAX_ANSWERS)
        if answers and answers[-1].code == GOODBYE:
            answers.pop()
        return answers

    def _guarded(self, name: str, run: Callable[[], list[Finding]]) -> list[Finding]:
        try:
            return run()
        except _Skip as exc:
            return [finding("probe.skipped", f"{name}: {exc}", probe=name)]
        except NetkitError as exc:
            return [finding("probe.broke-off", f"{name}: {exc.message}", probe=name, kind=exc.kind)]
