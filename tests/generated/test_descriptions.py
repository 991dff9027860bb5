"""Self-description of models: titles, descriptions, open enums, deprecations and signatures."""

import inspect
import subprocess
import sys
import warnings
from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter

from smsgate import APIClient
from smsgate.runtime.types import Model, OpenIntEnum, Page, encode
from smsgate_api import events, models, operations

MODELS = [
    kind
    for module in (models, events)
    for name in module.__all__
    if inspect.isclass(kind := getattr(module, name)) and issubclass(kind, Model)
]


class Priority(OpenIntEnum):
    """How urgent."""

    LOW = 0
    HIGH = 10


class Job(models.TextMessage):
    """A text with more."""

    sim_id: int
    """Which SIM."""
    api_key: Annotated[str, Field(title="Key of the API", description="Given by hand.")]
    """Given in the source."""
    priority: Priority = Priority.LOW


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_every_field_has_a_title_and_a_description(kind):
    schema = kind.model_json_schema()

    assert schema["description"]
    assert set(schema["properties"]) == {field.alias for field in kind.model_fields.values()}
    for field in kind.model_fields.values():
        assert field.title
        assert field.description
        found = schema["properties"][field.alias]
        assert found["description"] == field.description
        assert found.get("title", field.title) == field.title


@pytest.mark.parametrize(
    ("name", "title"), [("phone_number", "Phone number"), ("webhook_id", "Webhook ID"), ("sim_number", "SIM number")]
)
def test_title_is_the_name_in_words(name, title):
    assert events.SmsReceivedPayload.model_fields.get(name, events.SmsReceived.model_fields.get(name)).title == title


def test_class_of_an_application_describes_its_fields_too():
    fields = Job.model_fields
    properties = Job.model_json_schema()["properties"]

    assert list(fields) == ["text", "sim_id", "api_key", "priority"]
    assert (fields["sim_id"].title, fields["sim_id"].description) == ("SIM ID", "Which SIM.")
    assert (fields["api_key"].title, fields["api_key"].description) == ("Key of the API", "Given by hand.")
    assert (fields["priority"].title, fields["priority"].description) == ("Priority", None)
    assert fields["text"].description == models.TextMessage.model_fields["text"].description
    assert properties["simId"] == {"title": "SIM ID", "type": "integer", "description": "Which SIM."}
    assert "description" not in properties["priority"]


def test_class_without_source_has_titles_only():
    space = {"Model": Model, "__name__": "nowhere"}
    exec('class Cake(Model):\n    icing_color: str\n    """Color."""', space)

    field = space["Cake"].model_fields["icing_color"]

    assert (field.title, field.description) == ("Icing color", None)


def test_open_enum_allows_any_value_of_its_type():
    schema = Job.model_json_schema()["$defs"]["Priority"]

    assert schema["anyOf"] == [{"enum": [0, 10], "type": "integer"}, {"type": "integer"}]
    assert (schema["title"], schema["description"]) == ("Priority", "How urgent.")
    states = TypeAdapter(models.ProcessState).json_schema()
    assert states["anyOf"] == [
        {"enum": [each.value for each in models.ProcessState], "type": "string"},
        {"type": "string"},
    ]


def test_deprecated_field_is_marked_without_a_warning_on_access():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert models.Message.model_fields["message"].deprecated

        class Note(models.Message):
            """A message of an application."""

        assert Note.model_fields["message"].deprecated
        assert models.Message.model_json_schema()["properties"]["message"]["deprecated"]
        assert "deprecated" not in models.Message.model_json_schema()["properties"]["textMessage"]
        message = models.Message(phone_numbers=["+12025550101"], message="Hi")
        assert (message.message, message.content) == ("Hi", "Hi")
        assert encode(message)
        assert repr(Note(phone_numbers=["+12025550101"], message="Hi").model_copy())
        models.Message.model_rebuild(force=True)
        assert models.Message(phone_numbers=["+12025550101"], message="Hi").message == "Hi"


def test_deprecated_operation_is_marked_for_type_checkers_only():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        request = models.MessagesExportRequest(since="2026-01-01T00:00:00Z", until="2026-01-02T00:00:00Z")
        operations.export_inbox(request)

    assert operations.export_inbox.__deprecated__
    assert APIClient.export_inbox.__deprecated__


def test_signature_has_the_names_of_the_fields():
    signature = inspect.signature(models.DataMessage)

    assert str(signature) == "(data: str, *, port: int) -> None"


def test_signature_shows_times_and_limited_values_as_plain_types():
    parameters = inspect.signature(models.Message).parameters
    states = inspect.signature(models.MessageState).parameters["states"]

    assert str(parameters["valid_until"]) == "valid_until: datetime.datetime | None = None"
    assert str(parameters["phone_numbers"]) == "phone_numbers: list[PhoneNumber]"
    assert "dict[str, datetime.datetime]" in str(states)


def test_importing_and_sending_read_no_source():
    code = """
import linecache, smsgate
from smsgate import APIClient, Message, TextMessage
from smsgate.runtime import descriptions
from smsgate_api import operations
message = Message(phone_numbers=["+12025550101"], text_message=TextMessage(text="Hi"))
repr(message), message.asdict(), operations.send_message(message).content
try:
    Message(phone_number="+12025550101")
except ValueError:
    pass
assert descriptions._module_descriptions.cache_info().misses == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_page_is_validated_and_written_as_a_list():
    page = Page([models.TextMessage(text="a")], total=7, limit=1, offset=2)
    adapter = TypeAdapter(Page[models.TextMessage])

    same = adapter.validate_python(page)

    assert (same, same.total, same.limit, same.offset) == (page, 7, 1, 2)
    read = adapter.validate_json(adapter.dump_json(page))
    assert isinstance(read, Page)
    assert (read, read.total) == (page, None)
    schema = adapter.json_schema()
    assert (schema["type"], schema["items"]) == ("array", {"$ref": "#/$defs/TextMessage"})
