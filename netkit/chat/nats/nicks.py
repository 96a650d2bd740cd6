"""Nicks, unique over all nodes: keys of a bucket that can only be created, with who has them: NODE-BOOT/NUMBER.

A key whose owner has gone is anybody's: of a node that nobody subscribes for any more, or that was silent too long.
What is asked for goes one by one, so a nick that one client lets go of can be had by the next.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from nats.js import api
from nats.js.errors import (
    APIError,
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoStreamResponseError,
    ServiceUnavailableError,
)
from nats.js.kv import KeyValue

from netkit.chat.bus import TAKEN
from netkit.chat.nats.broker import Broker

BUCKET = "NETKIT_CHAT_NICKS"
SECONDS = 3.0  # for one claim
PAUSE = 0.05  # seconds before the bucket is looked for again
MAX_JOBS = 20_000
AWAY = "not to be had now: the other machines cannot be reached"

_OWNER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_-]{0,31})-([0-9a-f]{1,16})/([0-9]{1,12})")


class Job(NamedTuple):
    nick: str
    owner: bytes
    done: "Callable[[str | None], None] | None"  # None: release it


class Nicks:
    """alive: whether a node's boot is there. own: what this node has, and whose it is."""

    def __init__(self, broker: Broker, prefix: str, alive: Callable[[str, str, int], Awaitable[bool]]) -> None:
        self.own: dict[str, bytes] = {}
        self._broker, self._prefix, self._alive = broker, prefix, alive
        self._jobs: deque[Job] = deque()
        self._some = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    async def _bucket(self) -> KeyValue:
        """The bucket, made where there is none; tried until SECONDS are over, since others may be making it too."""
        config = api.KeyValueConfig(bucket=BUCKET, history=1, storage=api.StorageType.FILE)
        config.replicas = self._broker.replicas
        while True:
            with suppress(ServiceUnavailableError):  # the broker has only begun
                try:
                    return await self._broker.jetstream.key_value(BUCKET)
                except BucketNotFoundError:
                    with suppress(APIError):  # another node was faster
                        return await self._broker.jetstream.create_key_value(config)
            await asyncio.sleep(PAUSE)

    def owner(self, number: str) -> bytes:
        return f"{self._prefix}/{number}".encode()

    def ask(self, job: Job) -> None:
        if job.done is not None and (len(self._jobs) >= MAX_JOBS or not self._broker.up.is_set()):
            job.done(AWAY)
            return
        self._jobs.append(job)
        self.idle.clear()
        self._some.set()

    @property
    def asking(self) -> bool:
        """Whether somebody waits for a nick."""
        return not self.idle.is_set()

    def save(self) -> dict[str, Any]:
        """As plain values, for another process: what this node has, and what it lets go of."""
        return {
            "own": {nick: owner.decode() for nick, owner in self.own.items()},
            "released": [[job.nick, job.owner.decode()] for job in self._jobs],
        }

    def resume(self, state: dict[str, Any]) -> None:
        self.own = {nick: owner.encode() for nick, owner in state["own"].items()}
        for nick, owner in state["released"]:
            self.ask(Job(nick, owner.encode(), None))

    async def run(self) -> None:
        """Also where another run of it was cancelled between two."""
        while True:
            while self._jobs:
                await self._do(self._jobs.popleft())
            self.idle.set()
            await self._some.wait()
            self._some.clear()

    async def _do(self, job: Job) -> None:
        if job.done is None:
            await self._broker.up.wait()
            try:
                async with asyncio.timeout(SECONDS):
                    await self._broker.attempt(self._let_go(job))
            except Exception:  # of nats-py or the connection
                self._jobs.append(job)
                await asyncio.sleep(0.1)
            return
        try:
            async with asyncio.timeout(SECONDS):
                why = await self._broker.attempt(self._claim(job))
        except Exception:  # of nats-py or the connection
            why = AWAY
            self._jobs.append(job._replace(done=None))  # the broker may have got it all the same
        job.done(why)

    async def _claim(self, job: Job) -> str | None:
        while True:
            with suppress(NoStreamResponseError):  # nats-server tells of a stream before it listens for it
                return await self._try(job)
            await asyncio.sleep(PAUSE)

    async def _try(self, job: Job) -> str | None:
        bucket = await self._bucket()
        for _ in range(3):
            with suppress(KeyWrongLastSequenceError, KeyNotFoundError):
                if await self._create(bucket, job):
                    self.own[job.nick] = job.owner
                    return None
                entry = await bucket.get(job.nick)
                found = _OWNER.fullmatch(entry.value or b"")
                if entry.value != job.owner:
                    if found is None or await self._alive(found[1].decode(), found[2].decode(), int(found[3])):
                        return TAKEN
                    await bucket.update(job.nick, job.owner, last=entry.revision)
                self.own[job.nick] = job.owner
                return None
        return TAKEN

    @staticmethod
    async def _create(bucket: KeyValue, job: Job) -> bool:
        try:
            await bucket.create(job.nick, job.owner)
        except KeyWrongLastSequenceError:
            return False
        return True

    async def _let_go(self, job: Job) -> None:
        if self.own.get(job.nick) == job.owner:
            del self.own[job.nick]
        await self.free(job.nick, job.owner)

    async def free(self, nick: str, owner: bytes) -> None:
        """Delete the key if it is the owner's: what that begins with."""
        bucket = await self._bucket()
        with suppress(KeyNotFoundError, KeyWrongLastSequenceError, APIError):
            entry = await bucket.get(nick)
            if (entry.value or b"").startswith(owner):
                await bucket.delete(nick, last=entry.revision)

    async def verify(self, lost: Callable[[str, bytes], None]) -> None:
        """After a time without the broker: have our keys once more; lost is told what others have taken."""
        bucket = await self._bucket()
        for nick, owner in list(self.own.items()):
            with suppress(KeyWrongLastSequenceError, KeyNotFoundError):
                if await self._create(bucket, Job(nick, owner, None)):
                    if self.own.get(nick) != owner:  # its client has left meanwhile
                        await self.free(nick, owner)
                    continue
                entry = await bucket.get(nick)
                if entry.value != owner and self.own.get(nick) == owner:
                    del self.own[nick]
                    lost(nick, owner)
