"""`check_server()`: one server, from its greeting to what it says about recipients. No mail is sent.

The certificate is verified as a client would; where that fails, a second session without says what there is to say
about the rest. What cannot be judged ends in a finding, never in an exception.
"""

import re
from collections.abc import Iterator
from functools import partial
from time import monotonic

from netkit.errors import Insecure, NetkitError, PeerError
from netkit.mail.smtp.check import certificate, dane
from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.at_once import at_once
from netkit.mail.smtp.check.ehlo import judge_offers
from netkit.mail.smtp.check.envelope import ask_recipients, test_relay
from netkit.mail.smtp.check.findings import Finding, Level, Report, finding, in_order
from netkit.mail.smtp.check.versions import try_versions
from netkit.mail.smtp.session import Session, connected
from netkit.mail.target import Target, Tls
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

_NAME = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]+\.?|\[[0-9A-Za-z.:]+\]|localhost")


def check_server(place: Place, asked: Asked, deadline: Deadline) -> Report:
    return _Server(place, asked, deadline).run()


class _Stop(Exception):
    """This session has nothing more to say; why is in the findings."""


class _Server:
    """found: of the session under way, told: of what came before it. refused: why the certificate is not taken."""

    def __init__(self, place: Place, asked: Asked, deadline: Deadline) -> None:
        self.place = place
        self.asked = asked
        self.deadline = deadline
        self.found: list[Finding] = []
        self.error: NetkitError | None = None
        self.target = place.addresses[0]
        self.mode = self.target.tls
        self.address: str | None = None
        self.failed: list[tuple[Target, NetkitError]] = []
        self.refused: Insecure | None = None
        self.chain: list[bytes] = []
        self.tls_version: str | None = None
        self.speaks_tls = False

    def run(self) -> Report:
        session = self._open(insecure=self.asked.insecure)
        if self.refused is not None:
            session = self._open(insecure=True)
        if session is not None:
            with session:
                self._ask(session)
        if self.place.tlsa is not None and self.error is None:
            self.found += dane.judge(self.place.tlsa, self.chain)
            if dane.vouched(self.found):
                self.found = certificate.excused(self.found)
        if self.speaks_tls:
            self.found += try_versions(
                self.target, self.mode, self.place.host, self.asked, self.deadline, self.tls_version
            )
        self.found += self._other_addresses()
        if self.asked.probe and session is not None:
            from netkit.mail.smtp.check.probes import probe

            self.found += probe(self.target, self.mode, self.place, self.asked, self.deadline)
        return Report(self.place.name, self._host, self.address, in_order(self.found), self.error)

    @property
    def _host(self) -> str:
        return self.place.host if self.place.mx_of else self.target.name

    def _open(self, *, insecure: bool) -> Session | None:
        """A session under way to its last EHLO, its findings in `found`; None where it ended before."""
        self.found, self.chain = [], []
        session = self._connect()
        if session is None:
            return None
        try:
            self._begin(session, Security(self.asked.cacert, insecure, self.place.host or None))
        except _Stop:
            session.wire.close()
            return None
        except BaseException:
            session.wire.close()
            raise
        return session

    def _connected(self, target: Target) -> Session:
        asked = self.asked
        return connected(target, deadline=self.deadline, family=asked.family, on_event=asked.on_event)

    def _connect(self) -> Session | None:
        """To the first address that answers; the others have failed."""
        self.failed = []
        for target in self.place.addresses:
            try:
                session = self._connected(target)
            except NetkitError as exc:
                self.failed.append((target, exc))
                continue
            self.target, self.address = target, session.wire.address or target.name
            # On this machine auto is "none" for a client that has mail to send; here the question is what there is.
            local = self.asked.tls is Tls.auto and target.tls is Tls.none
            self.mode = Tls.starttls if local else target.tls
            return session
        first = self.failed[0][1]
        self.error = first
        self.found += [finding("connect.failed", exc.message, kind=exc.kind) for _, exc in self.failed]
        self.failed = []
        return None

    def _begin(self, session: Session, security: Security) -> None:
        if self.mode is Tls.implicit:
            self._secure(session, security)
        self._greet(session)
        self._hello(session)
        if self.mode is Tls.starttls:
            self._start_tls(session, security)
        elif self.mode is Tls.none:
            self.found.append(finding("tls.none", "TLS is not asked for: --tls none"))
        submission = session.target.endpoint.port in (465, 587)
        self.found += judge_offers(session, submission=submission, tls=session.wire.tls is not None)

    def _greet(self, session: Session) -> None:
        began = monotonic()
        try:
            session.greet()
        except NetkitError as exc:
            self.error = exc
            greeting = session.greeting
            if greeting is not None:
                text = f"the greeting is {greeting}"
                self.found.append(finding("banner.refused", text, code=greeting.code, text=greeting.text))
            elif isinstance(exc, PeerError) and exc.kind != "closed":
                hint = f" ({exc.hint})" if exc.hint else ""
                self.found.append(finding("banner.not-smtp", f"{self._bare(exc)}{hint}", kind=exc.kind))
            else:
                self.found.append(finding("session.broke-off", self._bare(exc), kind=exc.kind))
            raise _Stop from exc
        text = session.greeting.text if session.greeting else ""
        ms = round((monotonic() - began) * 1000, 3)
        if _NAME.fullmatch(text.partition(" ")[0]):
            self.found.append(finding("banner.greeting", text, text=text, ms=ms))
        else:
            said = f"the greeting does not begin with a host's name: {text!r}"
            self.found.append(finding("banner.no-name", said, text=text))

    def _hello(self, session: Session, *, again: bool = False) -> None:
        try:
            session.hello(self.asked.helo)
        except NetkitError as exc:
            under = " under TLS" if again else ""
            self.found.append(finding("ehlo.failed", f"{self._bare(exc)}{under}", kind=exc.kind))
            self.error = exc
            raise _Stop from exc

    def _start_tls(self, session: Session, security: Security) -> None:
        if "STARTTLS" not in session.offered:
            auto_local = self.asked.tls is Tls.auto and session.target.local
            said = "the server does not offer STARTTLS"
            self.found.append(finding("tls.not-offered", said, Level.warn if auto_local else None))
            return
        self.speaks_tls = True
        try:
            session.start_tls(security)
        except NetkitError as exc:
            self._no_tls(session, exc)
            return
        self._secured(session, security)
        self._hello(session, again=True)

    def _secure(self, session: Session, security: Security) -> None:
        self.speaks_tls = True
        try:
            session.secure(security)
        except NetkitError as exc:
            self._no_tls(session, exc)
        self._secured(session, security)

    def _no_tls(self, session: Session, exc: NetkitError) -> None:
        """What kept TLS from coming about; returns where the session goes on in the clear."""
        if exc.kind == "no_starttls":
            text = exc.message.partition("STARTTLS was refused: ")[2]
            self.found.append(finding("tls.refused", f"STARTTLS is offered, and refused: {text}", text=text))
            self.speaks_tls = False
            return
        if exc.kind.startswith("cert_") and isinstance(exc, Insecure):
            self.refused = exc  # the next session will tell the rest
        elif exc.kind == "injected":
            self.found.append(finding("tls.injected", self._bare(exc)))
        elif isinstance(exc, Insecure):
            if self.mode is Tls.implicit:
                self.error = exc
            self.found.append(finding("tls.handshake", self._bare(exc), kind=exc.kind))
        else:
            self.error = exc
            self.found.append(finding("session.broke-off", self._bare(exc), kind=exc.kind))
        raise _Stop from exc

    def _secured(self, session: Session, security: Security) -> None:
        tls = session.wire.tls
        assert tls is not None
        self.chain = certificate.shown(tls)
        self.tls_version = tls.version()
        cipher = (tls.cipher() or ("",))[0]
        version = (self.tls_version or "").replace("TLSv", "TLS ")
        self.found.append(finding("tls.session", f"{version}, {cipher}", version=version, cipher=cipher))
        host = security.server_name or session.target.endpoint.host
        self.found += certificate.judge(host, self.chain, self.refused, insecure=self.asked.insecure)

    def _ask(self, session: Session) -> None:
        try:
            if self.asked.rcpt:
                self.found += ask_recipients(session, self.asked.sender, self.asked.rcpt)
            if self.asked.relay:
                self.found += test_relay(session)
        except NetkitError as exc:
            self.found.append(finding("session.broke-off", self._bare(exc), kind=exc.kind))
            return
        session.quit()  # nothing hangs on its answer

    def _other_addresses(self) -> Iterator[Finding]:
        """Whether the host's other addresses answer as well; those in front of the one in use did not."""
        found = list(self.failed)
        behind = self.place.addresses[self.place.addresses.index(self.target) + 1 :] if self.address else ()
        answers = at_once([partial(self._answers, target) for target in behind])
        found += [(target, exc) for target, exc in zip(behind, answers, strict=True) if exc is not None]
        for target, exc in found:
            yield finding("connect.address-failed", exc.message, address=target.name)

    def _answers(self, target: Target) -> NetkitError | None:
        try:
            with self._connected(target) as session:
                if self.mode is not Tls.implicit:
                    session.greet()
                    session.quit()
        except NetkitError as exc:
            return exc
        return None

    def _bare(self, exc: NetkitError) -> str:
        """Without the server's name in front: it stands above."""
        return exc.message.removeprefix(f"{self.target.name}: ")
