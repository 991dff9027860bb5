"""Conversion of national phone numbers."""

from __future__ import annotations

import pytest

from smsgate import ConfigurationError, InvalidRequestError, Message, TextMessage
from smsgate._core.phone_numbers import check_region, international, with_international_numbers

pytest.importorskip("phonenumbers")


def message(*numbers, **fields):
    return Message(phone_numbers=list(numbers), text_message=TextMessage(text="Hello"), **fields)


def test_region_is_two_letters_of_a_country():
    assert check_region("de") == "DE"
    assert check_region(None) is None
    for wrong in ("XX", "Germany", 49, ""):
        with pytest.raises(ConfigurationError, match="two letters"):
            check_region(wrong)


def test_national_numbers_become_international():
    changed = with_international_numbers(message("0151 23456789", "+12025550100"), "DE", others_pass=False)

    assert changed.phone_numbers == ["+4915123456789", "+12025550100"]
    assert international("0", "DE") is None


def test_other_texts_are_rejected_by_their_index_or_pass():
    with pytest.raises(InvalidRequestError, match=r"phone_numbers\[1\]") as caught:
        with_international_numbers(message("+12025550100", "87654"), "DE", others_pass=False)
    assert "87654" not in str(caught.value)
    assert with_international_numbers(message("110"), "DE", others_pass=True).phone_numbers == ["110"]


def test_message_stays_as_it_is_without_a_region_and_when_encrypted():
    encrypted = message("$x$abc", is_encrypted=True)

    assert with_international_numbers(encrypted, "DE", others_pass=False) is encrypted
    assert with_international_numbers(encrypted, None, others_pass=False) is encrypted
