"""Common parts of all encryption schemes."""

from __future__ import annotations

import pytest

from smsgate import ConfigurationError
from smsgate._core.encryption_schemes import check_scheme, looks_encrypted, without_plus


def test_scheme_needs_its_methods():
    class Scheme:
        def decrypt(self): ...
        def is_encrypted(self): ...

    check_scheme(Scheme(), "is_encrypted", "decrypt")
    for wrong in (Scheme, "passphrase", None):
        with pytest.raises(ConfigurationError, match="an object with is_encrypted and decrypt"):
            check_scheme(wrong, "is_encrypted", "decrypt")


def test_ciphertext_begins_with_a_scheme_also_behind_a_plus():
    assert looks_encrypted("$aes-256-cbc/pbkdf2-sha1$i=1$a$b")
    assert looks_encrypted(" +$other$x")
    assert not looks_encrypted("costs $5 or $6")
    assert without_plus("+$a$b") == "$a$b"
    assert without_plus("+12025550100") == "+12025550100"
