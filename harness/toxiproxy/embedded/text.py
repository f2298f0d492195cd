"""JSON as Go reads and writes it: the sentences of its errors, its numbers, its escapes. What fits which field is beside this."""

import json
import math
import re
import struct
from decimal import Decimal
from typing import NamedTuple, NoReturn

DEEPEST = 200
"""How deep values may lie in one another. Go stops at 10,000; nothing that a client of this API sends has more than 3."""

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_STRING_SO_FAR = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_ESCAPE_SO_FAR = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?")
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_MEANT = {"true": True, "false": False, "null": None}
_NAMED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\"}


class Number(NamedTuple):
    """A number as it was written: what fits is decided by the field it is for."""

    text: str


class Pairs(NamedTuple):
    """An object with its keys in the order they came, repeated ones too."""

    pairs: list[tuple[str, "Value"]]


Value = None | bool | str | Number | Pairs | list["Value"]


class TextError(Exception):
    """A body that is no JSON, or does not fit; the text is Go's."""


def read(body: bytes) -> Value:
    """Return the first JSON value of `body`; what comes after it is not looked at. Raises TextError."""
    reader = _Reader(body.decode("latin-1"))
    reader.skip()
    if reader.at_end():
        message = "EOF"
        raise TextError(message)
    return reader.value("looking for beginning of value", 0)


class _Reader:
    """The position in a text of bytes (each a character below 256, as Go shows them)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def skip(self) -> None:
        """Go to the next character that is no space."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def at_end(self) -> bool:
        return self._at >= len(self._text)

    def value(self, place: str, depth: int) -> Value:
        first = self._text[self._at : self._at + 1]
        if first in {"{", "["} and depth >= DEEPEST:
            self._wrong("exceeded max depth")
        if first == "{":
            return Pairs(self._object(depth + 1))
        if first == "[":
            return self._array(depth + 1)
        if first == '"':
            return self._string()
        if first in _LITERALS:
            return self._literal(_LITERALS[first])
        if first != "-" and not "0" <= first <= "9":
            self._wrong(place)
        return self._number()

    def _object(self, depth: int) -> list[tuple[str, Value]]:
        found: list[tuple[str, Value]] = []
        self._step()
        while self._text[self._at : self._at + 1] != "}" or found:
            if self._text[self._at : self._at + 1] != '"':
                self._wrong("looking for beginning of object key string")
            key = self._string()
            self.skip()
            self._past(":", "after object key")
            found.append((key, self.value("looking for beginning of value", depth)))
            self.skip()
            if self._text[self._at : self._at + 1] == "}":
                break
            self._past(",", "after object key:value pair")
        self._at += 1
        return found

    def _array(self, depth: int) -> list[Value]:
        found: list[Value] = []
        self._step()
        while self._text[self._at : self._at + 1] != "]" or found:
            found.append(self.value("looking for beginning of value", depth))
            self.skip()
            if self._text[self._at : self._at + 1] == "]":
                break
            self._past(",", "after array element")
        self._at += 1
        return found

    def _step(self) -> None:
        self._at += 1
        self.skip()

    def _past(self, wanted: str, place: str) -> None:
        if self._text[self._at : self._at + 1] != wanted:
            self._wrong(place)
        self._step()

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if found is None:
            self._wrong_string()
        self._at = found.end()
        text = str(json.loads(found.group().encode("latin-1").decode("utf-8", "replace")))
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _wrong_string(self) -> NoReturn:
        so_far = _STRING_SO_FAR.match(self._text, self._at)
        self._at = so_far.end() if so_far else self._at
        escape = _ESCAPE_SO_FAR.match(self._text, self._at)
        if escape is None:
            self._wrong("in string literal")
        self._at = escape.end()
        self._wrong("in string escape code" if escape.group() == "\\" else "in \\u hexadecimal character escape")

    def _literal(self, word: str) -> Value:
        for letter in word:
            if self._text[self._at : self._at + 1] != letter:
                self._wrong(f"in literal {word} (expecting {_quoted(letter)})")
            self._at += 1
        return _MEANT[word]

    def _number(self) -> Number:
        found = _NUMBER.match(self._text, self._at)
        _, whole, fraction, exponent = found.groups() if found else ("", None, None, None)
        begun = self._at
        if whole is None:
            self._at += 1
            self._wrong("in numeric literal")
        self._at += len(found.group()) if found else 0
        if fraction == ".":
            self._at -= len(exponent or "")
            self._wrong("after decimal point in numeric literal")
        if exponent is not None and not exponent[-1].isdigit():
            self._wrong("in exponent of numeric literal")
        return Number(self._text[begun : self._at])

    def _wrong(self, place: str) -> NoReturn:
        """Raise what is wrong at this position."""
        text = "unexpected EOF" if self.at_end() else f"invalid character {_quoted(self._text[self._at])} {place}"
        raise TextError(text)


def _quoted(character: str) -> str:
    if character == "'":
        return "'\\''"
    if character in _NAMED:
        return f"'{_NAMED[character]}'"
    if character.isprintable():
        return f"'{character}'"
    code = ord(character)
    return f"'\\x{code:02x}'" if code < 0x80 else f"'\\u{code:04x}'"  # noqa: PLR2004 (the end of ASCII)


def quoted(text: str) -> str:
    """Return a string as Go writes it, which has HTML in mind."""
    written = json.dumps(text, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def single(text: str) -> float | None:
    """Return the nearest number that 32 bits hold; None where it is too large for them."""
    try:
        found: float = struct.unpack("<f", struct.pack("<f", float(text)))[0]
    except OverflowError:
        return None
    return None if math.isinf(found) else found


def shortest(number: float) -> str:
    """Return a number of 32 bits in as few digits as tell it from its neighbours, as Go writes it into JSON."""
    near = next(near for digits in range(1, 10) if single(repr(near := float(f"{number:.{digits}g}"))) == number)
    if near and not 1e-6 <= abs(near) < 1e21:  # noqa: PLR2004 (where Go begins to write exponents)
        mantissa, _, exponent = f"{near:.9e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent):+d}"
    return f"{near:.0f}" if near.is_integer() else f"{Decimal(repr(near)):f}"
