"""Guessing: many unknown pickup codes at one till, noticed, slowed down and shown to the manager."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from posapp.counter.till import Till
from posapp.domain.errors import Refused, StorageFault
from posapp.domain.facts import Fact, parse_timestamp, subject, timestamp
from posapp.domain.goods import code_token
from posapp.domain.known import Known
from posapp.domain.tills import GUESSING_CLEARED, GUESSING_NOTICED
from posapp.domain.values import dataclass, replace

KIND = "till"
MANY = 5
"""So many different unknown codes within `WITHIN` are no mistakes any more: a well-formed code that is
made up hits one of 2,000 open orders once in 39 million times."""
WITHIN = timedelta(minutes=10)
FIRST_WAIT_S, LONGEST_WAIT_S = 2, 60

_META = "guessing"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _State:
    """``tried`` are keyed hashes of unknown codes with their times, never the codes; ``next_at`` is
    when another unknown one is looked up again.
    """

    tried: tuple[tuple[str, datetime], ...] = ()
    since: datetime | None = None
    next_at: datetime | None = None
    wait_s: int = 0


class Guessing:
    """Promises: known codes are never held up; what was counted outlives a restart, as it lies in the
    ledger; the alarm ends only when a person ends it. Never raises while scanning: a disk that fails
    hides no verdict.
    """

    def __init__(self, till: Till) -> None:
        self._till = till
        self._state = _read(till.books.journal.meta(_META))

    @property
    def since(self) -> datetime | None:
        """When the first of the codes came that raised the alarm; None while there is none."""
        return self._state.since

    def wait(self) -> int:
        """Seconds until the next unknown code is looked up; 0 for at once."""
        at = self._state.next_at
        if self._state.since is None or at is None:
            return 0
        left = (at - self._till.now()).total_seconds()
        # A clock that was set back must not hold the store up.
        return max(0, min(LONGEST_WAIT_S, int(left + 0.999)))

    def unknown(self, token: str) -> bool:
        """A well-formed pickup code was not known, neither here nor where it was asked for.

        ``token`` is its keyed hash. The same code again is no further try. Returns whether the alarm
        is on.
        """
        now, state = self._till.now(), self._state
        if all(token != tried for tried, _at in state.tried):
            recent = [(tried, at) for tried, at in state.tried if abs(now - at) <= WITHIN]
            state = replace(state, tried=tuple([*recent, (token, now)][-4 * MANY :]))
            if state.since is not None:
                wait_s = min(LONGEST_WAIT_S, 2 * state.wait_s)
                state = replace(state, wait_s=wait_s, next_at=now + timedelta(seconds=wait_s))
            elif len(state.tried) >= MANY:
                first = min(at for _tried, at in state.tried)
                next_at = now + timedelta(seconds=FIRST_WAIT_S)
                state = replace(state, since=first, wait_s=FIRST_WAIT_S, next_at=next_at)
            raised = state.since is not None and self._state.since is None
            self._keep(state)
            if raised:
                log.warning("guessing noticed codes=%s", len(state.tried))
                self._notice(state)
        return self._state.since is not None

    def cleared_by_badge(self, badge: str) -> bool:
        """End the alarm by a manager's badge; False for a badge that is none. Raises StorageFault."""
        if self._state.since is None or not self.is_manager(badge):
            return False
        self.clear(by="badge")
        return True

    def clear(self, *, by: str = "screen") -> None:
        """A manager has looked after it. Raises StorageFault; then the alarm stays."""
        if self._state.since is None:
            return
        payload: dict[str, object] = {"store": self._till.store, "by": by}
        self._commit(GUESSING_CLEARED, payload)
        self._keep(_State())

    def has_managers(self) -> bool:
        """Whether this store has a manager's badge at all."""
        return bool(self._till.books.record("store", self._till.store).get("managers"))

    def is_manager(self, badge: str) -> bool:
        """Whether the hub told this badge to be a manager's of this store."""
        told = self._till.books.record("store", self._till.store).get("managers")
        key = bytes.fromhex(self._till.books.journal.meta("store_key") or "")
        return isinstance(told, list) and code_token(key, badge) in told

    def _notice(self, state: _State) -> None:
        since = timestamp(state.since) if state.since else ""
        payload: dict[str, object] = {
            "store": self._till.store,
            "codes": len(state.tried),
            "since": since,
        }
        try:
            self._commit(GUESSING_NOTICED, payload)
        except (Refused, StorageFault) as error:
            log.warning("guessing was not written down: %s", error)

    def _commit(self, kind: str, payload: dict[str, object]) -> None:
        till = self._till.books.till

        def decide(known: Known | None) -> Fact:
            return self._till.fact(kind, subject(KIND, till), payload)

        self._till.books.commit(KIND, till, decide)
        self._till.wake()

    def _keep(self, state: _State) -> None:
        self._state = state
        try:
            self._till.books.journal.set_meta(**{_META: _written(state)})
        except StorageFault as fault:
            log.warning("the count of unknown codes was not kept: %s", fault)


def _written(state: _State) -> str:
    return json.dumps(
        {
            "tried": [[tried, timestamp(at)] for tried, at in state.tried],
            "since": timestamp(state.since) if state.since else "",
            "next_at": timestamp(state.next_at) if state.next_at else "",
            "wait_s": state.wait_s,
        }
    )


def _read(text: str) -> _State:
    try:
        found = json.loads(text or "{}")
        return _State(
            tuple((str(tried), parse_timestamp(at)) for tried, at in found.get("tried", ())),
            parse_timestamp(found["since"]) if found.get("since") else None,
            parse_timestamp(found["next_at"]) if found.get("next_at") else None,
            int(found.get("wait_s", 0)),
        )
    except (ValueError, TypeError, AttributeError) as error:
        log.warning("the count of unknown codes cannot be read: %s", error)
        return _State()
