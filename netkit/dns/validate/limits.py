"""How much work one answer may cost: whoever is asked chooses how much there is to check (KeyTrap, CVE-2023-50387;
NSEC3 hashing, CVE-2023-50868). What would cost more is bogus; each limit is far above what honest zones need.
"""

from time import monotonic

from netkit.net.deadline import Deadline

MAX_CHECKS = 256  # signatures: a chain of five zones costs 12; 32 aliases over zones of their own about 150
MAX_SAME_TAG = 4  # keys tried for one signature: two keys share a tag once in 65,536, by chance; KeyTrap had hundreds
MAX_SIGNATURES = 8  # over one RRset by one zone: two algorithms, each with the old and the new key, are 4
MAX_KEYS = 64  # in a zone: each signature is held against all of them; a roll-over of two algorithms has 12
MAX_DIGESTS = 32  # keys hashed for the DS of one zone: the root has 3 keys and 2 DS, no zone seen has over 8 times 3
MAX_HASH_ROUNDS = 20_000  # SHA-1 for NSEC3, about 15 ms: 127 labels at 150 iterations, the most that is honest
MAX_ITERATIONS = 150  # of NSEC3: as BIND and Unbound, insecure beyond (RFC 9276 3.2 lets it be as low as that)
MAX_QUERIES = 192  # for DS and DNSKEY, asked ahead, and again as need shows: a reverse name of 32 nibbles needs 37
MAX_RSA_BITS = 4096  # RFC 3110 section 2
MAX_EXPONENT_BITS = 35  # of RSA, as BIND has it: a check costs that many squarings; 17 is what everybody uses
OVERTIME = 0.25  # seconds behind the deadline: an honest chain needs 5 ms, and so its missing link can still be told


class TooMuch(Exception):
    """A limit was hit; the text says which."""


class OutOfTime(Exception):
    """The deadline has passed before all was checked."""


class Work:
    """What validating one answer has cost so far; each method raises TooMuch when that is all it may."""

    def __init__(self, deadline: Deadline | None = None) -> None:
        self.deadline = deadline
        self.checks = self.rounds = self.queries = 0

    def in_time(self) -> None:
        """Raises OutOfTime."""
        if self.deadline and monotonic() > self.deadline.at + OVERTIME:
            raise OutOfTime(f"not all signatures could be checked within {self.deadline.seconds:g} s")

    def check(self) -> None:
        """One signature more: 16 ms where it is over 4,000 records. Raises OutOfTime as well."""
        self.in_time()
        self.checks += 1
        if self.checks > MAX_CHECKS:
            raise TooMuch(f"more than {MAX_CHECKS} signatures to check")

    def hash(self, rounds: int) -> None:
        """One name more to hash."""
        self.rounds += rounds
        if self.rounds > MAX_HASH_ROUNDS:
            raise TooMuch(f"more than {MAX_HASH_ROUNDS:,} rounds of NSEC3 hashing")

    def query(self) -> None:
        """One query more for DS or DNSKEY."""
        self.queries += 1
        if self.queries > MAX_QUERIES:
            raise TooMuch(f"more than {MAX_QUERIES} DS and DNSKEY records to ask for")
