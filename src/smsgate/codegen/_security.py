"""Security requirements as the ``auth`` of an operation, and API keys as arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ._parameters import Argument, python_name

if TYPE_CHECKING:
    from ._document import Node

_BY_CLIENT = {"oauth2", "openIdConnect"}
_HTTP = {"basic", "bearer"}


@dataclass
class Security:
    """Credentials that an operation needs.

    Attributes:
        auth: client for the client's credentials, none for none, refresh for a refresh token.
        keys: API keys, by name and place (header, query or cookie).
    """

    auth: Literal["client", "none", "refresh"]
    keys: list[tuple[Node, str, str, str]] = field(default_factory=list["tuple[Node, str, str, str]"])

    def arguments(self, taken: set[str]) -> list[Argument]:
        """Return the arguments for the API keys; their names are added to ``taken``."""
        found: list[Argument] = []
        for node, scheme, place, wire in self.keys:
            name = python_name(scheme, taken)
            taken.add(name)
            text = node.text("description").strip() or f"API key of {scheme}."
            found.append(Argument(name, wire, place, "str", "write_text", True, False, text))
        return found


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
    return min(found, key=lambda each: (each.auth == "none", len(each.keys)))


def _choice(choice: Node, root: Node, refresh_scheme: str) -> Security | None:
    security = Security("none")
    for name, node in choice.members().items():
        scheme = _scheme(node, root, name)
        kind = scheme.text("type")
        if name == refresh_scheme:
            security.auth = "refresh"
        elif kind == "apiKey":
            place, wire = scheme.text("in"), scheme.text("name")
            if place not in {"header", "query", "cookie"} or not wire:
                raise scheme.error("an API key needs a name, and header, query or cookie as its place")
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
