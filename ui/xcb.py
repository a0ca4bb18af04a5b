"""The little of the X11 protocol that giving keys back needs: send an event, and what a key means here."""

from __future__ import annotations

import ctypes
import ctypes.util
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_uint8, c_uint16, c_uint32, c_void_p

_FIRST_KEY = 8
_MAPPING_NOTIFY = 34
_SHIFT, _LOCK, _NUM, _ALT_GR = 0x01, 0x02, 0x10, 0x80
_KEYPAD = range(0xFF80, 0xFFC0)
_DEAD = dict(zip((0xFE50, 0xFE51, 0xFE52, 0xFE53, 0xFE57, 0xFE5B), "`´^~¨¸", strict=True))


class _Cookie(Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


class _Mapping(Structure):
    _fields_ = (
        ("response_type", c_uint8),
        ("keysyms_per_keycode", c_uint8),
        ("sequence", c_uint16),
        ("length", c_uint32),
        ("pad", c_uint8 * 24),
    )


class Server:
    """A connection of our own to the X server that this program's windows are on.

    Of its own, so that an event for a window that has just closed is no error of Qt's. Raises OSError
    where libxcb cannot be loaded or the server not be reached.
    """

    def __init__(self) -> None:
        self._xcb = xcb = ctypes.CDLL("libxcb.so.1")
        xcb.xcb_connect.restype = c_void_p
        xcb.xcb_connect.argtypes = [c_char_p, POINTER(c_int)]
        xcb.xcb_connection_has_error.argtypes = [c_void_p]
        xcb.xcb_send_event.restype = _Cookie
        xcb.xcb_send_event.argtypes = [c_void_p, c_uint8, c_uint32, c_uint32, c_char_p]
        xcb.xcb_flush.argtypes = [c_void_p]
        xcb.xcb_poll_for_event.restype = c_void_p
        xcb.xcb_poll_for_event.argtypes = [c_void_p]
        xcb.xcb_get_keyboard_mapping.restype = _Cookie
        xcb.xcb_get_keyboard_mapping.argtypes = [c_void_p, c_uint8, c_uint8]
        xcb.xcb_get_keyboard_mapping_reply.restype = POINTER(_Mapping)
        xcb.xcb_get_keyboard_mapping_reply.argtypes = [c_void_p, _Cookie, c_void_p]
        xcb.xcb_get_keyboard_mapping_keysyms.restype = POINTER(c_uint32)
        xcb.xcb_get_keyboard_mapping_keysyms.argtypes = [POINTER(_Mapping)]
        xcb.xcb_disconnect.argtypes = [c_void_p]
        self._free = ctypes.CDLL(None).free
        self._free.argtypes = [c_void_p]
        self._to_utf32 = ctypes.CDLL("libxkbcommon.so.0").xkb_keysym_to_utf32
        self._to_utf32.argtypes = [c_uint32]
        self._to_utf32.restype = c_uint32
        screen = c_int()
        self._connection = xcb.xcb_connect(None, byref(screen))
        if xcb.xcb_connection_has_error(self._connection):
            raise OSError("the X server cannot be reached")
        self._mapping: dict[int, tuple[int, ...]] = {}

    def send(self, event: bytes) -> None:
        """Send a key event, 32 bytes as the server made it, to its window once more."""
        self._xcb.xcb_send_event(self._connection, 0, int.from_bytes(event[12:16], "little"), 0, event)
        self._xcb.xcb_flush(self._connection)
        self._read_news()

    def text(self, keycode: int, state: int) -> str:
        """What a key gives in the host's layout of now, without input methods; dead keys give their sign."""
        self._read_news()
        symbols = self._symbols().get(keycode, ())
        group = 2 if state >> 13 & 1 and len(symbols) > 3 else 0
        level = bool(state & _SHIFT)
        if len(symbols) > 1 and symbols[1] in _KEYPAD:
            level ^= bool(state & _NUM)
        if state & _ALT_GR and len(symbols) > 4:
            group = 4
        at = group + level
        symbol = symbols[at] if at < len(symbols) else 0
        number = self._to_utf32(symbol)
        text = _DEAD.get(symbol) or (chr(number) if number >= 0x20 else "")
        if state & _LOCK and text.isalpha() and len(text.swapcase()) == 1:
            text = text.swapcase()
        return text

    def _read_news(self) -> None:
        """Errors, which are nobody's, and MappingNotify.

        Qt's connection has asked for XKB's events and so gets no MappingNotify any more; this one has
        not, and is told of every new layout, and of a keyboard with a layout of its own.
        """
        while found := self._xcb.xcb_poll_for_event(self._connection):
            if ctypes.cast(found, POINTER(c_uint8))[0] & 0x7F == _MAPPING_NOTIFY:
                self._mapping = {}
            self._free(found)

    def _symbols(self) -> dict[int, tuple[int, ...]]:
        if not self._mapping:
            cookie = self._xcb.xcb_get_keyboard_mapping(self._connection, _FIRST_KEY, 256 - _FIRST_KEY)
            reply = self._xcb.xcb_get_keyboard_mapping_reply(self._connection, cookie, None)
            if not reply:
                return {}
            symbols = self._xcb.xcb_get_keyboard_mapping_keysyms(reply)
            wide = reply.contents.keysyms_per_keycode
            self._mapping = {
                _FIRST_KEY + at: tuple(symbols[at * wide : (at + 1) * wide]) for at in range(256 - _FIRST_KEY)
            }
            self._free(reply)
        return self._mapping

    def close(self) -> None:
        """Leave the server."""
        self._xcb.xcb_disconnect(self._connection)
