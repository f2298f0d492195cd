"""The XML of AWS answers: read without trusting it, looked into, and written again where changed.

Read by expat, which expands nothing here: a document type (and so every entity of one) is refused, and so is depth.
"""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, TreeBuilder
from xml.parsers import expat

from harness.wire.aws import UnreadableCallError

DEEPEST = 16
_DECLARATION = b"<?xml version='1.0' encoding='utf-8'?>\n"
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


class _Reader:
    """What expat calls back."""

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._depth = 0
        self.data = self._tree.data
        self.close = self._tree.close

    def start(self, tag: str, fields: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            reason = f"XML that is more than {DEEPEST} elements deep"
            raise UnreadableCallError(reason)
        self._tree.start(tag, fields)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._tree.end(tag)

    @staticmethod
    def refuse(*_: object) -> None:
        reason = "XML with a document type, which no answer of AWS has"
        raise UnreadableCallError(reason)


def read(document: bytes) -> Element:
    """Return the root of a document; names of elements are as they are written. Raises UnreadableCallError."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(document, True)  # noqa: FBT003 (expat names no arguments)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, UnreadableCallError):
            raise
        reason = f"not XML: {error}"
        raise UnreadableCallError(reason) from error
    root = reader.close()
    assert isinstance(root, Element)  # noqa: S101 (expat raises for a document without a root)
    return root


def written(root: Element) -> bytes:
    """Return a document of this root; what a parser would change in texts (a carriage return) is escaped."""
    return _DECLARATION + _written(root).encode("utf-8", "surrogatepass")


def _written(one: Element) -> str:
    fields = "".join(f' {name}="{value.translate(_ESCAPED)}"' for name, value in one.attrib.items())
    inner = (one.text or "").translate(_ESCAPED) + "".join(_written(each) for each in one)
    whole = f"<{one.tag}{fields}>{inner}</{one.tag}>" if inner else f"<{one.tag}{fields}/>"
    return whole + (one.tail or "").translate(_ESCAPED)


def built(tag: str, members: Mapping[str, object]) -> Element:
    """Return an element with these members: texts, or members again."""
    made = Element(tag)
    for name, value in members.items():
        if isinstance(value, Mapping):
            made.append(built(name, value))
        else:
            SubElement(made, name).text = str(value)
    return made


def put(parent: Element, name: str, value: str | None) -> None:
    """Set the text of a member, which is made or taken away."""
    found = parent.find(name)
    if value is None:
        if found is not None:
            parent.remove(found)
        return
    if found is None:
        found = SubElement(parent, name)
    found.text = value
