"""Published API descriptions from files and URLs, parsed without validation."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import unquote

import yaml

from .download import DownloadError, download, is_url, shown_url

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonObject = dict[str, Any]

_LANGUAGES = re.compile(r"(2\.0|3\.\d+\.\d+)$")

_MOST_NODES = 1_000_000
"""A few lines of YAML whose aliases contain each other describe more values than fit into memory."""


def is_object(value: Any) -> TypeGuard[JsonObject]:
    """Return whether a piece of a document is an object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Return whether a piece of a document is a list."""
    return isinstance(value, list)


class _TooLargeError(Exception):
    pass


class DocumentError(Exception):
    """A document that cannot be read; the text is one line for the person at the terminal."""


@dataclass(frozen=True)
class Document:
    """One OpenAPI 3.x or Swagger 2 document."""

    source: str
    root: JsonObject = field(repr=False)
    readings: Iterator[int] = field(default_factory=lambda: count(1), repr=False, compare=False)

    @property
    def form(self) -> str:
        """Return `swagger` for version 2 and `openapi` for version 3."""
        return "swagger" if "swagger" in self.root else "openapi"

    @property
    def title(self) -> str:
        """Return what the document calls itself."""
        return str(self.info.get("title", ""))

    @property
    def version(self) -> str:
        """Return the version of the described API, not of the description language."""
        return str(self.info.get("version", ""))

    @property
    def info(self) -> JsonObject:
        """Return the block of title and version."""
        return self.mapping(self.root.get("info"), "info")

    @property
    def schemas(self) -> JsonObject:
        """Return the named schemas, wherever this version of the language keeps them."""
        if self.form == "swagger":
            return self.mapping(self.root.get("definitions"), "definitions")
        components = self.mapping(self.root.get("components"), "components")
        return self.mapping(components.get("schemas"), "components/schemas")

    def security_scheme(self, name: str) -> JsonObject:
        """Return the description of a way to authenticate; an empty one if nothing is said about it."""
        if self.form == "swagger":
            schemes = self.mapping(self.root.get("securityDefinitions"), "securityDefinitions")
        else:
            components = self.mapping(self.root.get("components"), "components")
            schemes = self.mapping(components.get("securitySchemes"), "components/securitySchemes")
        return self.follow(schemes.get(name), name)

    def reference(self, name: str) -> JsonObject:
        """Return a schema that refers to one of the named schemas."""
        return {"$ref": f"#/{'definitions' if self.form == 'swagger' else 'components/schemas'}/{name}"}

    def schema_name(self, value: JsonObject) -> str:
        """Return the name of the schema that a reference points to, else nothing."""
        name = str(value.get("$ref", "")).rsplit("/", 1)[-1]
        return name if name in self.schemas else ""

    def mapping(self, value: Any, where: str) -> JsonObject:
        """Return `value` as an object, an absent one as empty.

        Raises:
            DocumentError: something else stands there.
        """
        if value is None:
            return {}
        if not is_object(value):
            raise DocumentError(f"{self.source}: {where} is no object")
        return value

    def sequence(self, value: Any, where: str) -> list[Any]:
        """Return `value` as a list, an absent one as empty.

        Raises:
            DocumentError: something else stands there.
        """
        if value is None:
            return []
        if not is_list(value):
            raise DocumentError(f"{self.source}: {where} is no list")
        return value

    def follow(self, value: Any, where: str) -> JsonObject:
        """Return the object that `value` is or, through any number of references, points to.

        Raises:
            DocumentError: a reference leads nowhere, out of the document, or in a circle.
        """
        current = self.mapping(value, where)
        passed: set[str] = set()
        while "$ref" in current:
            reference = str(current["$ref"])
            if reference in passed:
                raise DocumentError(f"{self.source}: {reference} refers to itself")
            passed.add(reference)
            current = self.target(reference)
        return current

    def target(self, reference: str) -> JsonObject:
        """Return the object under a local reference such as `#/components/schemas/Message`.

        Raises:
            DocumentError: the reference leads nowhere or out of the document.
        """
        if not reference.startswith("#/"):
            raise DocumentError(f"{self.source}: {reference} leads out of the document")
        current: Any = self.root
        for part in reference[2:].split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if not is_object(current) or key not in current:
                raise DocumentError(f"{self.source}: {reference} leads nowhere")
            current = current[key]
        return self.mapping(current, reference)


def load(source: str) -> Document:
    """Read a document from a file or an http(s) URL, in JSON or YAML.

    Raises:
        DocumentError: it cannot be read, or is neither OpenAPI 3.x nor Swagger 2.
    """
    if is_url(source):
        url, source = source, shown_url(source)
        try:
            text = download(url)
        except DownloadError as error:
            raise DocumentError(f"{source}: {error}") from None
    else:
        text = _read(source)
    try:
        root = _with_text_keys(_parse(source, text), count(1))
    except _TooLargeError:
        raise DocumentError(f"{source}: more than {_MOST_NODES:,} values, counting every use of an alias") from None
    except RecursionError:
        raise DocumentError(f"{source}: nested too deeply") from None
    if not is_object(root) or not _LANGUAGES.match(str(root.get("openapi", root.get("swagger")))):
        raise DocumentError(f"{source}: neither an OpenAPI 3.x nor a Swagger 2 document")
    document = Document(source, root)
    if not document.mapping(root.get("paths"), "paths"):
        raise DocumentError(f"{source}: describes no paths")
    return document


def _read(source: str) -> str:
    try:
        return Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(f"{source}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{source}: not a text in UTF-8") from error


def _parse(source: str, text: str) -> Any:
    """JSON first: YAML readers are slow, and refuse the tabs that JSON allows."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(f"{source}: neither JSON nor YAML: {_one_line(error)}") from error


def _with_text_keys(value: Any, nodes: Iterator[int]) -> Any:
    """YAML reads an unquoted status such as 200 as a number."""
    if next(nodes) > _MOST_NODES:
        raise _TooLargeError
    if is_object(value):
        return {str(key): _with_text_keys(item, nodes) for key, item in value.items()}
    if is_list(value):
        return [_with_text_keys(item, nodes) for item in value]
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
