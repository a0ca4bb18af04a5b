"""Everything a window may ask for, bundled: the use cases, and asking sync for one order."""

from __future__ import annotations

from collections.abc import Callable

from posapp.counter.attention import Attention
from posapp.counter.pickup import Pickup
from posapp.counter.queues import Queues
from posapp.counter.scanning import Scanning
from posapp.counter.service import Service
from posapp.counter.till import Till
from posapp.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Desk:
    """``look_up(code)`` asks the hub for one order and returns at once; the answer comes as an
    event of the line.
    """

    till: Till
    scanning: Scanning
    pickup: Pickup
    attention: Attention
    queues: Queues
    service: Service
    look_up: Callable[[str], None]


def build(till: Till, look_up: Callable[[str], None]) -> Desk:
    """The desk of one till: each kind of subject with the use case that judges it."""
    pickup = Pickup(till)
    service = Service(till)
    lookers = {"order": pickup.look, "ticket": service.look}
    return Desk(
        till=till,
        scanning=Scanning(till, lookers),
        pickup=pickup,
        attention=Attention(till),
        queues=Queues(till, lookers),
        service=service,
        look_up=look_up,
    )
