"""Base types of generated packages: models, open enums, pages, operations, and the encoding of bodies.

Models that a user builds are checked strictly: unknown keywords, zone-less times and broken limits fail. Responses are
read tolerantly: unknown fields and enum values are kept. No error or repr made here carries a value of a message.
"""

from __future__ import annotations

import json
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticSerializationError, core_schema

from smsgate.runtime.building import (
    ModelSignature,
    check_names,
    convert_arguments,
    merge_positional,
    unknown_value_error,
)
from smsgate.runtime.descriptions import DescribedFields, add_descriptions, drop_access_warnings
from smsgate.runtime.enums import OpenIntEnum, OpenStrEnum
from smsgate.runtime.locks import ForkSafeLock
from smsgate.runtime.representation import Hidden, redact
from smsgate.runtime.times import BUILDING, Timestamp, wire_time
from smsgate.runtime.unknown_fields import enum_values, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema, InitErrorDetails
    from typing_extensions import Self

__all__ = [
    "BUILDING",
    "InvalidArgumentError",
    "InvalidItem",
    "Model",
    "OpenIntEnum",
    "OpenStrEnum",
    "Operation",
    "Page",
    "Readers",
    "Timestamp",
    "UnreadableError",
    "check_finite",
    "encode",
    "schema_lock",
    "select_reader",
    "wire_time",
]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

schema_lock: ForkSafeLock = ForkSafeLock()


class UnreadableError(ValueError):
    """A response that cannot be understood; the text names the field, never a value.

    Attributes:
        what: name of the model that was expected.
        location: dotted wire path of the field, "" for the whole document.
        reason: error type of pydantic, or of ours, such as ``missing`` or ``json_invalid``.
    """

    def __init__(self, what: str, location: str, reason: str) -> None:
        super().__init__(f"cannot read {what}: {location or 'the document'} ({reason})")
        self.what = what
        self.location = location
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnreadableError], tuple[str, str, str]]:
        return type(self), (self.what, self.location, self.reason)


class InvalidArgumentError(ValueError):
    """An argument that a request cannot carry: an empty or path-like id, a time without zone."""


@dataclass(frozen=True)
class InvalidItem:
    """An item of a list response that could not be read even after repairs.

    Attributes:
        raw: the item as parsed JSON (hidden in repr).
        reason: field and kind of the first problem, without values.
        index: its index in the response, counted from 0; None when unknown.
    """

    raw: Any = field(repr=False)
    reason: str
    index: int | None = None


class Page(list[T]):
    """The items of a list response, with the server's facts about the whole list.

    Attributes:
        total: number of items matching the filter (``X-Total-Count``); None if the server did not send it.
        limit: the requested page size, None if there was none.
        offset: the requested number of items to skip.
        invalid: items that could not be read.
    """

    total: int | None = None
    limit: int | None = None
    offset: int | None = None
    invalid: list[InvalidItem]

    def __init__(
        self,
        items: list[T] | tuple[T, ...] = (),
        *,
        total: int | None = None,
        limit: int | None = None,
        offset: int | None = None,
        invalid: list[InvalidItem] | None = None,
    ) -> None:
        super().__init__(items)
        self.total = total
        self.limit = limit
        self.offset = offset
        self.invalid = [] if invalid is None else invalid

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate the items as in a list: web frameworks take ``Page[Message]`` as the type of a response."""
        (item,) = get_args(source) or (Any,)
        items = core_schema.list_schema(handler.generate_schema(item))
        return core_schema.no_info_wrap_validator_function(cls._validate, items)

    @classmethod
    def _validate(cls, value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Self:
        items: list[T] = read(value)
        if not isinstance(value, Page):
            return cls(items)
        page = cast("Page[T]", value)
        return cls(items, total=page.total, limit=page.limit, offset=page.offset, invalid=page.invalid)


Readers: TypeAlias = "Mapping[str, Callable[[int, Mapping[str, str], bytes], Any]]"
"""Readers of responses by status, its class such as ``4XX``, or ``default``."""


@dataclass(slots=True, eq=False, repr=False)
class Operation(Generic[T_co]):
    """A request of the API as a value, with the reader of its response. Immutable by convention.

    Attributes:
        name: operation id, such as ``send_message``.
        method: HTTP method in capitals.
        path: percent-encoded, begins with ``/``, relative to the base URL.
        query: percent-encoded, without ``?``; empty when there is none.
        content: body, None for no body.
        content_type: media type of the body.
        headers: additional headers, such as those of an API key.
        errors: readers of documented error bodies by status, its class such as ``4XX``, or ``default``.
        auth: ``client`` for the client's credentials, ``none`` for none, ``refresh`` for ``token`` as the bearer.
        token: the refresh token, only with ``auth == "refresh"``.
        repeat: whether it may be sent again after an unknown outcome. ``safe``: yes; ``settle``: only after a lookup;
            ``never``.
        scope: scope that a JWT needs, None when none.
        also_success: other statuses than 2xx that are a success if their body can be read.
        parse: reads status, headers and body into the result; raises UnreadableError.
    """

    name: str
    method: str
    path: str
    parse: Callable[[int, Mapping[str, str], bytes], T_co]
    _: KW_ONLY
    query: str = ""
    content: bytes | None = None
    auth: Literal["client", "none", "refresh"] = "client"
    token: str | None = None
    repeat: Literal["safe", "settle", "never"] = "never"
    scope: str | None = None
    also_success: tuple[int, ...] = ()
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    errors: Readers = field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        return f"<Operation {self.name} {self.method}>"

    def read_error(self, status: int, headers: Mapping[str, str], content: bytes) -> Any:
        """Return the documented body of an error status, None where it has none or cannot be read."""
        reader = select_reader(self.errors, status)
        try:
            return None if reader is None else reader(status, headers, content)
        except UnreadableError:
            return None


def select_reader(readers: Readers, status: int) -> Callable[[int, Mapping[str, str], bytes], Any] | None:
    """Return the reader of a status: its own, that of its class such as ``4XX``, or the default."""
    return readers.get(f"{status:d}") or readers.get(f"{status // 100}XX") or readers.get("default")


class Model(BaseModel):
    """Base of all models: frozen, snake_case names, camelCase on the wire, strict to build, tolerant to read."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="allow",  # what a newer server sends survives parse, copy and dump; __init__ forbids it at run time
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
        ser_json_inf_nan="constants",  # null would lose them; no request can hold them
        protected_namespaces=(),
    )

    keeps_null: ClassVar[bool] = False
    """Whether an explicit None is written as null (settings: "reset") instead of being left out."""

    is_sent_back: ClassVar[bool] = False
    """Whether programs read, change and send it back, so that unknown fields of a response are allowed in requests."""

    none_is_absent: ClassVar[frozenset[str]] = frozenset()
    """Fields for which None means unset in the constructor, as in programs written for the official client."""

    also_checked: ClassVar[str] = ""
    """Rules that the constructor checks and the document does not state, as sentences for the JSON schema."""

    positional: ClassVar[str | None] = None
    """The one field that the constructor takes by position."""

    repr_formats: ClassVar[Mapping[str, Callable[[str], str]]] = {}
    """Text fields that the repr shows, with the function that formats each."""

    if not TYPE_CHECKING:  # type checkers make the signature from the fields
        __signature__ = ModelSignature()
        model_fields = DescribedFields()

        def __init__(self, /, *values: Any, **data: Any) -> None:
            if values:
                data = merge_positional(type(self), self.positional, values, data)
            build = self.__pydantic_validator__.validate_python
            try:
                build(data, self_instance=self, strict=True, extra="forbid", context=BUILDING)
            except ValidationError:
                pass  # an error, None for an absent value, or values to convert
            else:
                return
            check_names(type(self), data)
            data = {k: v for k, v in data.items() if v is not None or k not in self.none_is_absent}
            build(
                convert_arguments(type(self), data), self_instance=self, strict=True, extra="forbid", context=BUILDING
            )

        __init__.__pydantic_base_init__ = True  # else every parse would come through __init__

        @classmethod
        def model_rebuild(cls, *, _parent_namespace_depth: int = 2, **options: Any) -> bool | None:
            """Finish the deferred schema, one thread at a time (first use may come from many at once)."""
            with schema_lock:
                done = super().model_rebuild(_parent_namespace_depth=_parent_namespace_depth + 1, **options)
                if "__signature__" in cls.__dict__ and cls is not Model:
                    del cls.__signature__  # pydantic's own, by wire names; ours is inherited
                drop_access_warnings(cls)
                return done

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if cls.__pydantic_fields__:  # defers its own schema only: FastAPI expects its type adapters at once
            config = cls.model_config.copy()
            config["defer_build"] = False
            cls.model_config = config
            drop_access_warnings(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        described = handler(schema)
        add_descriptions(cls, handler.resolve_ref_schema(described), cls.also_checked)
        return described

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name in type(self).__pydantic_fields__:
            if name in self.__dict__:
                value = self.__dict__[name]
                show = self.repr_formats.get(name) if isinstance(value, str) else None
                yield name, redact(name, value) if show is None else show(value)
        for name in self.__pydantic_extra__ or ():
            yield name, Hidden()

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> Self:
        """Read parsed JSON (wire names), as tolerantly as a response; unknown fields are kept."""
        return cls.model_validate(payload)

    def asdict(self) -> dict[str, Any]:
        """Return a JSON-ready dict with wire names: defaults included, None left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def encode(model: Model, kind: type[Model] = Model) -> bytes:
    """Write a request body from the fields that are set; None is left out, or null where it means "reset".

    The result is checked once more by the rules for building, because ``model_copy`` and ``model_construct`` skip all
    rules and reading JSON most of them.

    Args:
        model: the body.
        kind: the expected model class.

    Raises:
        InvalidArgumentError: it is something else.
        pydantic.ValidationError: the model breaks its own rules.
    """
    if not isinstance(model, kind):
        raise InvalidArgumentError(f"the body must be of type {kind.__name__}")
    try:
        content = model.__pydantic_serializer__.to_json(
            model,
            by_alias=True,
            exclude_unset=True,
            exclude_none=not model.keeps_null,
            warnings=False,
            context=BUILDING,  # times that came without a zone are written without one, and fail below
        )
    except PydanticSerializationError:
        problem = PydanticCustomError("unserializable", "Value cannot be written as JSON")
        raise ValidationError.from_exception_data(
            type(model).__name__, [{"type": problem, "loc": (), "input": None}], "json", hide_input=True
        ) from None  # its text quotes the value
    if model.is_sent_back:
        _check_known(model)
    if model.is_sent_back or model.__pydantic_extra__ is not None:  # None after a constructor
        _check_values(model)
    extra: Literal["allow", "forbid"] = "allow" if model.is_sent_back else "forbid"
    model.__pydantic_validator__.validate_json(content, strict=True, context=BUILDING, extra=extra)
    check_finite(content)
    return content


def check_finite(content: bytes) -> None:
    """Reject a written body that holds a number that is not finite, which JSON has not.

    Raises:
        InvalidArgumentError: it holds one.
    """
    if b"NaN" in content or b"Infinity" in content:  # may also stand in a text
        json.loads(content, parse_constant=_reject_constant)


def _reject_constant(_text: str) -> None:
    raise InvalidArgumentError("the body holds a number that is not finite")


def _check_known(model: Model) -> None:
    """Reject unknown fields that did not come from a server, such as misspelt names."""
    unknown: list[InitErrorDetails] = [
        {"type": "extra_forbidden", "loc": path, "input": None} for path in unknown_fields(model)
    ]
    if unknown:
        raise ValidationError.from_exception_data(type(model).__name__, unknown, "json", hide_input=True)


def _check_values(model: Model) -> None:
    """Reject unknown values of enums in JSON of a program."""
    unknown: list[InitErrorDetails] = [
        {"type": error, "loc": path, "input": None}
        for path, value in enum_values(model)
        if (error := unknown_value_error(type(value), value.value)) is not None
    ]
    if unknown:
        raise ValidationError.from_exception_data(type(model).__name__, unknown, "json", hide_input=True)
