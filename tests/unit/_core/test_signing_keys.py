"""Signing keys of phones."""

from __future__ import annotations

import pytest

from smsgate import ConfigurationError
from smsgate._core.signing_keys import EncodedKeys, encode_signing_key, normalize_signing_key


def test_keys_are_encoded_without_white_space_around_them():
    assert encode_signing_key(" key\n") == EncodedKeys([b"key"])
    assert encode_signing_key(iter(["a", "b"])) == EncodedKeys([b"a", b"b"])


def test_keys_by_device_stay_as_they_are():
    by_device, look_up = {"d1": "key"}, {"d1": "key"}.get

    assert encode_signing_key(by_device) is by_device
    assert encode_signing_key(look_up) is look_up


@pytest.mark.parametrize("wrong", ["", "  ", [], {}, None, 5, b"key", ["a", ""], ["a", 5], "\ud800"])
def test_missing_and_empty_keys_are_rejected_without_being_quoted(wrong):
    with pytest.raises(ConfigurationError) as caught:
        encode_signing_key(wrong)
    assert caught.value.__cause__ is None


def test_normalized_keys_can_be_used_any_number_of_times():
    assert normalize_signing_key(iter(["a", "b"])) == ("a", "b")
    assert normalize_signing_key({"d1": iter(["a"])}) == {"d1": ("a",)}
    with pytest.raises(ConfigurationError):
        normalize_signing_key({"d1": ""})
