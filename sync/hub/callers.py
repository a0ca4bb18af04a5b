"""Who calls: a till, by its token, and what it was told last."""

from __future__ import annotations

from contextvars import ContextVar

from sync.hub import feed

ADDRESS: ContextVar[tuple[str, int] | None] = ContextVar("address", default=None)
"""Where the request comes from: its front end's word, where that is believed."""


def host() -> str:
    """The address that the request comes from, "" where that is not known."""
    found = ADDRESS.get()
    return found[0] if found else ""


class Caller:
    """A till, its store, and what it was told with its newest page."""

    __slots__ = ("store", "till", "told")

    def __init__(self, till: str, store: str) -> None:
        self.till = till
        self.store = store
        self.told: feed.Told | None = None

    def page(self, moved: feed.Moved | None, after: int, limit: int) -> feed.Page | None:
        """The page after ``after`` where it is just this and nobody needs to look for it."""
        told = self.told
        if moved is None or told is None or told.cursor != after:
            return None
        page = told.then(self.till, moved, limit)
        if page is not None:
            self.told = page.told
        return page
