"""A request that is turned down, with its HTTP status and `sync.wire.Problem`'s two fields."""

from __future__ import annotations

from sync.wire import Fork, Gap, Message, Problem


class Refusal(Exception):
    """Ends a request: ``body`` is what the till is sent, ``retry_after`` when it may ask again."""

    def __init__(self, status: int, error: str, message: str, *, retry_after: int = 0) -> None:
        super().__init__(error)
        self.status = status
        self.body: Message = Problem(error=error, message=message)
        self.retry_after = retry_after


class OutOfStep(Refusal):
    """The till's chain and the hub's do not meet: a gap (409) or a fork (423)."""

    def __init__(self, body: Gap | Fork) -> None:
        super().__init__(409 if isinstance(body, Gap) else 423, body.error, "")
        self.body = body
