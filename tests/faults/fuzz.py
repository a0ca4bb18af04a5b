"""Requests made from the published description of a hub, and what an answer must be."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from posapp.domain.facts import GENESIS, Fact, canonical, chain_hash, parse_timestamp, timestamp
from posapp.domain.ids import FactId, new_fact_id

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Operation = APIOperation[Any, Any, Any, Any]
AnyCase = Case[Any]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CALL_S = 60

KINDS = (
    *("HandedOver", "HandOverUndone", "CaseSettled", "TicketOpened", "TicketMoved", "TicketHandedBack"),
    *("TicketStepUndone", "GuessingNoticed", "GuessingCleared", "NobodyKnows"),
)
STAMP = "2026-01-02T03:04:05.000000Z"


@dataclass(frozen=True)
class Route:
    """One operation of the description; ``closed`` where it wants a till's token."""

    operation: Operation
    closed: bool
    words: frozenset[str] = frozenset()
    """What the description lists as the only values of something."""

    @property
    def name(self) -> str:
        return f"{self.operation.method.upper()} {self.operation.path}"


def routes(url: str) -> list[Route]:
    """Every operation that the running hub publishes."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    found: list[Operation] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]  # an Err raises
    words = frozenset(_words(schema.raw_schema))
    return [Route(one, bool(one.definition.raw.get("security")), words) for one in found]


def _words(described: Any) -> Iterator[str]:
    if isinstance(described, Mapping):
        listed = [*(described.get("enum") or ()), described.get("const")]
        yield from (word for word in listed if isinstance(word, str))
        for inner in described.values():
            yield from _words(inner)
    elif isinstance(described, list):
        for inner in described:
            yield from _words(inner)


def each_case(
    route: Route, mode: GenerationMode, examples: int, seeded: int, meet: Callable[[AnyCase], None]
) -> None:
    """Meet so many requests to a route, made from its schema; negative ones break the schema."""
    each(route.operation.as_strategy(mode), examples, seeded, meet)


def each(strategy: st.SearchStrategy[Any], examples: int, seeded: int, meet: Callable[[Any], None]) -> None:
    """Meet so many values of a strategy, the same ones for the same seed."""

    @seed(seeded)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(value: Any) -> None:
        meet(value)

    # Nothing to be wrong in a route without parameters.
    with suppress(Unsatisfiable):
        run()


class Caller:
    """A till's session; ``complaints`` are the answers that should not have been, each kind once."""

    def __init__(self, token: str | None) -> None:
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._session = requests.Session()
        self._session.trust_env = False
        self.complaints: dict[str, str] = {}
        self.calls = 0

    def close(self) -> None:
        self._session.close()

    def call(self, case: AnyCase) -> Any:
        """The answer to a case, as this till sends it."""
        self.calls += 1
        # A held poll is the relay's business, and would take its time here.
        if isinstance(case.query.get("wait"), (int, float)):
            case.query["wait"] = min(case.query["wait"], 0.01)
        # A value made up for the header that the token stands in would only replace it.
        case.headers.pop("Authorization", None)
        return case.call(session=self._session, headers=self._headers, timeout=CALL_S, allow_redirects=False)

    def judge(self, case: AnyCase) -> None:
        """Call, and complain of an answer outside the description."""
        answer = self.call(case)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.complain(case, f"{type(failure).__name__}: {answer.status_code} {failure}")

    def complain(self, case: AnyCase, what: str) -> None:
        """Remember a complaint, the first of its kind with its request."""
        line = f"{case.operation.label}: {' '.join(what.split())[:200]}"
        self.complaints.setdefault(line[:120], f"{line} | {case.as_curl_command()[:400]}")


# -- pushes that get past the hash ----------------------------------------------------------------
class Chain:
    """A till's chain, so that made-up facts are well-formed and reach the rules behind the door."""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.seq, self.hash = 0, GENESIS

    def request(self, facts: list[Mapping[str, Any]]) -> tuple[dict[str, Any], int, bytes]:
        """The push of these facts, and number and hash of its last."""
        seq, prev, told = self.seq, self.hash, []
        for one in facts:
            seq += 1
            raw = one["payload"].encode()
            made = Fact(
                FactId(one["id"]),
                one["kind"],
                one["subject"],
                {},
                one["clerk"],
                parse_timestamp(one["at"]),
                one["schema_v"],
            )
            prev = chain_hash(prev, seq, made, raw)
            told.append({**one, "seq": seq, "hash": prev.hex()})
        body = {"epoch": self.epoch, "prev_seq": self.seq, "prev_hash": self.hash.hex(), "facts": told}
        return body, seq, prev

    def took(self, seq: int, digest: bytes) -> None:
        """The hub has these facts now."""
        self.seq, self.hash = seq, digest


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_WORD = st.one_of(_TEXT, st.sampled_from(["", "B01", "in_work", "ready", "repair", "2026-01-01", "\0", "1"]))
_FAR = st.sampled_from([5_000, 20_000]).map(
    lambda size: "".join(chr(0x4E00 + n % 20_000) for n in range(size))
)
_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), _WORD, _FAR),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_WORD, inner, max_size=3)),
    max_leaves=6,
)
_FIELDS = (
    *("lines", "hand_over", "fact", "choice", "store", "job", "customer", "object", "bag", "wish", "phone"),
    *("promised", "to", "step", "proof", "paid_here", "codes", "since", "by"),
)
_GOOD = {
    "store": st.just("B01"),
    "job": st.sampled_from(["repair", "battery"]),
    **{name: st.one_of(_WORD, _FAR) for name in ("customer", "object", "bag", "wish")},
    "to": st.sampled_from(["in_work", "ready", "parts", "approval"]),
}
_PAYLOADS_OF_TICKETS = (
    st.fixed_dictionaries(_GOOD)
    .map(lambda payload: canonical(payload).decode())
    .filter(lambda raw: len(raw) <= 65_536)
)
_PAYLOAD = st.one_of(
    _PAYLOADS_OF_TICKETS,
    st.dictionaries(st.sampled_from(_FIELDS), _ANYTHING, max_size=6).map(
        lambda payload: canonical(payload).decode()
    ),
)


def _about_a_ticket(fact: dict[str, object]) -> bool:
    return str(fact["subject"]).startswith("ticket:")


def facts(subjects: list[str]) -> st.SearchStrategy[list[Mapping[str, Any]]]:
    """Facts with a true form and untrue content, about these subjects and made-up ones."""
    subject = st.one_of(
        st.sampled_from(subjects),
        st.sampled_from([f"ticket:T{n}" for n in range(5)]),
        st.builds("{}:{}".format, st.sampled_from(["order", "ticket", "till", "store", "what", ""]), _WORD),
    )
    one = st.fixed_dictionaries(
        {
            "id": st.builds(lambda: str(new_fact_id())),
            "kind": st.one_of(st.sampled_from(KINDS), _WORD.filter(bool)),
            "schema_v": st.integers(1, (1 << 31) - 1),
            "subject": subject.filter(lambda name: 0 < len(name) <= 200),
            "payload": st.one_of(_PAYLOAD, _TEXT, st.builds(lambda: "[" * 30_000)).filter(
                lambda raw: len(raw) <= 65_536
            ),
            "clerk": _TEXT,
            "at": st.one_of(st.just(STAMP), st.datetimes(timezones=st.just(UTC)).map(timestamp)),
        }
    )
    # A ticket that may well be taken, with words that are long or odd.
    likely = st.builds(
        lambda fact, payload: fact | {"kind": "TicketOpened", "payload": payload},
        one.filter(_about_a_ticket),
        _PAYLOADS_OF_TICKETS,
    )
    return st.lists(st.one_of(one, likely), min_size=1, max_size=4)


# -- another's handles in every place -------------------------------------------------------------
def filled(case: AnyCase, handles: list[str], words: frozenset[str]) -> Iterator[AnyCase]:
    """The case once for each handle, which stands in every place where it has a free text."""
    path, query, body = case.path_parameters, case.query, case.body
    for handle in handles:
        case.path_parameters = _filled(path, handle, words) if path else {}
        case.query = _filled(query, handle, words) if query else {}
        if isinstance(body, (dict, list)):
            case.body = _filled(body, handle, words)
        yield case


def _filled(value: Any, handle: str, words: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(inner, handle, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, handle, words) for inner in value]
    return handle if isinstance(value, str) and not (_formed(value) or value in words) else value


def _formed(text: str) -> bool:
    """Whether a text has a form of its own (a hash, a stamp), which another one would only break."""
    return len(text) == 64 or (len(text) == 27 and text.endswith("Z"))
