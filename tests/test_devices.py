"""Profiles come back as they were kept, and a spoilt file stops nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from posapp.devices import FILE, Profiles
from posapp.domain.profiles import DeviceProfile, Dialect, Suffix

WEDGE = DeviceProfile(
    prefix='"\\~', suffix=Suffix.NONE, gap_ms=90, layout="de", caps=True, aim=True, gs="\x1d"
)
SERIAL = DeviceProfile(device="/dev/serial/by-id/ü-1", gs="", dialect=Dialect.ZEBRA)


def test_profiles_come_back_as_they_were_kept(tmp_path: Path) -> None:
    told: list[DeviceProfile] = []
    profiles = Profiles(tmp_path, told.append)
    profiles.keep(WEDGE)
    profiles.keep(SERIAL)
    again = Profiles(tmp_path)
    assert [again.find(WEDGE.device), again.find(SERIAL.device)] == [WEDGE, SERIAL]
    assert told == [WEDGE, SERIAL]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_later_profile_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    profiles.keep(WEDGE)
    profiles.keep(DeviceProfile())
    assert Profiles(tmp_path).find("wedge:") == DeviceProfile()


def test_without_a_folder_they_are_kept_in_memory() -> None:
    profiles = Profiles()
    assert profiles.find("wedge:") is None
    profiles.keep(WEDGE)
    assert profiles.find("wedge:") == WEDGE


@pytest.mark.parametrize(
    "text",
    [
        '["wedge:"]\ngap_ms = 900\n',
        '["wedge:"]\ngap_ms = "35"\n',
        '["wedge:"]\nhovercraft = 1\n',
        '["wedge:"]\nsuffix = "eels"\n',
        '"wedge:" = 3\n',
        "[",
    ],
)
def test_what_cannot_be_used_is_passed_over_with_a_word(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text(text)
    with caplog.at_level(logging.WARNING):
        assert Profiles(tmp_path).find("wedge:") is None
    assert FILE in caplog.text
