"""Frames of a camera, from Qt's multimedia part, which is no part of what posapp needs to run.

Without it (the package PySide6-Addons) `open_camera` gives none, and the screens say so.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSize, Qt

from ui.pictures import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.frames import Frame

SIZE = QSize(640, 480)
"""What is read of a frame: decoding takes three times as long at 1280 x 720 and finds no more."""


class Camera(QObject):
    """Promises: gives a frame only while `free` says that it would be read; opens the camera again when
    it is plugged in again; `lost` is called whenever there is none.
    """

    def __init__(
        self,
        offer: Callable[[Frame], object],
        free: Callable[[], bool],
        lost: Callable[[], object],
        media: Any,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._offer, self._free, self._lost, self._media = offer, free, lost, media
        self._camera: Any = None
        self._session = media.QMediaCaptureSession(self)
        self._sink = media.QVideoSink(self)
        self._session.setVideoSink(self._sink)
        self._sink.videoFrameChanged.connect(self._on_frame)
        self._devices = media.QMediaDevices(self)
        self._devices.videoInputsChanged.connect(self.open)
        self.open()

    def open(self) -> None:
        """Take the system's first camera, or say that there is none."""
        self.close()
        device = self._media.QMediaDevices.defaultVideoInput()
        if device.isNull():
            self._lost()
            return
        self._camera = self._media.QCamera(device, self)
        chosen = _format(device)
        if chosen is not None:
            self._camera.setCameraFormat(chosen)
        self._camera.errorOccurred.connect(lambda *_: self._lost())
        self._session.setCamera(self._camera)
        self._camera.start()

    def close(self) -> None:
        """Let the camera go."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.stop()
            camera.deleteLater()

    def _on_frame(self, frame: Any) -> None:
        # What would be dropped is not even converted.
        if not self._free() or not frame.isValid():
            return
        image = frame.toImage()
        if not image.isNull():
            self._offer(frame_of(image.scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio)))


def _format(device: Any) -> Any | None:
    """The camera's smallest picture that is no smaller than `SIZE`, the fastest of those; None if it has
    none. Left to itself Qt takes the largest, which takes three times as long to turn into an image.
    """

    def enough(one: Any) -> bool:
        return bool(one.resolution().width() >= SIZE.width() and one.resolution().height() >= SIZE.height())

    def cost(one: Any) -> tuple[int, float]:
        return one.resolution().width() * one.resolution().height(), -one.maxFrameRate()

    return min(filter(enough, device.videoFormats()), key=cost, default=None)


def open_camera(
    offer: Callable[[Frame], object],
    free: Callable[[], bool],
    lost: Callable[[], object],
    parent: QObject | None = None,
) -> Camera | None:
    """The system's camera, or None where Qt's multimedia part is not installed."""
    try:
        media = import_module("PySide6.QtMultimedia")
    except ImportError:
        return None
    return Camera(offer, free, lost, media, parent)
