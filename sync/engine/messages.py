"""How a fact of the journal is written for the hub: openly, or in a box that only the hub can open."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

from pydantic import ValidationError

from posapp.domain.facts import Entry, timestamp
from sync import sealed, wire

log = logging.getLogger(__name__)

NO_PLACE = "no-place"
LONGEST_TEXT = 200


def message_of(entry: Entry, withheld: str = "") -> wire.FactMessage:
    """The fact as it is sent; without its content where the wire has no place for that."""
    fact = entry.fact
    told: dict[str, Any] = {
        "seq": entry.seq,
        "id": fact.id,
        "kind": fact.kind,
        "schema_v": fact.schema_v,
        "subject": fact.subject,
        "payload": entry.payload.decode(),
        "clerk": fact.clerk,
        "at": timestamp(fact.at),
        "hash": entry.hash.hex(),
    }
    if not withheld:
        try:
            return wire.FactMessage(**told)
        except ValidationError as error:
            # Where, but not what: it may hold names.
            where = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"]
            log.error("fact %d does not fit the wire (%s): its content is withheld", entry.seq, where)
            withheld = NO_PLACE
    bare = {name: _fitting(str(told[name])) for name in ("kind", "subject", "clerk")}
    return wire.FactMessage(**told | bare | {"schema_v": 1, "payload": "", "withheld": withheld})


def boxed(
    entry: Entry, message: wire.FactMessage, seal_to: str, *, till: str, epoch: int, token: str
) -> wire.SealedFact:
    """The push of one fact, with the token that proves whose it is, sealed to the hub's key (hex).

    Raises ValueError for a key that is none.
    """
    request = wire.FactsRequest(
        epoch=epoch, prev_seq=entry.seq - 1, prev_hash=entry.prev_hash.hex(), facts=[message]
    )
    said = {"token": token, "request": request.model_dump(mode="json")}
    plain = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return wire.SealedFact(
        till=till,
        epoch=epoch,
        seq=entry.seq,
        prev_hash=entry.prev_hash.hex(),
        hash=entry.hash.hex(),
        box=base64.b64encode(sealed.seal(seal_to, plain, till, epoch, entry.seq)).decode(),
    )


def _fitting(text: str) -> str:
    """What the wire and the hub's database take of a text."""
    return text.replace("\0", "?")[:LONGEST_TEXT]
