"""Everything a window may ask for, bundled: the use cases, and asking sync for one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from posapp.counter import pickup as pickups
from posapp.counter import service as services
from posapp.counter.attention import Attention
from posapp.counter.checkout import Checkout
from posapp.counter.custody import Custody
from posapp.counter.pickup import Pickup
from posapp.counter.queues import Queues
from posapp.counter.scanning import Scanning
from posapp.counter.service import Service
from posapp.counter.till import Done, Till
from posapp.domain.facts import Fact
from posapp.domain.values import dataclass

_ACTS = pickups.ACTS | services.ACTS
_LOOK_BACK = 50
"""Facts; what else a till writes within the time to undo is far less."""


@dataclass(frozen=True, slots=True)
class Desk:
    """``look_up(code)`` asks the hub for one order and returns at once; the answer comes as an
    event of the line.
    """

    till: Till
    scanning: Scanning
    pickup: Pickup
    checkout: Checkout
    attention: Attention
    queues: Queues
    service: Service
    look_up: Callable[[str], None]
    custody: Custody

    def last_act(self) -> tuple[Fact, Done] | None:
        """This till's newest act as long as it can be taken back, with the seconds left; else None."""
        for entry in self.till.books.journal.latest(_LOOK_BACK):
            fact = entry.fact
            if fact.kind in _ACTS.values():
                return None
            if fact.kind in _ACTS:
                left = int(self.till.undo_left_s(fact.id))
                known = self.till.books.know(fact.subject_kind, fact.subject_id) if left else None
                return (fact, Done(fact.id, known, left)) if known else None
        return None


def build(
    till: Till,
    look_up: Callable[[str], None],
    claim: Callable[[str, Sequence[str]], None] = lambda order, known: None,
    release: Callable[[str], None] = lambda order: None,
) -> Desk:
    """The desk of one till: each kind of subject with the use case that judges it.

    ``claim`` and ``release`` speak to sync of the right to hand an order over.
    """
    custody = Custody(till, claim, release)
    pickup = Pickup(till, custody)
    checkout = Checkout(till, pickup)
    service = Service(till)
    lookers = {"order": checkout.look, "ticket": service.look}
    return Desk(
        till=till,
        scanning=Scanning(till, lookers, custody),
        pickup=pickup,
        checkout=checkout,
        attention=Attention(till),
        queues=Queues(till, lookers),
        service=service,
        look_up=look_up,
        custody=custody,
    )
