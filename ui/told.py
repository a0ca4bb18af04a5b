"""What the sync process tells the window, made signals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from posapp.counter.scanning import Elsewhere
from ui.bridge import EVERYTHING, Bridge, ClaimTold, Fetching, LineState, LookedUp

_REASONS = {"till-refused": "revoked", "till-forked": "fork"}
"""What sync calls what the screens have another word for."""


def tell(bridge: Bridge, event: Mapping[str, Any]) -> None:
    """One event, on whatever thread it came, emitted as its signal; an unknown one is passed over."""
    if "changed" in event or "answered" in event:
        bridge.changed.emit(tuple(event.get("changed") or EVERYTHING))
    elif "line" in event:
        line = event["line"]
        since = line.get("since")
        bridge.line_changed.emit(
            LineState(
                online=bool(line.get("online")),
                since=datetime.fromisoformat(since) if since else None,
                reason=reason_of(line.get("reason")),
            )
        )
    elif "fetching" in event:
        told = event["fetching"]
        bridge.fetching.emit(Fetching(int(told["done"]), int(told["of"])) if told else None)
    elif "claim" in event:
        claim = event["claim"]
        bridge.claim_told.emit(
            ClaimTold(str(claim.get("order")), str(claim.get("state")), str(claim.get("till") or ""))
        )
    elif "found" in event:
        bridge.looked_up.emit(_found(event["found"]))
    elif "custody" in event:
        bridge.changed.emit(EVERYTHING)
    elif "mirror" in event:
        bridge.mirror_replaced.emit()
        bridge.changed.emit(EVERYTHING)
    elif "fatal" in event:
        bridge.line_changed.emit(LineState(False, None, reason_of(event["fatal"]), fatal=True))


def reason_of(told: object) -> str:
    """What the screens call a reason of sync."""
    return _REASONS.get(str(told), str(told or ""))


def _found(found: Mapping[str, Any]) -> LookedUp:
    told = found.get("elsewhere")
    elsewhere = (
        Elsewhere(
            str(told.get("name") or told.get("store") or ""),
            str(told.get("address") or ""),
            str(told.get("hours") or ""),
        )
        if told
        else None
    )
    return LookedUp(str(found.get("code") or ""), str(found.get("outcome")), elsewhere)
