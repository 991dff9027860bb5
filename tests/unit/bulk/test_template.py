"""Templates of texts."""

from __future__ import annotations

import pytest

from smsgate.bulk import TemplateError
from smsgate.bulk._template import MissingFieldError, Template


@pytest.mark.parametrize(
    ("text", "row", "rendered"),
    [
        ("Hi {name}", {"name": "Ann"}, "Hi Ann"),
        ("{a}{b}{a}", {"a": 1, "b": "x"}, "1x1"),
        ("{{{name}}} {{}}", {"name": "Ann"}, "{Ann} {}"),
        ("Hi {First name}", {"First name": "Ann"}, "Hi Ann"),
        ("Hi { name }", {"name": "Ann"}, "Hi Ann"),
        ("no field", {}, "no field"),
        ("Hi {name}", {"name": "{secret} {0.__class__} %s"}, "Hi {secret} {0.__class__} %s"),
    ],
)
def test_fields_are_replaced_by_values_as_they_are(text, row, rendered):
    assert Template.parse(text).render(row) == rendered


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        None,
        5,
        "{",
        "}",
        "Hi {name",
        "{}",
        "{name.upper}",
        "{name[0]}",
        "{name!r}",
        "{name:>10}",
        "{a:{b}}",
        "caf\udce9",
    ],
)
def test_anything_else_in_braces_is_rejected(text):
    with pytest.raises(TemplateError):
        Template.parse(text)


@pytest.mark.parametrize(
    "row", [{}, {"name": None}, {"name": ""}, {"name": "  "}, {"name": ["Ann"]}, {"name": {}}, {"name": float("nan")}]
)
def test_missing_value_names_its_field(row):
    with pytest.raises(MissingFieldError) as caught:
        Template.parse("Hi {name}").render(row)

    assert caught.value.field == "name"
