"""The messages between till and hub (HTTP, JSON, ``/v1``), shared by both ends.

Unknown fields are kept out of the way, not refused: an old till meets a new hub and the reverse.
Every list and every string is bounded, so that neither end can be made to swallow the other's
garbage without end.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

VERSION = 1
"""The protocol that this posapp speaks, as a till and as a hub; it grows with each change that an older one cannot
pass over."""
OLDEST_TILL = 1
"""A hub gives nothing to a till that speaks an older one. Announce a new number 60 days ahead."""
OLDEST_HUB = 1
"""A till takes nothing from a hub that speaks an older one."""
PROTOCOL = "Posapp-Protocol"
"""The header in which each end says its version, with every call and every answer."""
MAX_FACTS = 500
MAX_PAGE = 500
MAX_WAIT_S = 25
MAX_BODY_BYTES = 1 << 20
MAX_COPIES = 50
"""So many sealed copies go in one message."""
MAX_TILLS = 200
"""So many tills of a store are told of one another."""
MAX_NUMBER = (1 << 63) - 1
"""The largest number that both ends can store."""

Short = Annotated[str, StringConstraints(max_length=200)]
# PostgreSQL stores no zero character, so no name has one.
Ident = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Pins = Annotated[list[Hash], Field(max_length=8)]
"""The keys that the hub may show, as `sync.pins` writes them: the current one and those to come."""
Certificate = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[0-9A-Za-z+/]+=*$")]
"""A till's own certificate for its store's network: X.509, DER, base64."""
Door = Annotated[str, StringConstraints(max_length=100, pattern=r"^[0-9A-Za-z.:%\[\]_-]+:[0-9]{1,5}$")]
"""An address (``host:port``) at which a lead till hears its neighbours."""
Box = Annotated[str, StringConstraints(max_length=360_000, pattern=r"^[0-9A-Za-z+/]+=*$")]
"""What only the hub can open (`sync.sealed`), base64: the largest fact fits."""
Stamp = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]


class Message(BaseModel):
    """Frozen; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EnrolRequest(Message):
    """A one-time code from the hub's operator, to become a till."""

    code: Ident
    name: Short = ""


class Enrolled(Message):
    """What makes a data folder a till. ``token`` is shown this once; the hub keeps its hash.

    ``store_key`` (hex, 256 bit) is the key under which this store's pickup codes are hashed.
    """

    till: Ident
    token: Ident
    epoch: int = Field(ge=1)
    store: Ident
    store_key: Hash
    generation: Ident
    pins: Pins = Field(default_factory=list)


class FactMessage(Message):
    """One fact of the journal. ``payload`` are its canonical bytes as text, exactly as hashed.

    ``withheld`` says why the till keeps the content back: the wire has no place for it, or the hub fails
    over it. Then ``payload`` is empty and what is too long is cut; number, id and hash are true, so that
    the chain goes on. A hub that does not know the field finds the hash wrong and takes nothing.
    """

    seq: int = Field(ge=1, le=MAX_NUMBER)
    id: Ident
    kind: Ident
    schema_v: int = Field(ge=1, le=(1 << 31) - 1)
    subject: Ident
    payload: Annotated[str, StringConstraints(max_length=65_536)]
    clerk: Short
    at: Stamp
    hash: Hash
    withheld: Short = ""


class FactsRequest(Message):
    """Facts in order without gaps, after the one whose hash is ``prev_hash``.

    Empty at the start and after each reconnect: it tells where the hub is. ``heard`` is the ``news``
    of the last answer the till has stored.
    """

    epoch: int = Field(ge=1)
    prev_seq: int = Field(ge=0)
    prev_hash: Hash
    heard: int = Field(default=0, ge=0, le=MAX_NUMBER)
    # Of a revoked till that has nothing more to send: may it destroy its key?
    leaving: bool = False
    facts: Annotated[list[FactMessage], Field(max_length=MAX_FACTS)]


class FactAnswer(Message):
    """What became of one fact. ``detail`` is the hub's evidence where it said no."""

    seq: int
    id: Ident
    answer: Literal["accepted", "rejected", "parked"]
    reason: Short = ""
    detail: dict[str, Any] = Field(default_factory=dict)
    replayed: bool = False


class FactsAnswer(Message):
    """One answer for each fact sent, then those that changed since ``heard``, and the head.

    A changed answer belongs to an earlier fact: a parked one that was freed, one the shop refused.
    ``news`` is to be sent back as ``heard``; who always sends 0 is told again, which is harmless.
    """

    answers: Annotated[list[FactAnswer], Field(max_length=10 * MAX_FACTS)]
    last_seq: int = Field(ge=0)
    last_hash: Hash
    news: int = Field(default=0, ge=0)
    # This till was revoked: it is to send what it has, then to ask whether it may leave.
    revoked: bool = False
    left: bool = False


class KnownFact(FactMessage):
    """A fact as the hub has it, with its answer."""

    answer: Literal["accepted", "rejected", "parked"]
    reason: Short = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class KnownFacts(Message):
    """The asking till's own facts after a number, in order; ``last_seq`` is the last there is.

    For a till whose journal was restored from a copy: it takes back what continues its chain.
    """

    facts: Annotated[list[KnownFact], Field(max_length=MAX_FACTS)]
    last_seq: int = Field(ge=0)


class Gap(Message):
    """409: the hub has less than the till thinks. Send again after ``last_seq``."""

    error: Literal["gap"] = "gap"
    last_seq: int = Field(ge=0)
    last_hash: Hash


class Fork(Message):
    """423: this till's chain is not the one the hub knows: a restored or cloned till."""

    error: Literal["fork"] = "fork"
    last_seq: int = Field(ge=0)
    # This till was revoked: it is to bring what it has as copies, and to wipe itself.
    revoked: bool = False


class FeedChange(Message):
    """One record as it is now; ``body`` is null where it is gone."""

    seq: int = Field(ge=1)
    kind: Ident
    id: Ident
    rev: int = Field(ge=1)
    body: dict[str, Any] | None


class FeedPage(Message):
    """A store's changes in one gapless order. Ask next with ``after=next``.

    ``applied_through`` is the last fact of the asking till whose effect is inside everything up to
    ``next``. Where ``news`` is over what the till has heard, answers of its own changed: an empty push
    fetches them. ``generation`` changes when the hub's past was rebuilt: then start again from 0.
    """

    changes: Annotated[list[FeedChange], Field(max_length=MAX_PAGE)]
    next: int = Field(ge=0)
    head: int = Field(ge=0)
    applied_through: int = Field(ge=0)
    generation: Ident
    clock: Stamp
    news: int = Field(default=0, ge=0)
    pins: Pins = Field(default_factory=list)


class KindDigest(Message):
    """Of the records of one kind: how many, and a sum over their names and revisions (`sync.digest`)."""

    count: int = Field(ge=0, le=MAX_NUMBER)
    sum: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class FeedDigest(Message):
    """What a mirror holds that has read the feed up to ``head``, in this ``generation``, by kinds of records."""

    head: int = Field(ge=0)
    generation: Ident
    kinds: Annotated[dict[Ident, KindDigest], Field(max_length=200)]


class LeaseRequest(Message):
    """A till asks how custody stands; if it is the lead, its lease is renewed.

    ``certificate`` and ``doors`` are what its neighbours are to know of it; None leaves what was said before.
    ``forgot``: its ledger was restored and may lack claims it granted; as the lead it gets a new epoch.
    """

    certificate: Certificate | None = None
    doors: Annotated[list[Door], Field(max_length=16)] | None = None
    forgot: bool = False


class Neighbour(Message):
    """A till of the store, and the certificate by which the others know it."""

    till: Ident
    certificate: Certificate


class Leased(Message):
    """Who grants in the till's store. ``lead`` is empty where nobody does.

    ``seconds`` are left of the lease. ``alone``: the asking till is the only one of its store. ``doors`` are
    the lead's; ``tills`` are those that are enrolled, the asker and the lead among them.

    A till that is made the lead leads once its mirror, of this ``generation``, has come to ``head``: until then it
    may not know what was handed over before.

    ``seal_to`` is the hub's public key (X25519) for copies at neighbours; "" from a hub that opens none.
    """

    lead: Short
    epoch: int = Field(ge=0, le=(1 << 31) - 1)
    seconds: int = Field(ge=0)
    alone: bool
    doors: Annotated[list[Door], Field(max_length=16)] = Field(default_factory=list)
    tills: Annotated[list[Neighbour], Field(max_length=MAX_TILLS)] = Field(default_factory=list)
    head: int = Field(default=0, ge=0, le=MAX_NUMBER)
    generation: Short = ""
    seal_to: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""


class ClaimRequest(Message):
    """May this till hand the order over? ``known`` are the hand-overs (facts' ids) it knows of it.

    ``complete``: the hub knows everything this till has done. ``release``: it needs the order no more; then
    the answer says nothing. ``number`` grows with each question of a till, whichever way it goes: so one
    that comes late by one way undoes nothing that was said since by another.
    """

    order: Ident
    known: Annotated[list[Ident], Field(max_length=200)] = Field(default_factory=list)
    complete: bool = False
    release: bool = False
    number: int = Field(default=0, ge=0, le=MAX_NUMBER)


class Handed(Message):
    """A hand-over that the feed may not have brought yet."""

    order: Ident
    ref: Ident


class DirectRequest(ClaimRequest):
    """The same question, put to the lead itself.

    Everything the asker has done is in the hub's feed up to ``through`` (of this ``generation``), but for
    the hand-overs in ``handed``. ``complete`` here: those are all, so a lead that has the feed so far
    knows everything.
    """

    generation: Short = ""
    through: int = Field(default=0, ge=0, le=MAX_NUMBER)
    handed: Annotated[list[Handed], Field(max_length=200)] = Field(default_factory=list)


class ClaimAnswer(Message):
    """``granted`` with a fencing token, for so many seconds; ``held``: ``till`` has the order;
    ``behind``: somebody handed it over and the asker does not know; ``silent``: the lead was asked and
    did not answer; ``lead``: the asker is the lead and grants itself.
    """

    state: Literal["granted", "held", "behind", "silent", "lead"]
    token: int = Field(default=0, ge=0, le=MAX_NUMBER)
    seconds: int = Field(default=0, ge=0)
    till: Short = ""


class QuestionAnswer(Message):
    """The lead's answer to a question the hub has passed on."""

    question: Ident
    order: Ident
    answer: ClaimAnswer


class SealedFact(Message):
    """One fact of ``till``, in a box that only the hub can open, and its place on that till's chain."""

    till: Ident
    epoch: int = Field(ge=1, le=(1 << 31) - 1)
    seq: int = Field(ge=1, le=MAX_NUMBER)
    prev_hash: Hash
    hash: Hash
    box: Box


class Copies(Message):
    """Between two tills, both ways: what each has not sent yet, and what it keeps of the other's.

    ``facts`` are the sender's, after what the other one holds. The hub has those up to ``through`` (as far
    as the other one holds them): they may go. ``held`` is the last one of the other's own that is kept here.
    """

    epoch: int = Field(ge=1, le=(1 << 31) - 1)
    through: int = Field(ge=0, le=MAX_NUMBER)
    through_hash: Hash
    facts: Annotated[list[SealedFact], Field(max_length=MAX_COPIES)] = Field(default_factory=list)
    held_epoch: int = Field(default=0, ge=0, le=(1 << 31) - 1)
    held: int = Field(default=0, ge=0, le=MAX_NUMBER)
    held_hash: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""


class CopiesRequest(Message):
    """Copies that the asking till keeps for others of its store."""

    facts: Annotated[list[SealedFact], Field(max_length=MAX_COPIES)]


class CopiesAnswer(Message):
    """One state for each: ``taken``, the hub has the fact; ``waits``, it lacks an earlier one of that till;
    ``refused``, it is none that the hub can take.
    """

    states: Annotated[list[Literal["taken", "waits", "refused"]], Field(max_length=MAX_COPIES)]


class Elsewhere(Message):
    """The order belongs to another store: which one, and no personal data."""

    store: Ident
    name: Short
    address: Short = ""
    hours: Short = ""


class Lookup(Message):
    """One order now. Exactly one of ``record`` and ``elsewhere`` is set."""

    record: FeedChange | None = None
    elsewhere: Elsewhere | None = None


class Health(Message):
    """For monitors. ``protocol`` is what the hub speaks, ``oldest_till`` what it takes."""

    status: Literal["ok"] = "ok"
    version: Short
    generation: Ident
    waiting_for_shop: int = Field(ge=0)
    protocol: int = Field(default=1, ge=1)
    oldest_till: int = Field(default=1, ge=1)


class Problem(Message):
    """The body of every refusal: a short key and a sentence for operators."""

    error: Ident
    message: Short


_VERSION = re.compile(r"\s*([1-9][0-9]{0,8})\s*(?:;.*)?")


def spoken(header: str) -> int:
    """The version that a header (`PROTOCOL`) names; a missing one, and one that names none, is the first."""
    found = _VERSION.fullmatch(header)
    return int(found[1]) if found else 1
