"""Settings come back as they were saved; what cannot be is told with file and key."""

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posapp import texts
from posapp.domain.errors import StorageFault
from posapp.paths import SETTINGS
from posapp.settings import Settings, door_at, load, save

printable = st.text(st.characters(codec="utf-8")).filter(str.isprintable)
any_settings = st.builds(
    Settings,
    language=st.sampled_from(["de", "en"]),
    theme=st.sampled_from(["light", "dark"]),
    scale=st.integers(90, 150),
    volume=st.integers(0, 100),
    clerk=st.text(st.characters(codec="utf-8"), max_size=60).filter(str.isprintable),
    scanners=st.lists(printable, max_size=3).map(tuple),
    printer=printable,
    labels=printable,
    display=printable,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_settings)
def test_settings_come_back_as_they_were_saved(tmp_path: Path, chosen: Settings) -> None:
    save(tmp_path, chosen)
    assert load(tmp_path) == chosen
    assert [path.name for path in tmp_path.iterdir()] == [SETTINGS]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_whatever_a_clerk_types_as_a_name_can_be_read_again(tmp_path: Path, name: str) -> None:
    save(tmp_path, Settings(clerk=name[:60]))
    assert load(tmp_path).clerk == "".join(c for c in name[:60] if c.isprintable())


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_an_unknown_key_is_passed_over_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / SETTINGS).write_text('volume = 5\nhovercraft = "full of eels"\n')
    with caplog.at_level(logging.WARNING):
        assert load(tmp_path) == Settings(volume=5)
    assert "hovercraft" in caplog.text


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('scale = "big"', "scale"),
        ("scale = 100.0", "scale"),
        ("scale = true", "scale"),
        ("scale = 151", "scale"),
        ("volume = -1", "volume"),
        ("language = 1", "language"),
        ('language = "fr"', "language"),
        ('theme = "pink"', "theme"),
        ("clerk = []", "clerk"),
        (f'clerk = "{"x" * 61}"', "clerk"),
        ('scanners = "COM1"', "scanners"),
        ("scanners = [1]", "scanners"),
        ("[scanners]\na = 1", "scanners"),
        ("scale = ", "line 1"),
    ],
)
@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_wrong_value_is_told_with_file_and_key(tmp_path: Path, text: str, key: str, language: str) -> None:
    path = tmp_path / SETTINGS
    path.write_text(text + "\n")
    with pytest.raises(StorageFault) as caught:
        load(tmp_path)
    before = texts.language()
    texts.use(language)
    try:
        sentence = texts.sentence(caught.value)
    finally:
        texts.use(before)
    assert str(path) in sentence
    assert key in sentence


@pytest.mark.parametrize("content", [b"\xff\xfe", b"clerk = '\x00'"])
def test_a_file_that_is_no_text_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SETTINGS).write_bytes(content)
    with pytest.raises(StorageFault) as caught:
        load(tmp_path)
    assert caught.value.reason == "settings-wrong"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).mkdir()
    with pytest.raises(StorageFault) as caught:
        load(tmp_path)
    assert caught.value.reason == "settings-wrong"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", ("", 0)),
        ("off", None),
        (":8333", ("", 8333)),
        ("192.168.1.5:8333", ("192.168.1.5", 8333)),
        ("[fd00::5]:0", ("fd00::5", 0)),
    ],
)
def test_where_a_lead_hears_its_neighbours(tmp_path: Path, text: str, at: tuple[str, int] | None) -> None:
    assert door_at(text) == at
    save(tmp_path, Settings(door=text))
    assert load(tmp_path).door == text


@pytest.mark.parametrize(
    "text", ["8333", "on", "192.168.1.5", "x:", "x:port", "x:65536", "fd00::5:8333", "x:-1"]
)
def test_no_door_is_made_of_nonsense(tmp_path: Path, text: str) -> None:
    (tmp_path / SETTINGS).write_text(f'door = "{text}"\n')
    with pytest.raises(StorageFault) as caught:
        load(tmp_path)
    assert caught.value.details["key"] == "door"
