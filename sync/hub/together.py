"""Pushes that come at the same time, taken in one transaction: each does what it would do alone.

Most pushes are one fact of one till that nothing speaks against. Those that wait for one another anyway share
what costs most: the statements, and the wait for the disk. Nothing is decided here: what is not of the usual
kind goes through `sync.hub.decide` in the same transaction, and where anything at all goes wrong the transaction is
given up and each push goes its own way.

Locks are taken as alone: tills, records, and the heads of stores last, each kind in one order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Answer, Fact, subject
from posapp.domain.orders import HAND_OVER_UNDONE
from sync.hub import cases, custody, decide, effects, records, taking
from sync.hub.decide import Taken
from sync.hub.feed import Moved, Slice
from sync.hub.hot import Hot
from sync.hub.received import Received, read
from sync.hub.records import Change, Row
from sync.hub.refusals import Refusal
from sync.hub.tables import fact as fact_table
from sync.hub.tills import Till, token_hash
from sync.wire import FactsRequest

NEVER = 1 << 31
"""Above every epoch of a lease."""
_TYPES = {"t": "text", "i": "bigint", "b": "boolean"}


class _Listed:
    """A statement over ``{a}``, a list of any length in one parameter, for each kind of database.

    ``columns`` are the list's: t, i and b are text, number and truth. ``lock`` names the table whose rows are kept.
    """

    def __init__(self, statement: str, lock: str = "", **columns: str) -> None:
        typed = ", ".join(f"{name} {_TYPES[one]}" for name, one in columns.items())
        read = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns)
        recordset = f"json_to_recordset(CAST(:asked AS json)) AS a({typed})"
        each = f"(SELECT {read} FROM json_each(:asked)) AS a"
        kept = f" FOR UPDATE OF {lock}" if lock else ""
        self._hot = {
            "postgresql": Hot(text(statement.format(a=recordset) + kept)),
            "sqlite": Hot(text(statement.format(a=each))),
        }

    def rows(self, connection: Connection, asked: Iterable[Mapping[str, object]]) -> list[tuple[Any, ...]]:
        """Run it over these; its rows, if it gives any. Over nothing, nothing is run."""
        listed = list(asked)
        if not listed:
            return []
        return self._hot[connection.dialect.name].rows(connection, asked=json.dumps(listed))


_ADVANCE = _Listed(
    "UPDATE till SET last_seq = a.n, last_hash = a.h FROM {a} WHERE till.token_hash = a.token AND till.epoch = a.e"
    " AND till.last_seq = a.n - 1 AND till.last_hash = a.p AND NOT till.revoked"
    " RETURNING token_hash, id, store, epoch, last_seq, last_hash, revoked",
    token="t",
    e="i",
    n="i",
    h="t",
    p="t",
)
_RECORDS = _Listed(
    "SELECT r.kind, r.id, r.store, r.rev, r.seq, r.source, r.body FROM record r JOIN {a} ON r.kind = a.k AND r.id = a.i"
    " ORDER BY r.kind, r.id, r.store",
    lock="r",
    k="t",
    i="t",
)
_CASES = _Listed(
    "SELECT DISTINCT fact.subject, fact.store FROM fact JOIN {a} ON fact.subject = a.s"
    " WHERE answer <> 'accepted' AND NOT settled",
    s="t",
)
_EPOCHS = _Listed("SELECT lease.store, lease.epoch FROM lease JOIN {a} ON lease.store = a.s", s="t")
_UNDO_SECONDS = _Listed("SELECT code, undo_seconds FROM store JOIN {a} ON code = a.s", s="t")
_NEWEST = _Listed(
    "SELECT a.t, (SELECT max(f.news) FROM fact f WHERE f.till = a.t AND f.news IS NOT NULL AND f.epoch = t.epoch)"
    " FROM {a} JOIN till t ON t.id = a.t",
    t="t",
)
_TOKENS = _Listed(
    "INSERT INTO handle(token, kind, id) SELECT a.t, a.k, a.i FROM {a} WHERE true ON CONFLICT DO NOTHING",
    t="t",
    k="t",
    i="t",
)
_INTENTS = _Listed(
    "INSERT INTO intent(id, write, store, order_id, ref, lines, state, due_ms, owner, until_ms, tries, why)"
    " SELECT a.id, a.write, a.store, a.order_id, a.ref, a.lines, a.state, a.due_ms, '', 0, 0, '' FROM {a}",
    id="t",
    write="t",
    store="t",
    order_id="t",
    ref="t",
    lines="t",
    state="t",
    due_ms="i",
)
_HEADS_KEPT = _Listed(
    "SELECT store_head.store FROM store_head JOIN {a} ON store_head.store = a.s ORDER BY store_head.store",
    lock="store_head",
    s="t",
)
_RAISE = _Listed(
    "UPDATE store_head SET head = head + a.by FROM {a} WHERE store_head.store = a.s RETURNING store, head",
    s="t",
    by="i",
)
_RECORD = {"kind": "t", "id": "t", "store": "t", "rev": "i", "seq": "i", "source": "t", "body": "t"}
_CREATE = _Listed(
    f"INSERT INTO record({', '.join(_RECORD)}) SELECT {', '.join('a.' + name for name in _RECORD)} FROM {{a}}",
    **_RECORD,
)
_CHANGE = _Listed(
    "UPDATE record SET rev = a.rev, seq = a.seq, source = a.source, body = a.body FROM {a}"
    " WHERE record.kind = a.kind AND record.id = a.id AND record.store = a.store",
    **_RECORD,
)
_FOLLOW = _Listed("UPDATE fact SET feed_seq = a.n FROM {a} WHERE fact.subject = a.s", s="t", n="i")
_NUMBERS = ("epoch", "seq", "schema_v", "arrived_ms", "feed_seq", "news")
_FACT = {
    column.name: "i" if column.name in _NUMBERS else "b" if column.name == "settled" else "t"
    for column in fact_table.c
}
_STORE = _Listed(
    f"INSERT INTO fact({', '.join(_FACT)}) SELECT {', '.join('a.' + name for name in _FACT)} FROM {{a}}",
    **_FACT,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A push that waits with others; ``context`` is its request's, for what is logged."""

    token: str
    request: FactsRequest
    context: Context


@dataclass(frozen=True, slots=True)
class Push:
    """A push that may be taken together with others: one fact, whose effect is on its own subject."""

    token: str
    request: FactsRequest
    received: Received
    fact: Fact

    @property
    def subject(self) -> tuple[str, str]:
        """Kind and id of what it is about."""
        return self.fact.subject_kind, self.fact.subject_id


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one; ``newest`` is the mark of its till's newest answer that changed."""

    till: Till
    taken: Taken
    newest: int


@dataclass(frozen=True, slots=True)
class _Follows:
    """A push that follows the last fact the hub has of its till, which is kept; ``folded`` where nothing speaks
    against it."""

    push: Push
    till: Till
    folded: decide.Folded | None = None

    def row(self, taken: Taken, now_ms: int) -> dict[str, Any]:
        """Its row in the ledger, once it was taken."""
        return taking.row(self.till, self.push.received.message, taken, now_ms)


def usual(asks: Sequence[Ask]) -> dict[int, Push]:
    """Those that may be taken together, by their place: of different tills, about different subjects."""
    found: dict[int, Push] = {}
    seen: set[str] = set()
    for place, ask in enumerate(asks):
        try:
            received = read(ask.request)
        except Refusal:
            continue
        fact = received[0].fact if len(received) == 1 else None
        # A settlement acts on other facts, and an undo may take back what waits for the shop.
        if fact is None or fact.kind in (CASE_SETTLED, HAND_OVER_UNDONE):
            continue
        marks = {f"token {ask.token}", f"subject {fact.subject}", f"id {fact.id}"}
        if seen.isdisjoint(marks):
            seen |= marks
            found[place] = Push(ask.token, ask.request, received[0], fact)
    return found


def take(
    connection: Connection, pushes: Mapping[int, Push], now_ms: int, moved: dict[str, Moved]
) -> dict[int, Done]:
    """Take those that follow the last fact that the hub has of their till; the others are left alone.

    What the feed of each store got is put into ``moved``, where it is known here. Any error ends the transaction.
    """
    follow = _advanced(connection, pushes)
    if not follow:
        return {}
    follow = _folded(connection, follow)
    plain = {p: one for p, one in follow.items() if one.folded is not None}
    taken = _written(connection, plain, now_ms, moved)
    # By stores, as their heads are raised.
    for place, one in sorted(follow.items(), key=lambda item: item[1].till.store):
        if one.folded is None:
            moved.pop(one.till.store, None)
            taken[place] = taking.decided(connection, one.till, one.push.received, now_ms)
            _STORE.rows(connection, [one.row(taken[place], now_ms)])
    newest = dict(_NEWEST.rows(connection, [{"t": one.till.id} for one in follow.values()]))
    return {
        place: Done(one.till, taken[place], newest.get(one.till.id) or 0) for place, one in follow.items()
    }


def keep(connection: Connection, facts: Iterable[Fact]) -> None:
    """Lock the records that these are about, in one order, until the transaction ends."""
    asked = sorted({(fact.subject_kind, fact.subject_id) for fact in facts})
    _RECORDS.rows(connection, [{"k": kind, "i": ident} for kind, ident in asked])


def _advanced(connection: Connection, pushes: Mapping[int, Push]) -> dict[int, _Follows]:
    places = {token_hash(push.token): place for place, push in pushes.items()}
    asked = []
    for hashed, place in sorted(places.items()):
        request = pushes[place].request
        (message,) = request.facts
        asked.append(
            {
                "token": hashed,
                "e": request.epoch,
                "n": message.seq,
                "h": message.hash,
                "p": request.prev_hash,
            }
        )
    return {
        places[hashed]: _Follows(pushes[places[hashed]], Till(*columns))
        for hashed, *columns in _ADVANCE.rows(connection, asked)
    }


def _folded(connection: Connection, follow: Mapping[int, _Follows]) -> dict[int, _Follows]:
    """The same, those that nothing speaks against folded over their records, which are kept from here on."""
    known: dict[tuple[str, str], list[Row]] = {}
    asked = [{"k": one.push.fact.subject_kind, "i": one.push.fact.subject_id} for one in follow.values()]
    for columns in _RECORDS.rows(connection, asked):
        found = Row(*columns)
        known.setdefault((found.kind, found.id), []).append(found)
    cased = set(_CASES.rows(connection, [{"s": one.push.fact.subject} for one in follow.values()]))
    epochs = dict(_EPOCHS.rows(connection, _stores(follow.values())))
    done: dict[int, _Follows] = {}
    for place, one in follow.items():
        fact, till = one.push.fact, one.till
        rows = known.get(one.push.subject, [])
        live = records.live(rows)
        done[place] = one
        if (
            (fact.subject, till.store) in cased
            or (live is None and rows)
            or (live is not None and live.store != till.store)
            or cases.provisional(fact)
            or (custody.epoch_said(fact.payload) or NEVER) < epochs.get(till.store, 0)
        ):
            continue
        with suppress(Refused, KeyError):
            done[place] = _Follows(one.push, till, decide.folded(live, fact, till.id, till.store))
    return done


def _written(
    connection: Connection, follow: Mapping[int, _Follows], now_ms: int, moved: dict[str, Moved]
) -> dict[int, Taken]:
    """Write what these do; each with the place in the feed from which on its effect is known."""
    _INTENTS.rows(connection, _intents(connection, list(follow.values()), now_ms))
    tokens: list[tuple[str, str, str]] = []
    changed: dict[str, list[tuple[int, Change]]] = {}
    for place, one in follow.items():
        if one.folded is not None and one.folded.change is not None:
            changed.setdefault(one.till.store, []).append((place, one.folded.change))
            tokens += [(token, *one.push.subject) for token in one.folded.tokens]
    _TOKENS.rows(connection, [{"t": token, "k": kind, "i": ident} for token, kind, ident in sorted(tokens)])
    stores = _stores(follow.values())
    _HEADS_KEPT.rows(connection, stores)
    heads = dict(_RAISE.rows(connection, [one | {"by": len(changed.get(one["s"], ()))} for one in stores]))
    taken = {place: Taken(Answer.ACCEPTED, heads[one.till.store]) for place, one in follow.items()}
    fresh: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    for store, mine in changed.items():
        rows: list[Row] = []
        for seq, (place, change) in enumerate(mine, start=heads[store] - len(mine) + 1):
            taken[place] = Taken(Answer.ACCEPTED, seq)
            row = {name: getattr(change, name) for name in _RECORD if name != "seq"} | {"seq": seq}
            (again if change.exists else fresh).append(row)
            rows.append(Row(**row))
        pushed = {follow[place].till.id: follow[place].push.received.message.seq for place, _ in mine}
        moved[store] = Moved(Slice(rows, heads[store], heads[store]), pushed)
    _CREATE.rows(connection, fresh)
    _CHANGE.rows(connection, again)
    # What a fact did is known to a till once the till has its record's newest place.
    _FOLLOW.rows(connection, [{"s": subject(one["kind"], one["id"]), "n": one["seq"]} for one in again])
    _STORE.rows(connection, [one.row(taken[place], now_ms) for place, one in follow.items()])
    return taken


def _intents(connection: Connection, follow: Sequence[_Follows], now_ms: int) -> list[dict[str, str | int]]:
    """What the shop is to hear of these."""
    wanted = [(one, write) for one in follow if (write := effects.wanted_by(one.push.fact)) is not None]
    seconds = dict(_UNDO_SECONDS.rows(connection, _stores(one for one, _ in wanted)))
    return [
        effects.row_of(
            write,
            one.push.fact,
            one.till.store,
            int(seconds[one.till.store]) if write.held else 0,
            now_ms=now_ms,
        )
        for one, write in wanted
    ]


def _stores(of: Iterable[_Follows]) -> list[dict[str, Any]]:
    return [{"s": store} for store in sorted({one.till.store for one in of})]
