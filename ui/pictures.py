"""Pictures with a code in them, brought to home: pasted, dropped, or taken from the clipboard by a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QImageReader, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from posapp.domain.frames import Frame
from posapp.texts import _
from ui.announce import announce
from ui.buttons import Button, Kind
from ui.tokens import GAP
from ui.view import Action, Sound

if TYPE_CHECKING:
    from PySide6.QtGui import QDropEvent

    from ui.screens.scan import ScanScreen
    from ui.window import TillWindow

Load = Callable[[], Frame | None]
"""What loads a picture; None where it cannot be read after all."""
MOST_SIDE = 2000
"""Longest side in pixels that is looked at: a telephone's photograph has twice as much and no more to read."""


class Pictures(QWidget):
    """A row below home's lists. Promises: reading never holds the window; text is pasted as ever.

    `read` is given what loads the picture, to be called in another thread, and answers by
    `Bridge.picture_read`; the code itself comes as a scan.
    """

    def __init__(self, window: TillWindow, read: Callable[[Load], object]) -> None:
        super().__init__(window.home.idle)
        self._home: ScanScreen = window.home
        self._read = read
        self._said: Callable[[], str] = str
        self.button = Button(window.theme, Kind.PLAIN, self)
        self.button.triggered.connect(lambda _id: self.paste())
        self.label = QLabel(self)
        self.label.setProperty("kind", "muted")
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(window.theme.px(GAP))
        row.addWidget(self.button)
        row.addWidget(self.label, 1)
        layout = window.home.idle.layout()
        if layout is not None:
            layout.addWidget(self)
        window.home.idle.pictures = self
        window.home.setAcceptDrops(True)
        for part in (window.home, window.home.field):
            part.installEventFilter(self)
        window.bridge.picture_read.connect(self._on_read)
        self.retranslate()

    def retranslate(self) -> None:
        """Set every text again."""
        self.button.show_action(Action("picture", _("Read a picture"), _("Ctrl+V"), "camera"))
        self.label.setText(self._said())

    def paste(self) -> bool:
        """Read the picture in the clipboard; says so where there is none."""
        load = picture_in(QGuiApplication.clipboard().mimeData())
        if load is None:
            self._say(lambda: _("There is no picture to read: copy one first, or drop one here."))
            return False
        self._say(str)
        self._read(load)
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ctrl+V with a picture, and pictures dropped; Qt calls this."""
        kind = event.type()
        if kind is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            pasted = event.matches(QKeySequence.StandardKey.Paste)
            return pasted and picture_in(QGuiApplication.clipboard().mimeData()) is not None and self.paste()
        if kind in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            return self._drop(event)  # type: ignore[arg-type]  # both are drop events
        return False

    def _drop(self, event: QDropEvent) -> bool:
        load = picture_in(event.mimeData())
        if load is None:
            return False
        event.acceptProposedAction()
        if event.type() is QEvent.Type.Drop:
            self._say(str)
            self._read(load)
        return True

    def _on_read(self, found: object) -> None:
        if found is None:
            self._say(lambda: _("Pictures cannot be read here: posapp is installed without its camera part."))
        elif not found:
            self._say(lambda: _("No code was found in the picture."))

    def _say(self, words: Callable[[], str]) -> None:
        self._said = words
        self.label.setText(words())
        if words():
            self._home.sounded.emit((Sound.LOOK,))
            announce(self._home, words(), now=True)


def picture_in(data: QMimeData | None) -> Load | None:
    """What loads the picture that was copied or dropped, itself or as a file; None where there is none."""
    if data is None:
        # An empty clipboard, whatever Qt's types say.
        return None
    if data.hasImage():
        image = QImage(data.imageData())
        return None if image.isNull() else lambda: frame_of(image)
    for url in data.urls():
        path = url.toLocalFile()
        if path and not QImageReader.imageFormat(path).isEmpty():
            return lambda: _from_file(path)
    return None


def frame_of(image: QImage) -> Frame:
    """A picture as grey values, made smaller where it is large. May be called in any thread."""
    if max(image.width(), image.height()) > MOST_SIDE:
        image = image.scaled(
            MOST_SIDE,
            MOST_SIDE,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
    width, height, step = grey.width(), grey.height(), grey.bytesPerLine()
    rows = bytes(grey.constBits())
    # Qt fills each row up to a multiple of four bytes.
    pixels = rows if step == width else b"".join(rows[at * step : at * step + width] for at in range(height))
    return Frame(width, height, pixels)


def _from_file(path: str) -> Frame | None:
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if max(size.width(), size.height()) > MOST_SIDE:
        reader.setScaledSize(size.scaled(QSize(MOST_SIDE, MOST_SIDE), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    return None if image.isNull() else frame_of(image)
