"""Templates of texts with fields such as ``{name}``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from smsgate.bulk._errors import TemplateError

_COLLECTIONS = (Mapping, list, tuple, set, bytes)


class MissingFieldError(Exception):
    """A row has no value for a field of the template."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class Template:
    """A text with fields.

    Attributes:
        text: as written.
        fields: names of the fields, each once.
        pieces: literal texts, each with the name of the field that follows it, or None.
    """

    text: str
    fields: tuple[str, ...]
    pieces: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template. ``{{`` and ``}}`` are braces; a field is a plain name, without attributes or formats.

        Raises:
            TemplateError: for anything else in braces, an empty text, and a value that is no text.
        """
        if not isinstance(text, str) or not text.strip():
            raise TemplateError("text takes the text of the messages, such as 'Hi {name}'")
        if not is_unicode(text):
            raise TemplateError("the text holds half a character: is it in the encoding of the terminal?")
        try:
            parsed = list(Formatter().parse(text))
        except ValueError as error:
            raise TemplateError(f"the template cannot be read: {error}; write {{{{ and }}}} for braces") from None
        pieces = tuple((literal, None if name is None else name.strip()) for literal, name, _, _ in parsed)
        for _, name, format_, conversion in parsed:
            if name is not None and (format_ or conversion or not _is_plain(name)):
                raise TemplateError(
                    f"the template's field {{{name}}} is no plain name; formats, attributes and indexes do not work"
                )
        fields = tuple(dict.fromkeys(name for _, name in pieces if name is not None))
        return cls(text, fields, pieces)

    def render(self, row: Mapping[str, object]) -> str:
        """Return the text for a row; values are inserted as they are.

        Raises:
            MissingFieldError: a value is absent, empty, a collection or NaN, which is pandas' empty cell.
        """
        parts: list[str] = []
        for literal, field in self.pieces:
            parts.append(literal)
            if field is not None:
                value = row.get(field)
                text = "" if value is None or isinstance(value, _COLLECTIONS) else str(value)
                if not text.strip() or (isinstance(value, float) and math.isnan(value)):
                    raise MissingFieldError(field)
                parts.append(text)
        return "".join(parts)


def is_unicode(text: str) -> bool:
    """Tell whether a text can be sent: arguments in another encoding and broken JSON hold lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_plain(name: str) -> bool:
    return bool(name.strip()) and not set(name) & set(".[]{}!:")
