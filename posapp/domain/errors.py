"""The kinds of trouble there are, told apart by who can do something about them.

Every class carries a ``reason``: a short key that ``posapp.texts.sentence`` turns into a polite
sentence in the clerk's language. ``details`` fill the sentence's places.
"""

from __future__ import annotations


class PosappError(Exception):
    """Root of what posapp raises on purpose; anything else is a bug."""

    def __init__(self, reason: str, **details: str | int) -> None:
        super().__init__(reason, details)
        self.reason = reason
        self.details = details

    def __str__(self) -> str:
        """The reason with its details, for logs; people read ``posapp.texts.sentence``."""
        rest = ", ".join(f"{key}={value}" for key, value in self.details.items())
        return f"{self.reason} ({rest})" if rest else self.reason


class Refused(PosappError):
    """Our own rule said no, before anything was written."""


class Unavailable(PosappError):
    """Nothing is wrong with the request: try again later."""


class StorageFault(PosappError):
    """A file of this till cannot be used: damaged, too new, locked, or the disk is full.

    Nothing was written and nothing was overwritten.
    """
