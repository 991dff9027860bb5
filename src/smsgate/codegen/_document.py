"""OpenAPI documents: bounded loading, and nodes with their JSON pointers."""

from __future__ import annotations

import base64
import re
import threading
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.error import URLError
from urllib.parse import unquote, urlsplit

from ._parsing import escape_key, parse
from ._tools import GenerationError

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

_MAX_BYTES = 32 * 1024 * 1024
_MAX_SECONDS = 30.0
_PIECE = 64 * 1024
_CONVERT = "Swagger 2.0 is not supported; convert it first, such as with `npx swagger2openapi`"


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
        """Tell whether the value is an object."""
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
        return {key: Node(self.root, f"{self.pointer}/{escape_key(key)}", value) for key, value in entries.items()}

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
        if not reference.startswith("#/"):
            raise self.error(f"reference {reference!r} is no JSON pointer")
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
    document = parse(_fetch(source), strip_credentials(source))
    check_version(document)
    return document


def check_version(document: Json) -> None:
    """Reject documents of other versions.

    Raises:
        GenerationError: it is neither OpenAPI 3.0 nor 3.1.
    """
    if "swagger" in document:
        raise GenerationError(f"/swagger: {_CONVERT}")
    version = document.get("openapi")
    if not isinstance(version, str) or not re.fullmatch(r"3\.[01]\.\d+(-.*)?", version):
        raise GenerationError("/openapi: must be a version 3.0 or 3.1 of OpenAPI")


def strip_credentials(source: str) -> str:
    """Return a source as messages may show it: a URL without credentials and query."""
    if "://" not in source:
        return source
    scheme, _, rest = source.partition("://")
    address = rest.partition("#")[0].partition("?")[0]
    return f"{scheme}://{address.rpartition('@')[2]}"  # a password may hold any character


def read_file(path: str) -> bytes:
    """Read a file of up to 32 MiB.

    Raises:
        GenerationError: it cannot be read or is larger.
    """
    try:
        with Path(path).open("rb") as file:  # the size of a device or a pipe is unknown
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as problem:
        raise GenerationError(f"{path}: {getattr(problem, 'strerror', problem)}") from None
    if len(content) > _MAX_BYTES:
        raise GenerationError(f"{path}: larger than {_MAX_BYTES} bytes")
    return content


def _fetch(source: str) -> bytes:
    if "://" not in source:
        return read_file(source)
    if source.partition("://")[0].lower() not in {"http", "https"}:
        raise GenerationError(f"{strip_credentials(source)}: only http and https URLs are read")
    results: list[bytes | GenerationError] = []
    # a thread, because a server that trickles its headers meets no timeout of a socket
    thread = threading.Thread(target=lambda: results.append(_download(source)), daemon=True)
    thread.start()
    thread.join(_MAX_SECONDS)
    if not results:
        raise GenerationError(f"{strip_credentials(source)}: took longer than {_MAX_SECONDS:.0f} seconds")
    if isinstance(results[0], GenerationError):
        raise results[0]
    return results[0]


def _download(source: str) -> bytes | GenerationError:
    try:
        return b"".join(_pieces(source))
    except GenerationError as problem:
        return problem
    except (OSError, ValueError, HTTPException) as problem:  # its text may quote the URL
        reason = problem.reason if isinstance(problem, URLError) else type(problem).__name__
        return GenerationError(f"{strip_credentials(source)}: cannot be downloaded ({reason})")


def _request(source: str) -> urllib.request.Request:
    """Return the request for a URL, whose credentials go into a header that redirects do not repeat."""
    parts = urlsplit(source)
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    )
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    return request


def _pieces(source: str) -> Iterator[bytes]:
    left = _MAX_BYTES
    with urllib.request.urlopen(_request(source), timeout=_MAX_SECONDS) as response:  # noqa: S310 - the scheme was checked
        while piece := response.read1(_PIECE):
            left -= len(piece)
            if left < 0:
                raise GenerationError(f"{strip_credentials(source)}: larger than {_MAX_BYTES} bytes")
            yield piece
