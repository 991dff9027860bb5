"""OpenAPI documents: bounded loading, and nodes with their JSON pointers."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.error import URLError
from urllib.parse import unquote, urlsplit

import yaml

from ._tools import GenerationError

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

_MAX_BYTES = 32 * 1024 * 1024
_MAX_SECONDS = 30.0
_MAX_VALUES = 2_000_000
"""Values of a document with YAML aliases written out: a small file can name billions."""
_MAX_DEPTH = 200
_PIECE = 64 * 1024
_CONVERT = "Swagger 2.0 is not supported; convert it first, such as with `npx swagger2openapi`"


class _Loader(yaml.SafeLoader):
    """YAML as JSON: times stay text, and only ``true`` and ``false`` are truth values."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:merge"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false|True|False"), list("tTfF"))  # pyright: ignore[reportUnknownMemberType]


@dataclass(frozen=True)
class Node:
    """A value of a document.

    Attributes:
        root: the whole document.
        pointer: JSON pointer of the value.
        value: the value itself.
    """

    root: Json
    pointer: str
    value: Any

    @property
    def is_object(self) -> bool:
        """Whether the value is an object."""
        return isinstance(self.value, dict)

    def error(self, reason: str) -> GenerationError:
        """Return the error that this value cannot be used."""
        return GenerationError(f"{self.pointer or '/'}: {reason}")

    def members(self) -> dict[str, Node]:
        """Return the members of an object.

        Raises:
            GenerationError: it is no object.
        """
        if not self.is_object:
            raise self.error("must be an object")
        entries: Json = self.value
        return {key: Node(self.root, f"{self.pointer}/{_escape_key(key)}", value) for key, value in entries.items()}

    def items(self) -> list[Node]:
        """Return the items of a list.

        Raises:
            GenerationError: it is no list.
        """
        values: Any = self.value
        if not isinstance(values, list):
            raise self.error("must be a list")
        listed: list[Any] = cast("Any", values)
        return [Node(self.root, f"{self.pointer}/{place}", item) for place, item in enumerate(listed)]

    def get(self, name: str) -> Node | None:
        """Return a member of an object, None where it has none of that name."""
        return self.members().get(name)

    def text(self, name: str) -> str:
        """Return a member that is text; "" where there is none.

        Raises:
            GenerationError: it is something else.
        """
        found = self.get(name)
        if found is None:
            return ""
        if not isinstance(found.value, str):
            raise found.error("must be text")
        return found.value

    def flag(self, name: str) -> bool:
        """Return a member that is true or false; False where there is none."""
        found = self.get(name)
        if found is not None and not isinstance(found.value, bool):
            raise found.error("must be true or false")
        return found is not None and found.value

    def resolve(self) -> Node:
        """Follow references within the document.

        Raises:
            GenerationError: a reference leads nowhere, in circles or out of the document.
        """
        here, seen = self, set[str]()
        while here.is_object and "$ref" in here.value:
            target = here.text("$ref")
            if target in seen:
                raise here.error("the reference leads in a circle")
            seen.add(target)
            here = here.target(target)
        return here

    def target(self, reference: str) -> Node:
        """Return the direct target of a reference."""
        if not reference.startswith("#"):
            raise self.error(f"reference {reference!r} leaves the document; bundle it first")
        here = Node(self.root, "", self.root)
        for step in reference[1:].split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            children = here.members() if here.is_object else {}
            if isinstance(here.value, list) and key.isdecimal():
                children = {str(place): item for place, item in enumerate(here.items())}
            if key not in children:
                raise self.error(f"reference {reference!r} leads nowhere")
            here = children[key]
        return here


def read_document(source: str) -> Json:
    """Read an OpenAPI 3.0 or 3.1 document.

    Args:
        source: path or http(s) URL of JSON or YAML, up to 32 MiB, which a server has 30 seconds to deliver.

    Raises:
        GenerationError: it cannot be read or is of another version.
    """
    document = parse(_fetch(source), shown(source))
    if "swagger" in document:
        raise GenerationError(f"/swagger: {_CONVERT}")
    version = document.get("openapi")
    if not isinstance(version, str) or not re.fullmatch(r"3\.[01]\.\d+(-.*)?", version):
        raise GenerationError("/openapi: must be a version 3.0 or 3.1 of OpenAPI")
    return document


def parse(content: bytes, name: str) -> Json:
    """Parse JSON or YAML.

    Raises:
        GenerationError: it is neither, no object, too large, or nested too deeply.
    """
    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)  # noqa: S506 - a safe one
    except (ValueError, yaml.YAMLError, RecursionError) as problem:
        first = str(problem).replace("\n", " ")[:300]
        raise GenerationError(f"{name}: neither JSON nor YAML: {first}") from None
    if not isinstance(document, dict):
        raise GenerationError(f"{name}: must be an object")
    budget = [_MAX_VALUES]
    return cast("Json", _as_json(document, budget, name, 0))


def shown(source: str) -> str:
    """Return a source as messages may show it: a URL without credentials and query."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _as_json(value: Any, budget: list[int], name: str, depth: int) -> Any:
    """Copy a value with text as keys, as JSON has them: YAML reads the status 200 as a number."""
    budget[0] -= 1
    if budget[0] < 0 or depth > _MAX_DEPTH:
        raise GenerationError(f"{name}: too large or nested too deeply")
    if isinstance(value, dict):
        entries: dict[Any, Any] = cast("Any", value)
        return {_key(key): _as_json(item, budget, name, depth + 1) for key, item in entries.items()}
    if isinstance(value, list):
        items: list[Any] = cast("Any", value)
        return [_as_json(item, budget, name, depth + 1) for item in items]
    if value is not None and not isinstance(value, str | int | float | bool):
        raise GenerationError(f"{name}: holds a {type(value).__name__}, which JSON has not")
    return value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _escape_key(key: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in key.replace("~", "~0").replace("/", "~1"))


def _fetch(source: str) -> bytes:
    if "://" not in source:
        path = Path(source)
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise GenerationError(f"{source}: larger than {_MAX_BYTES} bytes")
            return path.read_bytes()
        except OSError as problem:
            raise GenerationError(f"{source}: {problem.strerror}") from None
    if urlsplit(source).scheme not in {"http", "https"}:
        raise GenerationError(f"{shown(source)}: only http and https URLs are read")
    try:
        return b"".join(_download(source))
    except (OSError, ValueError) as problem:  # its text may quote the URL
        reason = problem.reason if isinstance(problem, URLError) else type(problem).__name__
        raise GenerationError(f"{shown(source)}: cannot be downloaded ({reason})") from None


def _download(source: str) -> Iterator[bytes]:
    deadline, left = time.monotonic() + _MAX_SECONDS, _MAX_BYTES
    with urllib.request.urlopen(source, timeout=_MAX_SECONDS) as response:  # noqa: S310 - the scheme was checked
        while piece := response.read1(_PIECE):
            left -= len(piece)
            if left < 0:
                raise GenerationError(f"{shown(source)}: larger than {_MAX_BYTES} bytes")
            if time.monotonic() > deadline:
                raise GenerationError(f"{shown(source)}: took longer than {_MAX_SECONDS:.0f} seconds")
            yield piece
