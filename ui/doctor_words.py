"""The scanner doctor's sentences: what is so, and what posapp or a person does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.domain.diagnosis import Found
from posapp.texts import N_, _

if TYPE_CHECKING:
    from posapp.domain.diagnosis import Finding
    from posapp.domain.samples import Heard

LAYOUTS = {
    "us": N_("US"),
    "de": N_("German"),
    "fr": N_("French"),
    "ch": N_("Swiss"),
    "gb": N_("British"),
    "": N_("unknown"),
}
_WORDS: dict[Found, tuple[str, str]] = {
    Found.KEYBOARD: (
        N_("The scanner types like a keyboard."),
        N_("posapp tells its keys from a person's."),
    ),
    Found.LINE: (
        N_("The scanner is on a line of its own: {what}"),
        N_("Nothing it reads can get into a field."),
    ),
    Found.HID_POS: (
        N_("The scanner is a device of its own: {what}"),
        N_("Nothing it reads can get into a field."),
    ),
    Found.NO_SUFFIX: (
        N_("The scanner ends a code with no key."),
        N_("posapp takes the code when the scanner falls silent."),
    ),
    Found.TAB_SUFFIX: (
        N_("The scanner ends each code with Tab."),
        N_("posapp takes the Tab as the end; the focus stays where it is."),
    ),
    Found.LINE_NO_END: (
        N_("The scanner sends nothing behind a code; only a pause ends it."),
        N_("posapp takes the code when the line falls silent. A carriage return (CR) as suffix is surer."),
    ),
    Found.LINE_END: (
        N_("The scanner ends each code with {what}."),
        N_("posapp takes it as the end."),
    ),
    Found.TWICE: (
        N_("The scanner presses Enter twice."),
        N_("posapp swallows the second Enter; it presses no button."),
    ),
    Found.CR_LF: (
        N_("The scanner ends each code with Enter and line feed."),
        N_("posapp takes both as one end."),
    ),
    Found.PREFIX_KEY: (
        N_("The scanner presses {what} before each code."),
        N_("posapp knows by this key that a scan begins, and keeps the key to itself."),
    ),
    Found.PREFIX_TEXT: (
        N_("The scanner sends “{what}” before each code."),
        N_("posapp takes it off."),
    ),
    Found.TAIL: (
        N_("The scanner sends “{what}” behind each code."),
        N_("Switch this off with the set-up codes in the scanner's manual."),
    ),
    Found.SLOW: (
        N_("The scanner is slow: {what} ms between two keys."),
        N_("posapp waits up to {more} ms for the next one. A prefix key, F13 for example, makes this surer."),
    ),
    Found.TOO_SLOW: (
        N_("The scanner is too slow: {what} ms between two keys, as a person types."),
        N_("Set it to a faster pace, or have it press F13 before each code."),
    ),
    Found.LAYOUTS_DIFFER: (
        N_(
            "The scanner believes in another keyboard ({what}) than this computer has ({more}): letters and signs change."
        ),
        N_("posapp reads the keys themselves, so codes arrive exactly. Nothing needs to be changed."),
    ),
    Found.DEAD_KEYS: (
        N_("On this computer some of its signs are accent keys: {what}"),
        N_("posapp takes them before they wait for a letter."),
    ),
    Found.CAPS_LOCK: (
        N_("Caps Lock is on: large and small letters are exchanged."),
        N_("Codes are read exactly all the same. Switch Caps Lock off for your own typing."),
    ),
    Found.CASE_TURNED: (
        N_("The scanner itself exchanges large and small letters."),
        N_("posapp turns them back."),
    ),
    Found.CASE_LOST: (
        N_("The scanner sends large and small letters as one."),
        N_("Pickup codes are read all the same; for others switch its case conversion off."),
    ),
    Found.NUM_LOCK: (
        N_("The scanner uses the number pad while Num Lock is off."),
        N_("posapp reads the keys as digits; the focus stays where it is."),
    ),
    Found.ALT_CODES: (
        N_("The scanner sends characters as numbers with Alt held."),
        N_("posapp puts them together again."),
    ),
    Found.SWALLOWED: (
        N_("Characters are lost on the way: {what}"),
        N_("Set the scanner to the US keyboard, or to serial mode, with the codes in its manual."),
    ),
    Found.AIM: (
        N_("The scanner says the kind of each code (AIM identifier)."),
        N_("posapp uses it to be surer."),
    ),
    Found.GS_REPLACED: (
        N_("The scanner sends “{what}” for the group separator of GS1 codes."),
        N_("posapp puts the separator back."),
    ),
    Found.GS_LOST: (
        N_("The scanner loses the group separator of GS1 codes."),
        N_("Lot and serial number cannot be told apart. Switch control characters on with its set-up codes."),
    ),
    Found.UNKNOWN: (
        N_("A reading was none of the three codes."),
        N_("Scan the code that is shown once more."),
    ),
}
_MOST = 60


def words(finding: Finding) -> tuple[str, str]:
    """What is so, and what is done about it, in the language in use."""
    what, more = shown(finding.what), shown(finding.more)
    if finding.found is Found.LAYOUTS_DIFFER:
        what, more = _(LAYOUTS[finding.what]), _(LAYOUTS[finding.more])
    so, done = _WORDS[finding.found]
    return _(so).format(what=what, more=more), _(done).format(what=what, more=more)


def shown(text: str) -> str:
    """A text with what cannot be printed by its number."""
    return "".join(c if c.isprintable() else f"<{ord(c):02X}>" for c in text[:_MOST])


def trace(heard: Heard) -> str:
    """A reading for support: every key or byte with its time; nothing of it is translated."""
    if not heard.keys:
        return f"{heard.device} {heard.source.value} {len(heard.raw)} B\n{heard.raw.hex(' ')}\n{heard.raw!r}"
    first = heard.keys[0].time_ms
    lines = [f"{heard.device} {heard.source.value} {len(heard.keys)} keys", "    ms  key  text"]
    for key in heard.keys:
        sign = "+" if key.down else "-"
        state = " ".join(
            name for name, on in (("ctrl", key.ctrl), ("alt", key.alt), ("repeat", key.repeat)) if on
        )
        after = (key.time_ms - first) % (1 << 32)
        lines.append(f"{after:6} {sign}{key.code:<4} {shown(key.text):4} {state}".rstrip())
    return "\n".join(lines)
