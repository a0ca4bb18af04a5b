"""What a camera at a counter sees, drawn: a telephone in dark mode with a glare spot on it, and noise."""

from __future__ import annotations

import random

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter, QRadialGradient, QTransform

from posapp.domain.frames import Frame
from posapp.domain.slips import Symbology
from posapp.symbols import modules
from ui.pictures import frame_of

SIZE = (640, 480)


def code_image(
    text: str, *, module: int = 4, dark: bool = True, symbology: Symbology = Symbology.QR
) -> QImage:
    """A code as a screen shows it, light on dark in dark mode."""
    rows = modules(symbology, text)
    if len(rows) == 1:
        rows = rows * 30
    image = QImage(len(rows[0]), len(rows), QImage.Format.Format_RGB32)
    ink, paper = (QColor("#f3f5f7"), QColor("#10151c")) if dark else (QColor("black"), QColor("white"))
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            image.setPixelColor(x, y, ink if cell == "1" else paper)
    return image.scaled(image.width() * module, image.height() * module)


def counter_frame(code: QImage, seed: int, *, glare: bool = True, size: tuple[int, int] = SIZE) -> Frame:
    """A frame with the code turned a little, and a spot of light of a tenth of its width somewhere on it."""
    chance = random.Random(seed)
    frame = QImage(*size, QImage.Format.Format_RGB32)
    frame.fill(QColor("#6b7684"))
    painter = QPainter(frame)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    turned = code.transformed(QTransform().rotate(chance.uniform(-12, 12)))
    left, top = (frame.width() - turned.width()) / 2, (frame.height() - turned.height()) / 2
    # A transformed picture has a see-through frame.
    painter.drawImage(QPointF(left, top), turned)
    if glare:
        width = code.width() / 10
        spot = QPointF(
            frame.width() / 2 + chance.uniform(-0.3, 0.3) * code.width(),
            frame.height() / 2 + chance.uniform(-0.3, 0.3) * code.height(),
        )
        light = QRadialGradient(spot, width / 2)
        light.setColorAt(0, QColor(255, 255, 255, 255))
        light.setColorAt(0.7, QColor(255, 255, 255, 255))
        light.setColorAt(1, QColor(255, 255, 255, 0))
        painter.setPen(QColor(0, 0, 0, 0))
        painter.setBrush(light)
        painter.drawEllipse(spot, width / 2, width / 2)
    grains = chance.randbytes(size[0] * size[1])
    painter.setOpacity(0.06)
    painter.drawImage(0, 0, QImage(grains, *size, size[0], QImage.Format.Format_Grayscale8))
    painter.end()
    return frame_of(frame)


def noise_frame(width: int, height: int, seed: int = 1) -> Frame:
    """Nothing but noise: what takes a decoder longest."""
    return Frame(width, height, random.Random(seed).randbytes(width * height))
