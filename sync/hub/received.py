"""Facts as they come in: their numbers, their hashes, and what they say, before anything is looked up."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.domain.facts import Fact, chain_hash
from sync.hub import decide
from sync.hub.refusals import Refusal
from sync.wire import FactMessage, FactsRequest


@dataclass(frozen=True, slots=True)
class Received:
    """A fact as it came, and read; ``fact`` is None where its payload is no JSON object, or withheld."""

    message: FactMessage
    fact: Fact | None


def read(request: FactsRequest) -> list[Received]:
    """The facts with their numbers and hashes checked. Raises Refusal 422."""
    received: list[Received] = []
    seq, prev = request.prev_seq, bytes.fromhex(request.prev_hash)
    for message in request.facts:
        seq += 1
        if message.seq != seq:
            raise Refusal(422, "numbers-broken", f"Fact {message.seq} stands where {seq} belongs.")
        said = message.id + message.kind + message.subject + message.clerk + message.payload
        if "\0" in said + message.withheld:
            raise Refusal(422, "fact-malformed", f"Fact {seq} has a zero character.")
        if message.withheld:
            if message.payload:
                raise Refusal(422, "fact-malformed", f"Fact {seq} is withheld and is not.")
            # Its hash is that of what the till holds: what follows must still fit to it.
            received.append(Received(message, None))
            prev = bytes.fromhex(message.hash)
            continue
        try:
            bare = decide.envelope(message, {})
            digest = chain_hash(prev, seq, bare, message.payload.encode())
        except (ValueError, OverflowError) as error:
            raise Refusal(422, "fact-malformed", f"Fact {seq} cannot be read.") from error
        if digest.hex() != message.hash:
            raise Refusal(422, "hash-wrong", f"The hash of fact {seq} is not that of its content.")
        received.append(Received(message, decide.read_fact(message)))
        prev = digest
    return received
