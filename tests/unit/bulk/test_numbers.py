"""Phone numbers of rows."""

from __future__ import annotations

import re

import pytest

from smsgate.bulk import normalize
from smsgate.bulk._ids import message_id
from smsgate.bulk._numbers import number_parser
from smsgate.errors import ConfigurationError, InvalidRequestError


@pytest.mark.parametrize(
    ("number", "region", "normalized"),
    [
        ("(202) 555-0100", "US", "+12025550100"),
        ("+1 202 555 0100", None, "+12025550100"),
        ("0151 23456789", "de", "+4915123456789"),
        ("0049 151 23456789", "DE", "+4915123456789"),
        ("+44 20 7946 0958", "US", "+442079460958"),
    ],
)
def test_normalize_returns_the_international_form(number, region, normalized):
    assert normalize(number, region) == normalized


@pytest.mark.parametrize("number", ["", "abc", "123", "202 555 0100", "+1 202 555 0100 ext. 5", None, 12025550100])
def test_number_that_cannot_exist_is_rejected_without_repeating_it(number):
    with pytest.raises(InvalidRequestError) as caught:
        normalize(number)

    assert not number or str(number) not in str(caught.value)


@pytest.mark.parametrize("region", ["XX", "Germany", "", 49])
def test_unknown_region_is_rejected(region):
    with pytest.raises(ConfigurationError, match="two letters"):
        normalize("+12025550100", region)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+4915123456789", "mobile"),
        ("+493012345678", "landline"),
        ("+12025550100", "either"),
        ("+498001234567", "other"),
    ],
)
def test_kind_of_a_number(number, kind):
    assert number_parser(None)(number).kind == kind


@pytest.mark.parametrize(
    ("number", "region", "normalized"),
    [
        ("49 1511 2345678", "DE", "+4915112345678"),  # not a landline of Leer, 04915 …
        ("1511 2345678", "DE", "+4915112345678"),
        ("(04915) 123456", "DE", "+494915123456"),
        ("447400123456", "GB", "+447400123456"),
        ("18005550100", "US", "+18005550100"),
    ],
)
def test_spreadsheets_drop_the_plus_and_leading_zeros(number, region, normalized):
    assert normalize(number, region) == normalized


def test_ids_of_messages_have_the_form_of_new_ids_and_depend_on_campaign_and_number():
    ids = {message_id(campaign, f"+1202555{n:04d}") for campaign in ("a", "b") for n in range(500)}

    assert len(ids) == 1000
    assert all(re.fullmatch("[0-9a-z]{21}", id) for id in ids)
    assert message_id("june", "+12025550100") == message_id("june", "+12025550100") == "257ftyukdzhd2wqcavwfj"
