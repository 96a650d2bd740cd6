"""Everybody who is connected, the rooms they are in, and what is said between them.

Each thing that is said is published to the bus and shown when it comes back with its place in the order: in one
process at once. What came in one turn of the loop goes out together, the first at once and then at most every `flush`
seconds: an idle chat waits for nothing, a busy one saves 50 sends in 60.
"""

import re
import time
from collections.abc import Callable, Sequence

from netkit.chat.acts import act
from netkit.chat.bus import TAKEN, Bus, LocalBus, Present
from netkit.chat.counts import Counts
from netkit.chat.direct import Direct
from netkit.chat.entry import DOUBTFUL, UNSENT, Entry, Kind, line
from netkit.chat.event import OnLog, event
from netkit.chat.fanout import Lost, Reader
from netkit.chat.limits import DIGEST, DIGEST_LINES, GOODBYE, MAX_ROOMS, ROOM, Limits
from netkit.chat.member import SLOW, Member
from netkit.chat.names import bad_nick, fold
from netkit.chat.room import LOBBY, Frames, Room
from netkit.net.loop import Loop, Timer


class Hub:
    """moderate: checks the password of /op; None where there are no moderators."""

    def __init__(
        self,
        loop: Loop,
        *,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        bus: Bus | None = None,
        node: str = "",
        tutorial: bool = False,
        moderate: Callable[[str], bool] | None = None,
        frames: Frames | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        self.loop = loop
        self.limits = limits
        self.node = node
        self.tutorial = tutorial
        self.moderate = moderate
        self.members: dict[int, Member] = {}
        self.rooms: dict[str, Room] = {}
        self.counts = Counts()
        self.ignoring: set[Member] = set()  # those who do not hear somebody
        self.bans: dict[str, float] = {}  # host or nick -> until
        self.bus: Bus = bus or LocalBus(f"{time.time_ns():x}")
        self.on_gone: Callable[[Member], None] = lambda member: None
        self.on_unwelcome: Callable[[Member, str], None] = lambda member, reason: None  # it was never let in
        self._frames, self._on_log = frames, on_log
        self.seq = 0  # of the last entry that came back
        self.missed: int | None = None  # of the last before lines of others that are lost
        self._dirty: dict[Room, None] = {}
        self._last_flush = 0.0
        self._timer: Timer | None = None
        self._parting: list[Member] = []
        self._moves: dict[str, list[float]] = {}  # a room's comings and goings: [since, joined, left, told]
        loop.after_turn = self._after_turn
        self.bus.open(self)
        self.seq = max(self.seq, self.bus.seq)
        self.room(LOBBY)

    # Coming and going.

    def room(self, name: str) -> Room:
        found = self.rooms.get(name)
        if found is None:
            found = self.rooms[name] = Room(
                name,
                on_lost=self._lost,
                on_gone=lambda reader: self.drop(_member(reader), "reset"),
                limit=self.limits.sendq,
                history=self.limits.history,
                frames=self._frames,
                born=self.seq,
            )
            found.recall(self.bus.history(name))
            if self.missed is not None:
                found.miss(self.missed)
        return found

    def came(self, member: Member, room: str = LOBBY) -> None:
        """It is let in: it joins a room, and everybody else there is told."""
        self.members[member.id] = member
        self.counts.joins += 1
        self.log("join", member, room=room)
        self.enter(member, self.room(room))

    def back(self, member: Member, room: Room, place: int | None, cut: Sequence[tuple[int, int]]) -> None:
        """It was in that room in another process: nobody is told."""
        self.members[member.id] = member
        room.members[member.id] = member
        member.room = room
        room.plain.back(member, place, cut)

    def tell_sums(self) -> None:
        """Tell of those who came and went, where that is to be told in sum, now."""
        for room in list(self.rooms.values()):
            moves = self._moves.get(room.name)
            if moves is not None and moves[1] + moves[2]:
                self._sum_up(room)

    def enter(self, member: Member, room: Room) -> None:
        self.flush()  # the newcomer must not get what was said before it came
        room.enter(member)
        member.room = room
        member.entered()
        self.publish("join", member)

    def leave_room(self, member: Member) -> None:
        room = member.room
        if room is None:
            return
        self.publish("leave", member)
        room.leave(member)
        member.room = None
        if not room.waiting:
            self._forget(room)

    def _forget(self, room: Room) -> None:
        """An empty room is none any more."""
        if not room.members and room.name != LOBBY and self.rooms.pop(room.name, None) is not None:
            self.counts.lines_out += room.lines
            self.counts.writes += room.plain.writes + room.web.writes
            self._moves.pop(room.name, None)

    def left(self, member: Member, reason: str, detail: str) -> None:
        """Its connection is closed."""
        if self.members.pop(member.id, None) is not None:
            self.leave_room(member)
            self.ignoring.discard(member)
            if member.nick is not None:
                self.bus.release(fold(member.nick), self.owner(member))
            self.counts.drops[reason] = self.counts.drops.get(reason, 0) + 1
            name = "leave" if reason in ("eof", "quit", "replaced", "shutdown", "upgrade") else "drop"
            self.log(name, member, reason=reason, detail=detail, bytes=member.received,
                     seconds=self.loop.now - member.opened)  # fmt: skip
        elif reason not in ("eof", "reset", "shutdown", "upgrade"):
            self.on_unwelcome(member, reason)
        self.on_gone(member)

    def part(self, member: Member) -> None:
        """Close it when what was said before it left has gone out."""
        self._parting.append(member)

    def drop(self, member: Member, reason: str, detail: str = "") -> None:
        """Close its connection now; a word to it where it can be taken."""
        member.close(reason, detail)

    def dismiss(self, member: Member, reason: str, word: str) -> None:
        """Say why, and close it when it has taken that, or after a while."""
        if member.fd < 0 or member.closing is not None:
            return
        member.dismiss(reason, word)
        self.loop.later(GOODBYE, lambda: member.close(reason))

    def words(self, text: str) -> bytes:
        """A line of the server to one plain client."""
        return f"* {text}\r\n".encode()

    # Speaking.

    def publish(self, kind: Kind, member: Member, text: bytes = b"", end: bytes = b"\r\n") -> bool:
        """Say it in the member's room. Whether the bus took it."""
        assert member.room is not None
        entry = Entry(kind, member.room.name, member.name, text, end, member.id, self.node, time.time())
        return self.bus.publish((entry,)) == 1

    def deliver(self, entries: Sequence[Entry]) -> None:
        """What comes back from the bus, of this node and of others, in its order."""
        for entry in entries:
            self.seq = max(self.seq, entry.seq)
            room = self.rooms.get(entry.room)
            if room is None:
                continue
            quiet = entry.kind in ("join", "leave") and self._in_sum(room, entry)
            here = room.members.get(entry.member) if entry.node == self.node else None
            without = [here] if here is not None and entry.kind != "notice" else []
            if self.ignoring and entry.kind in ("say", "me"):
                name = entry.name.casefold()
                without += [
                    one for one in self.ignoring if one.room is room and name in one.ignores and one is not here
                ]
            room.say(entry, without, quiet=quiet)
            self._dirty[room] = None
            if self._on_log and not quiet:
                self._on_log(event("say", node=entry.node, id=entry.member,
                                   name=entry.name, room=entry.room, line=line(entry), seq=entry.seq,
                                   reason=entry.kind))  # fmt: skip

    def notice(self, room: Room, text: str) -> None:
        """Tell a room something of the server's, on this node."""
        room.say(Entry("notice", room.name, "", text.encode(), time=time.time()))
        self._dirty[room] = None

    def announce(self, text: str) -> None:
        """Tell everybody on this node, behind what was said."""
        self.flush()
        for one in list(self.members.values()):
            one.inform(text)

    def skipped(self, lines: int) -> None:
        self.announce(f"{lines} {'line' if lines == 1 else 'lines'} skipped")
        self.missed = self.seq
        for room in self.rooms.values():
            room.miss(self.seq)

    def began_anew(self) -> None:
        self.announce("lines may be missing: the broker has begun anew")
        self.seq = self.bus.seq
        self.missed = None
        for room in self.rooms.values():
            room.forget_places(self.seq)
        for one in [one for one in self.members.values() if one.web]:
            self.dismiss(one, "anew", "the order of what is said began anew")  # it goes by seq: let it come back

    def unsent(self, entries: Sequence[Entry], *, doubtful: bool = False) -> None:
        """Tell who said it."""
        for entry in entries:
            if entry.kind in ("say", "me") and (one := self.members.get(entry.member)) is not None:
                one.inform(DOUBTFUL if doubtful else UNSENT)

    def _in_sum(self, room: Room, entry: Entry) -> bool:
        """Whether a coming or going is told with others: where notices are off, or too many come in a second."""
        if self.limits.notices == "off":
            return True
        now = self.loop.now
        moves = self._moves.setdefault(room.name, [now, 0, 0, 0])
        if now - moves[0] >= 1.0 and not moves[1] + moves[2]:
            moves[0], moves[3] = now, 0
        moves[3] += 1
        most = min(DIGEST, DIGEST_LINES // max(1, len(room.members)))
        if self.limits.notices == "all" and moves[3] <= most:
            return False
        if not moves[1] + moves[2]:
            self.loop.later(1.0, lambda: self._sum_up(room))
        moves[1 if entry.kind == "join" else 2] += 1
        return True

    def _sum_up(self, room: Room) -> None:
        moves = self._moves.pop(room.name, None)
        if moves is None:
            return
        joined, left = int(moves[1]), int(moves[2])
        if room.name in self.rooms and joined + left > DIGEST:  # it goes on so: none is told alone in the next second
            self._moves[room.name] = [self.loop.now, 0, 0, DIGEST]
        if room.name in self.rooms and self.limits.notices != "off":
            words = ", ".join(f"{count} {word}" for count, word in ((joined, "joined"), (left, "left")) if count)
            self.notice(room, f"{words}: {len(room.members)} are here")

    # Flushing.

    def _after_turn(self) -> None:
        if not self._dirty or self._timer is not None:
            return
        left = self._last_flush + self.limits.flush - self.loop.now
        if left <= 0:
            self.flush()
        else:
            self._timer = self.loop.later(left, self.flush)

    def flush(self) -> None:
        """Give everybody what was said since the last flush."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._dirty:
            return
        begin = time.monotonic()
        dirty, self._dirty = self._dirty, {}
        for room in dirty:
            room.flush()
            self._forget(room)
        self._last_flush = begin  # one that takes longer than the pause between two is itself the pause
        self.counts.flushes += 1
        self.counts.flush_seconds += time.monotonic() - begin
        parting, self._parting = self._parting, []
        for one in parting:
            one.drain(now=True)

    def _lost(self, reader: Reader, lost: Lost) -> None:
        member = _member(reader)
        if self.limits.skip:
            member.fell(lost)
            return
        if member.fd < 0:
            return
        detail = f"{self.limits.sendq} bytes behind"
        member.last_words(lost.finish, SLOW)
        self.loop.soon(lambda: self.drop(member, "slow", detail))

    # Names.

    def owner(self, member: Member) -> str:
        return f"{self.node}/{member.id}"

    def rename(self, member: Member, nick: str, done: Callable[[str | None], None]) -> None:
        """Give it a nick; done is told why not, None when it has it."""
        if why := bad_nick(nick):
            done(why)
            return
        folded = fold(nick)

        def claimed(why: str | None) -> None:
            answered(why)
            member.renamed()

        def answered(why: str | None) -> None:
            if why is not None:
                done(f"{nick} is {why}")
                return
            old = member.nick
            if old == nick:
                done(None)
                return
            if member.fd < 0:
                self.bus.release(folded, self.owner(member))
                return
            if old is not None and fold(old) != folded:
                self.bus.release(fold(old), self.owner(member))
            if member.room is not None:
                self.publish("nick", member, nick.encode())
            member.nick = member.name = nick
            done(None)

        member.renaming = True
        self.bus.claim(folded, self.owner(member), claimed)

    def nick_lost(self, nick: str, owner: str) -> None:
        """Somebody on another node has it: this one is what it was."""
        for one in self.members.values():
            if one.nick is not None and fold(one.nick) == nick and self.owner(one) == owner:
                if one.room is not None:
                    self.publish("nick", one, one.peer.encode())
                one.nick, one.name = None, one.peer
                one.inform(f"{nick} is {TAKEN}: you are {one.name}")

    def find(self, name: str) -> Member | None:
        """Whoever has that name here, in any case."""
        folded = fold(name)
        return next((one for one in self.members.values() if fold(one.name) == folded), None)

    def act(self, direct: Direct) -> str | None:
        return act(self, direct)

    def ask(self, direct: Direct, done: Callable[[str], None]) -> None:
        """Have it done to whoever has that name, here or on another node; done is told what came of it."""
        answer = self.act(direct)
        if answer is not None:
            done(answer)
        else:
            self.bus.ask(direct, lambda found: done(found or f"nobody here is called {direct.to}"))

    def present(self) -> list[Present]:
        return [Present(one.id, one.name, one.room.name) for one in self.members.values() if one.room is not None]

    def may_have_room(self, name: str) -> str | None:
        """Why there can be no such room, None where there can."""
        if not re.fullmatch(rf"[A-Za-z0-9_][\w-]{{0,{ROOM - 1}}}", name, re.ASCII):
            return f"a room has 1 to {ROOM} letters, digits, _ or -"
        if name not in self.rooms and len(self.rooms) >= MAX_ROOMS:
            return f"there are {MAX_ROOMS} rooms already"
        return None

    def ignore(self, member: Member, names: frozenset[str]) -> None:
        """From now on it does not hear those names."""
        member.ignores = names
        (self.ignoring.add if names else self.ignoring.discard)(member)

    def banned(self, host: str) -> bool:
        until = self.bans.get(host)
        if until is not None and until <= time.time():
            del self.bans[host]
            return False
        return until is not None

    def log(self, name: str, member: Member | None = None, /, **fields: object) -> None:
        if self._on_log:
            about = {} if member is None else {"id": member.id, "addr": member.peer, "name": member.name,
                                               "room": member.room.name if member.room else ""}  # fmt: skip
            self._on_log(event(name, node=self.node, **{**about, **fields}))  # type: ignore[arg-type]


def _member(reader: Reader) -> Member:
    assert isinstance(reader, Member)
    return reader
