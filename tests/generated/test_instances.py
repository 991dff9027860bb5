"""Generated instances of every model: what the document allows can be built, and survives a round trip."""

import json
from datetime import datetime, timedelta, timezone
from enum import Enum
from inspect import isclass
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

from smsgate.runtime.types import Model, encode
from smsgate_api import events, models

MODELS = sorted(
    {
        kind
        for module in (models, events)
        for name in module.__all__
        if isclass(kind := getattr(module, name)) and issubclass(kind, Model)
    },
    key=lambda kind: kind.__name__,
)
TIMES = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - as above
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda item: st.lists(item, max_size=3),
    max_leaves=5,
)


def values(kind, limits=()):
    """A strategy for the values of an annotation."""
    if isinstance(kind, TypeAliasType):
        return values(kind.__value__, limits)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return values(parts[0], (*limits, *flat(parts[1:])))
    if origin is None:
        return plain_values(kind, limits)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is list:
        return st.lists(values(parts[0]), min_size=limit(limits, "min_length", 0), max_size=3)
    if origin is dict:
        return st.dictionaries(TEXTS, values(parts[1]), max_size=3)
    return st.one_of([values(part, limits) for part in parts])


def plain_values(kind, limits):
    simple = {NoneType: st.none(), datetime: TIMES, Any: JSON, bool: st.booleans()}
    if kind in simple:
        return simple[kind]
    if issubclass(kind, Model):
        return instances(kind)
    if issubclass(kind, Enum):
        others = st.integers(-(2**31), 2**31) if issubclass(kind, int) else TEXTS.filter(str.strip)
        return st.sampled_from(list(kind)) | others.map(kind)
    if kind is int:
        return st.integers(limit(limits, "ge", -(2**63)), limit(limits, "le", 2**63 - 1))
    shortest = limit(limits, "min_length", 0)
    longest = min(limit(limits, "max_length", 20), shortest + 20)
    return st.text(st.characters(codec="utf-8"), min_size=shortest, max_size=longest)


def flat(metadata):
    return [part for item in metadata for part in (item.metadata if isinstance(item, FieldInfo) else [item])]


def limit(limits, name, otherwise):
    return next((getattr(each, name) for each in limits if hasattr(each, name)), otherwise)


def fields(kind):
    required = {n: values(f.annotation, f.metadata) for n, f in kind.model_fields.items() if f.is_required()}
    optional = {n: values(f.annotation, f.metadata) for n, f in kind.model_fields.items() if not f.is_required()}
    return st.fixed_dictionaries(required, optional=optional)


def instances(kind):
    return fields(kind).map(lambda found: built(kind, found)).filter(lambda found: found is not None)


def built(kind, found):
    """The model; None where a hand-written rule rejects the values."""
    try:
        return kind(**found)
    except ValidationError as error:
        problems = {problem["type"] for problem in error.errors()}
        assert kind.also_checked, f"the document allows what the constructor rejects: {problems}"
        return None


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_instance_survives_a_round_trip(kind):
    @settings(max_examples=200, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(instances(kind))
    def check(instance):
        assert kind.model_validate_json(instance.model_dump_json()) == instance
        assert kind.from_dict(instance.asdict()) == instance

    check()


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind.also_checked], ids=lambda kind: kind.__name__)
def test_schema_states_the_rules_that_the_document_does_not(kind):
    assert kind.model_json_schema()["description"].endswith(f"Also checked: {kind.also_checked}")


def test_times_are_kept_to_the_microsecond_and_sent_with_milliseconds():
    moment = datetime(2026, 9, 1, 10, 20, 30, 123456, tzinfo=timezone.utc)
    text = models.TextMessage(text="Hi")
    message = models.Message(phone_numbers=["+15550100001"], text_message=text, schedule_at=moment)

    assert models.Message.model_validate_json(message.model_dump_json()).schedule_at == moment
    assert json.loads(encode(message))["scheduleAt"] == "2026-09-01T10:20:30.123Z"
