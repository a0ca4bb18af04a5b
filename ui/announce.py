"""Tells a screen reader what just happened, without moving the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def announce(widget: QWidget, text: str, *, now: bool) -> None:
    """Has `text` spoken: at once (a result at the counter), or in the next pause (news of the sync).

    Nobody is told of what is not on the screen.
    """
    if not widget.isVisible():
        return
    # Loaded with the first result: these types cost 5 ms, which the first paint need not wait for.
    from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

    event = QAccessibleAnnouncementEvent(widget, text)
    politeness = QAccessible.AnnouncementPoliteness
    event.setPoliteness(politeness.Assertive if now else politeness.Polite)
    QAccessible.updateAccessibility(event)
