"""Decryption with the leniency and the words of the app, against the recorded vectors."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("cryptography")

from smsgate.phone._decryption import FieldError, decrypt

OWN_WORDS = ("Invalid encrypted data format", "Unsupported algorithm", "Missing iteration count")


def test_everything_that_clients_write_is_read(vectors):
    for case in vectors("encryption")["valid"]:
        assert decrypt(case["ciphertext"], case["passphrase"]) == case["plaintext"], case["name"]


def test_unusual_and_broken_fields_end_as_in_the_app(vectors):
    file = vectors("encryption")
    for case in [*file["lenient"], *file["malformed"]]:
        outcome, _, text = case["observed"]["jvm_following_app_steps"].partition(" ")
        if outcome == "OK":
            assert decrypt(case["ciphertext"], case["passphrase"]) == text, case["name"]
            continue
        with pytest.raises(FieldError) as failed:
            decrypt(case["ciphertext"], case["passphrase"])
        if text in OWN_WORDS or "input string" in text:
            assert str(failed.value) in text, case["name"]


def test_wrong_passphrase_may_give_a_text(vectors):
    case = vectors("encryption")["undetectable"]

    assert decrypt(case["ciphertext"], case["passphrase"]) == case["returned_plaintext"]


def test_texts_of_the_app(vectors):
    good = vectors("encryption")["valid"][0]["ciphertext"]

    with pytest.raises(FieldError, match="Passphrase is not set"):
        decrypt(good, "")
    with pytest.raises(FieldError, match="Missing iteration count"):
        decrypt(re.sub(r"i=\d+", "n=1", good), "secret")
    with pytest.raises(FieldError, match="at most 10000000 are tried"):
        decrypt(re.sub(r"i=\d+", "i=2000000000", good), "secret")
