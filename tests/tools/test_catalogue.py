"""The catalogue's tool lets no wrong text through, and says so in words."""

import gettext
from pathlib import Path

import pytest

from tools import catalogue

CODE = '''
"""A module with texts."""
from posapp.texts import N_, _, ngettext
LATER = N_("Later")
def show(count: int) -> str:
    return _("Order {number}").format(number=1) + ngettext("{count} day", "{count} days", count)
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree with three texts, all of them translated."""
    for folder in catalogue.SOURCES:
        (tmp_path / folder).mkdir()
    (tmp_path / "posapp" / "shown.py").write_text(CODE, encoding="utf-8")
    catalogue.update(tmp_path, "de")
    translate(tmp_path, 'msgid "Later"\nmsgstr ""', 'msgid "Later"\nmsgstr "Später"')
    translate(tmp_path, 'number}"\nmsgstr ""', 'number}"\nmsgstr "Bestellung {number}"')
    translate(tmp_path, 'msgstr[0] ""', 'msgstr[0] "ein Tag"')
    translate(tmp_path, 'msgstr[1] ""', 'msgstr[1] "{count} Tage"')
    catalogue.update(tmp_path, "de")
    return tmp_path


def translate(root: Path, old: str, new: str) -> None:
    """Does what a translator does in an editor."""
    path = catalogue.po_path(root, "de")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def found(root: Path) -> list[str]:
    return list(catalogue.problems(root, "de"))


def test_a_complete_catalogue_speaks(tree: Path) -> None:
    # "ein Tag" names no number, and need not.
    assert found(tree) == []
    with catalogue.po_path(tree, "de").with_suffix(".mo").open("rb") as file:
        spoken = gettext.GNUTranslations(file)
    assert spoken.gettext("Later") == "Später"
    assert spoken.ngettext("{count} day", "{count} days", 2) == "{count} Tage"


def test_an_update_changes_nothing_that_is_up_to_date(tree: Path) -> None:
    path = catalogue.po_path(tree, "de")
    before = path.read_bytes(), path.with_suffix(".mo").read_bytes()
    catalogue.update(tree, "de")
    assert (path.read_bytes(), path.with_suffix(".mo").read_bytes()) == before


def test_no_line_numbers(tree: Path) -> None:
    assert "shown.py" not in catalogue.po_path(tree, "de").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('msgstr "Später"', 'msgstr ""', "not translated: 'Later'"),
        ('msgid "Later"', '#, fuzzy\nmsgid "Later"', "fuzzy: 'Later'"),
        ('msgid "Later"', 'msgid "Sooner"', "not in the catalogue: 'Later'"),
        ('msgid "Later"', 'msgid "Sooner"', "no code uses: 'Sooner'"),
        ('msgid "Later"\nmsgstr', '#~ msgid "Later"\n#~ msgstr', "obsolete: 'Later'"),
        ("Bestellung {number}", "Bestellung {nummer}", "other places to fill in: 'Order {number}'"),
        ("Bestellung {number}", "Bestellung {number", "other places to fill in: 'Order {number}'"),
        ("{count} Tage", "Tage", "other places to fill in: ('{count} day', '{count} days')"),
        ('"ein Tag"', '"ein {day}"', "other places to fill in: ('{count} day', '{count} days')"),
        ('"Später"', '"Nachher"', "posapp.mo is not what its .po says"),
    ],
)
def test_what_a_clerk_would_read_wrongly_is_found(tree: Path, old: str, new: str, says: str) -> None:
    translate(tree, old, new)
    assert any(says in line for line in found(tree)), found(tree)


def test_a_text_that_left_the_code_leaves_the_catalogue(tree: Path) -> None:
    code = tree / "posapp" / "shown.py"
    code.write_text(CODE.replace('N_("Later")', '""'), encoding="utf-8")
    assert any("no code uses: 'Later'" in line for line in found(tree))
    catalogue.update(tree, "de")
    assert found(tree) == []
    assert "Later" not in catalogue.po_path(tree, "de").read_text(encoding="utf-8")


def test_a_missing_catalogue_is_said(tmp_path: Path) -> None:
    assert found(tmp_path) == ["resources/translations/de/LC_MESSAGES/posapp.po is missing: make texts"]
