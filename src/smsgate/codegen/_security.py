"""Security requirements as the ``auth`` of an operation, and API keys as arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ._parameters import Argument, check_name, python_name, wire_name

if TYPE_CHECKING:
    from ._document import Node

_BY_CLIENT = {"oauth2", "openIdConnect"}
_HTTP = {"basic", "bearer"}
_PLACES = {"header": "header", "query": "query parameter", "cookie": "cookie"}


@dataclass
class Security:
    """Credentials that an operation needs.

    Attributes:
        auth: client for the client's credentials, none for none, refresh for a refresh token.
        keys: API keys, by name and place (header, query or cookie).
        is_optional: whether the call may be made without them, too.
    """

    auth: Literal["client", "none", "refresh"]
    is_optional: bool = False
    keys: list[tuple[Node, str, str, str]] = field(default_factory=list["tuple[Node, str, str, str]"])

    def add_arguments(self, arguments: list[Argument], taken: set[str]) -> list[Argument]:
        """Return the parameters with those for the API keys; a key that is also a parameter is listed once."""
        keys: list[Argument] = []
        for node, scheme, place, wire in self.keys:
            name = python_name(scheme, taken)
            taken.add(name)
            text = node.text("description").strip() or f"API key, sent as the {_PLACES[place]} {wire}."
            keys.append(
                Argument(name, wire_name(place, wire), place, "str", "write_text", not self.is_optional, False, text)
            )
        sent = {key.sent_as for key in keys}
        return [*(each for each in arguments if each.sent_as not in sent), *keys]


def read_security(operation: Node, root: Node, refresh_scheme: str) -> Security:
    """Return the credentials of an operation: the first alternative that the client has, otherwise API keys.

    Raises:
        GenerationError: no alternative is supported, or a scheme is not defined.
    """
    required = operation.get("security") or root.get("security")
    choices = required.items() if required is not None else []
    found = [each for choice in choices if (each := _choice(choice, root, refresh_scheme)) is not None]
    if not choices:
        return Security("none")
    if required is not None and not found:
        raise required.error("none of these security schemes is supported")
    chosen = min(found, key=lambda each: (each.auth == "none", each.auth == "none" and not each.keys, len(each.keys)))
    chosen.is_optional = any(each.auth == "none" and not each.keys for each in found)
    return chosen


def _choice(choice: Node, root: Node, refresh_scheme: str) -> Security | None:
    security = Security("none")
    for name, node in choice.members().items():
        scheme = _scheme(node, root, name)
        kind = scheme.text("type")
        if name == refresh_scheme:
            security.auth = "refresh"
        elif kind == "apiKey":
            place, wire = scheme.text("in"), scheme.text("name")
            if place not in _PLACES or not wire:
                raise scheme.error("an API key needs a name, and header, query or cookie as its place")
            check_name(scheme, place, wire)
            security.keys.append((scheme, name, place, wire))
        elif kind in _BY_CLIENT or (kind == "http" and scheme.text("scheme").lower() in _HTTP):
            security.auth = "client"
        else:
            return None
    return security


def _scheme(node: Node, root: Node, name: str) -> Node:
    components = root.get("components")
    schemes = components.get("securitySchemes") if components else None
    found = schemes.get(name) if schemes else None
    if found is None:
        raise node.error(f"security scheme {name!r} is not defined")
    return found.resolve()
