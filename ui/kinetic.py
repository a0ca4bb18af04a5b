"""Scrolling by dragging and flicking the content: a counter's screen has no room for thin bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def scroll_by_hand(widget: QWidget) -> None:
    """Lets finger or mouse move the widget's content; it answers QScrollEvents or is a viewport."""
    # Loaded by the first list that scrolls; the first paint does without.
    from PySide6.QtWidgets import QScroller, QScrollerProperties

    # The mouse gesture serves fingers too: Qt turns touches nobody took into mouse events.
    QScroller.grabGesture(widget, QScroller.ScrollerGestureType.LeftMouseButtonGesture)
    scroller = QScroller.scroller(widget)
    properties = scroller.scrollerProperties()
    policy = QScrollerProperties.OvershootPolicy.OvershootAlwaysOff.value
    metric = QScrollerProperties.ScrollMetric
    properties.setScrollMetric(metric.VerticalOvershootPolicy, policy)
    properties.setScrollMetric(metric.HorizontalOvershootPolicy, policy)
    scroller.setScrollerProperties(properties)
