"""Draws every scene in each language, look and size, and says what is wrong with it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from posapp import texts
from posapp.settings import Settings
from tests.kit.counter import open_counter
from tests.screens.checks import problems
from tests.screens.scenes import Stage, prepare, scenes
from ui.bridge import Bridge
from ui.window import TillWindow

LANGUAGES = ("de", "en")
THEMES = ("light", "dark")
SIZES = ((1024, 768, 100), (1920, 1080, 100), (1920, 1080, 150))


def play(out: Path | None, settings: Settings, size: tuple[int, int], only: str) -> Iterator[tuple[str, str]]:
    """Play all scenes with these settings; each problem with the name of its picture."""
    application = QApplication.instance() or QApplication(sys.argv[:1])
    texts.use(settings.language)
    with tempfile.TemporaryDirectory() as folder, open_counter(Path(folder)) as counter:
        bridge = Bridge()
        window = TillWindow(counter.desk, bridge, settings, lambda _settings: None)
        window.resize(*size)
        window.show()
        stage = Stage(counter, bridge, window)
        prepare(stage)
        for number, (name, scene) in enumerate(scenes()):
            scene(stage)
            for _settling in range(3):
                application.processEvents()
            look = f"{settings.language}-{settings.theme}-{size[0]}-{settings.scale}"
            picture = f"{number:02}-{name}-{look}"
            yield picture, ""
            for problem in problems(window, size):
                yield picture, problem
            if out is not None and only in picture:
                window.grab().save(str(out / f"{picture}.png"), "PNG", 80)
        window.close()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/screens"))
    parser.add_argument("--only", default="", help="keep only pictures whose name contains this")
    parser.add_argument("--no-pictures", action="store_true", help="measure only")
    arguments = parser.parse_args()
    out: Path | None = None if arguments.no_pictures else arguments.out
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    drawn: set[str] = set()
    wrong: list[str] = []
    for language, theme, (width, height, scale) in product(LANGUAGES, THEMES, SIZES):
        settings = Settings(language=language, theme=theme, scale=scale)
        for picture, problem in play(out, settings, (width, height), arguments.only):
            drawn.add(picture)
            if problem:
                wrong.append(f"{picture}: {problem}")
    for line in wrong:
        print(line)
    print(f"{len(drawn)} screens drawn, {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
