"""Conversion of validation errors of arguments."""

from __future__ import annotations

import pytest

from smsgate import InvalidRequestError, Message
from smsgate._core.arguments import argument_errors, check_operation
from smsgate_api import operations


def test_errors_of_models_and_operations_become_ours_without_values():
    with pytest.raises(InvalidRequestError, match="phone_numbers") as caught, argument_errors():
        Message(phone_numbers=[5], message="secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(InvalidRequestError, match="id must not be empty"), argument_errors():
        operations.get_message("")
    with pytest.raises(KeyError), argument_errors():
        raise KeyError


def test_only_operations_are_executed():
    check_operation(operations.health())
    for wrong in (operations.health, None, "health"):
        with pytest.raises(InvalidRequestError, match="takes an operation"):
            check_operation(wrong)
