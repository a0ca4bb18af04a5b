"""A picture to look for codes in, as grey values: what a camera, a file or the clipboard gives."""

from __future__ import annotations

from posapp.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """`pixels` are `width` times `height` grey values, row by row without gaps, 0 for black."""

    width: int
    height: int
    pixels: bytes

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or len(self.pixels) != self.width * self.height:
            raise ValueError("pixels")
