"""Logs go to a file of the data folder; what needs a person goes to the screen as well."""

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The test run's own logging comes back."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    logging.captureWarnings(False)
    root.handlers = before
    root.setLevel(level)


def test_everything_is_in_the_file_and_what_matters_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.start(tmp_path, "till")
    logging.getLogger("posapp.x").info("fact 0199 written")
    logging.getLogger("posapp.x").warning("the line is down")
    written = (tmp_path / "logs" / "till.log").read_text("utf-8")
    assert "INFO posapp.x: fact 0199 written" in written
    assert "WARNING posapp.x: the line is down" in written
    shown = capsys.readouterr().err
    assert "the line is down" in shown
    assert "0199" not in shown


def test_pythons_own_warnings_are_in_the_file(tmp_path: Path) -> None:
    logs.start(tmp_path, "till")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old habit", stacklevel=1)
    assert "old habit" in (tmp_path / "logs" / "till.log").read_text("utf-8")


def test_the_logs_are_for_this_user_only_and_bounded(tmp_path: Path) -> None:
    logs.start(tmp_path, "till")
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0
    for _ in range(7000):
        logging.getLogger("posapp.x").info("%s", "x" * 1000)
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["till.log", *(f"till.log.{number}" for number in range(1, 5))]
    assert sum(path.stat().st_size for path in (tmp_path / "logs").iterdir()) <= 5 << 20


def test_a_service_says_it_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.stream(as_json=True, level=logging.INFO)
    token = logs.REQUEST.set("r1")
    try:
        logging.getLogger("hub").info("taken id=%s", 5, extra={"fields": {"status": 200, "level": "no"}})
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logging.getLogger("hub").exception("broken")
    finally:
        logs.REQUEST.reset(token)
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert first.pop("at").endswith("+00:00")
    assert first == {
        "level": "info",
        "logger": "hub",
        "message": "taken id=5",
        "request": "r1",
        "status": 200,
    }
    assert "ZeroDivisionError" in second["error"]


def test_a_service_says_it_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.stream(as_json=False, level=logging.WARNING)
    logging.getLogger("hub").info("taken")
    logging.getLogger("hub").warning("slow")
    token = logs.REQUEST.set("r1")
    try:
        logging.getLogger("hub").warning("slower")
    finally:
        logs.REQUEST.reset(token)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("WARNING hub: slow")
    assert second.endswith("WARNING hub: slower request=r1")
