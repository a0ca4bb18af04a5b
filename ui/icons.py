"""The outline icons, in any colour and size, drawn once each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

import resources

if TYPE_CHECKING:
    from PySide6.QtGui import QIcon


class Icons:
    """Draws icons by their name and keeps what it drew.

    - A pixmap of `size` is `size` wide on screen, whatever the device pixel ratio.
    - An icon that does not exist raises `FileNotFoundError` at once, so a test finds a slip of the pen.
    """

    def __init__(self) -> None:
        self._pixmaps: dict[tuple[str, str, int, float], QPixmap] = {}
        self._icons: dict[tuple[str, str, int], QIcon] = {}

    def pixmap(self, name: str, colour: str, size: int, dpr: float = 1.0) -> QPixmap:
        """The icon in one colour."""
        key = (name, colour, size, dpr)
        found = self._pixmaps.get(key)
        if found is None:
            found = self._pixmaps[key] = self._draw(name, colour, size, dpr)
        return found

    def icon(self, name: str, colour: str, size: int) -> QIcon:
        """The icon for a widget that takes a QIcon, sharp up to a device pixel ratio of 2."""
        # Its names of all theme icons take 4 ms to load, and the first paint has no QIcon.
        from PySide6.QtGui import QIcon

        key = (name, colour, size)
        found = self._icons.get(key)
        if found is None:
            found = QIcon()
            for dpr in (1.0, 2.0):
                found.addPixmap(self.pixmap(name, colour, size, dpr))
            self._icons[key] = found
        return found

    def clear(self) -> None:
        """Forgets all pixmaps; they may not outlive the application."""
        self._pixmaps.clear()
        self._icons.clear()

    @staticmethod
    def _draw(name: str, colour: str, size: int, dpr: float) -> QPixmap:
        # QtSvg is loaded by the first icon, not by whoever imports this module.
        from PySide6.QtSvg import QSvgRenderer

        # Qt's renderer knows no `currentColor`.
        source = resources.text(f"icons/{name}.svg").replace("currentColor", colour)
        renderer = QSvgRenderer(QByteArray(source.encode()))
        pixmap = QPixmap(round(size * dpr), round(size * dpr))
        pixmap.setDevicePixelRatio(dpr)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        return pixmap
