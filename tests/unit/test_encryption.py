"""Encryptor: recorded vectors, hostile input, leaks, key cache and computed lengths."""

import copy
import gc
import json
import pickle
import re
import subprocess
import sys
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import FunctionType, ModuleType

import pytest
from hypothesis import given, settings, strategies as st

from eventually import LIMIT
from smsgate import encryption
from smsgate.encryption import BaseEncryptor, Encryptor, ciphertext_length, without_plus
from smsgate.errors import (
    CiphertextFormatError,
    ConfigurationError,
    DecryptionError,
    EncryptionError,
    UnsupportedAlgorithmError,
)

pytestmark = pytest.mark.filterwarnings("ignore:encryption with .* iterations is weak")

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "encryption.json").read_text(encoding="utf-8"))
PASSPHRASE = "correct horse battery staple"
PREFIX = "$aes-256-cbc/pbkdf2-sha1$"
SALT, BODY = "6PeBuOvDyyJxdIdYALXwiA==", "iqteIrvg61asKl+D27MuTA=="
GOOD = f"{PREFIX}i=1000${SALT}${BODY}"
NAMES_ANOTHER_ALGORITHM = {"wrong-alg-gcm", "wrong-alg-sha256", "alg-upper-case", "future-e2e"}
DECRYPTS_TO_NOTHING = {
    "invalid-utf8",
    "padding-17",
    "padding-inconsistent",
    "padding-none",
    "truncated-utf8",
    "wrong-passphrase",
}
NOT_TEXT = [None, b"bytes", 7, ["list"], "lone \ud800 surrogate"]

ENCODABLE = st.characters(exclude_categories=["Cs"])


def vectors(kind):
    return pytest.mark.parametrize("vector", [pytest.param(v, id=v["name"]) for v in VECTORS[kind]])


def quick(passphrase=PASSPHRASE, **options):
    return Encryptor(passphrase, **{"iterations": 2, **options})


def raised_by(function, *arguments):
    with pytest.raises(EncryptionError) as caught:
        function(*arguments)
    return caught.value


@pytest.fixture
def derivations(monkeypatch):
    """The (salt, iterations) of every key derived by an Encryptor made afterwards."""
    seen = []
    real = encryption._derive_key

    def counting(secret, salt, iterations):
        seen.append((salt, iterations))
        return real(secret, salt, iterations)

    monkeypatch.setattr(encryption, "_derive_key", counting)
    return seen


# --- recorded vectors


@vectors("valid")
def test_valid_vector_decrypts_to_its_plaintext(vector):
    assert Encryptor(vector["passphrase"]).decrypt(vector["ciphertext"]) == vector["plaintext"]


@vectors("valid")
def test_valid_vector_is_what_encrypting_with_its_salt_gives(vector):
    salt = encryption._from_base64(vector["salt"])
    encryptor = Encryptor(vector["passphrase"], iterations=vector["iterations"])

    assert encryptor._encrypt_with_salt(vector["plaintext"], salt) == vector["ciphertext"]
    assert encryptor._key(salt, vector["iterations"]).hex() == vector["derived_key_hex"]


@vectors("lenient")
def test_deviating_vector_that_others_accept_is_refused(vector):
    error = raised_by(Encryptor(vector["passphrase"]).decrypt, vector["ciphertext"])

    assert type(error) is CiphertextFormatError


@vectors("malformed")
def test_malformed_vector_is_refused_with_the_fitting_error(vector):
    error = raised_by(Encryptor(vector["passphrase"]).decrypt, vector["ciphertext"])

    if vector["name"] in NAMES_ANOTHER_ALGORITHM:
        assert type(error) is UnsupportedAlgorithmError
    elif vector["name"] in DECRYPTS_TO_NOTHING:
        assert type(error) is DecryptionError
    else:
        assert type(error) is CiphertextFormatError


def test_a_wrong_passphrase_that_fits_by_chance_gives_a_wrong_text_because_nothing_authenticates():
    vector = VECTORS["undetectable"]

    assert Encryptor(vector["passphrase"]).decrypt(vector["ciphertext"]) == vector["returned_plaintext"]
    assert Encryptor(vector["true_passphrase"]).decrypt(vector["ciphertext"]) == vector["true_plaintext"]


# --- strict reading


@pytest.mark.parametrize(
    "asked", ["2000001", "10000001", "999999999", "1000000000", pytest.param("9" * 5000, id="long")]
)
def test_too_many_iterations_are_refused_before_any_derivation(derivations, asked):
    error = raised_by(Encryptor(PASSPHRASE).decrypt, GOOD.replace("i=1000", f"i={asked}"))

    assert type(error) is CiphertextFormatError
    assert derivations == []


def test_max_iterations_is_the_last_number_accepted(derivations):
    encryptor = quick(max_iterations=1000)

    assert encryptor.decrypt(GOOD) == "variant"
    raised_by(encryptor.decrypt, GOOD.replace("i=1000", "i=1001"))
    assert [iterations for _, iterations in derivations] == [1000]


@pytest.mark.parametrize(
    "salt", [SALT.replace("iA==", "iB=="), SALT + "=", SALT[:-2], SALT + "\n", "=" + SALT[1:], "ü" * 24]
)
def test_salt_in_loose_base64_is_refused(derivations, salt):
    assert type(raised_by(quick().decrypt, f"{PREFIX}i=1000${salt}${BODY}")) is CiphertextFormatError
    assert derivations == []


@pytest.mark.parametrize(
    "body", [BODY.replace("TA==", "TB=="), BODY + BODY, BODY[:-4], " " + BODY, BODY.replace("+", "-")]
)
def test_ciphertext_in_loose_base64_is_refused(derivations, body):
    assert type(raised_by(quick().decrypt, f"{PREFIX}i=1000${SALT}${body}")) is CiphertextFormatError
    assert derivations == []


def test_a_draft_form_with_a_separate_initialisation_vector_is_refused():
    assert type(raised_by(quick().decrypt, f"{PREFIX}i=1000${SALT}${SALT}${BODY}")) is CiphertextFormatError


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"$aes-256-cbc/pbkdf2-sha1$",
        7,
        "$5 and $6",
        "$$",
        "hello",
        "\ud800",
        pytest.param("$" * 100_000, id="many"),
    ],
)
def test_what_is_no_ciphertext_is_named_so(text):
    assert type(raised_by(quick().decrypt, text)) is CiphertextFormatError


@pytest.mark.parametrize("text", NOT_TEXT)
def test_what_is_no_text_is_refused_when_encrypting(text):
    assert type(raised_by(quick().encrypt, text)) is EncryptionError
    assert type(raised_by(ciphertext_length, text)) is EncryptionError


# --- properties


@settings(deadline=None)
@given(st.text(ENCODABLE), st.text(ENCODABLE, min_size=1))
def test_any_text_comes_back_under_any_passphrase(text, passphrase):
    encrypted = quick(passphrase).encrypt(text)

    assert quick(passphrase).decrypt(encrypted) == text
    assert quick(passphrase).is_encrypted(encrypted)


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_a_mutated_ciphertext_gives_an_encryption_error_or_a_text_and_nothing_else(data):
    encryptor = quick(max_iterations=1000, cache_size=1)
    encrypted = encryptor._encrypt_with_salt("Meet at noon, +15550100000", b"0123456789abcdef")
    start = data.draw(st.integers(0, len(encrypted)))
    end = data.draw(st.integers(start, min(len(encrypted), start + 4)))
    inserted = data.draw(st.text(st.one_of(st.sampled_from("$i=,0123456789+/AQgw"), st.characters()), max_size=4))

    before, begun = len(encryptor._key._keys), time.thread_time()
    try:
        assert isinstance(encryptor.decrypt(encrypted[:start] + inserted + encrypted[end:]), str)
    except EncryptionError as error:
        shown = "".join(traceback.format_exception(error))
        assert "Meet" not in shown
        assert PASSPHRASE not in shown
    assert len(encryptor._key._keys) - before <= 1
    assert time.thread_time() - begun < 0.5  # a thousand iterations take a third of a millisecond


@settings(deadline=None, max_examples=300)
@given(
    st.binary(min_size=16, max_size=16),
    st.integers(1, 3).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n)),
)
def test_random_blocks_give_a_decryption_error_or_a_text_and_nothing_else(salt, body):
    try:
        result = quick().decrypt(encryption._join(2, salt, body))
    except DecryptionError:
        return
    assert isinstance(result, str)


@settings(deadline=None)
@given(st.text())
def test_arbitrary_text_is_never_decrypted(text):
    assert isinstance(raised_by(quick().decrypt, text), CiphertextFormatError | UnsupportedAlgorithmError)


@pytest.mark.parametrize(("character", "size"), [("a", 1), ("é", 2), ("€", 3), ("🚚", 4)])
def test_length_computed_in_advance_is_the_real_one(character, size):
    for iterations in (2, 75_000):
        encryptor = Encryptor(PASSPHRASE, iterations=iterations)
        salt = bytes(16)  # one derivation serves all lengths
        for count in range(201 // size):
            text = character * count
            assert ciphertext_length(text, iterations) == len(encryptor._encrypt_with_salt(text, salt))


def test_47_bytes_are_the_longest_recipient_that_fits_128_characters():
    assert ciphertext_length("1" * 47) <= 128 < ciphertext_length("1" * 48)
    assert [ciphertext_length("1" * n) for n in (0, 15, 16, 31)] == [82, 82, 102, 102]


def test_every_field_gets_a_salt_of_its_own():
    encryptor = quick()

    assert len({encryptor.encrypt("same") for _ in range(50)}) == 50


# --- recognising ciphertexts


@pytest.mark.parametrize("text", [GOOD, PREFIX, PREFIX + "garbage"])
def test_the_exact_beginning_is_recognised(text):
    assert quick().is_encrypted(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+15550107788",
        "hello",
        "+" + GOOD,
        " " + GOOD,
        PREFIX[:-1],
        PREFIX.upper(),
        "$aes-256-gcm/pbkdf2-sha1$x",
        None,
    ],
)
def test_anything_else_is_not_recognised(text):
    assert not quick().is_encrypted(text)


def test_the_plus_of_the_server_is_taken_off_ciphertexts_only():
    assert without_plus("+" + GOOD) == GOOD
    assert without_plus("+15550107788") == "+15550107788"
    assert without_plus(GOOD) == GOOD


# --- set-up


@pytest.mark.parametrize("passphrase", ["", "\ud800", None, b"bytes"])
def test_unusable_passphrase_is_refused(passphrase):
    with pytest.raises(ConfigurationError, match="passphrase"):
        Encryptor(passphrase)


@pytest.mark.parametrize(
    "options",
    [
        {"iterations": 0},
        {"iterations": -1},
        {"iterations": 75_000.0},
        {"iterations": True},
        {"iterations": 2_000_001},
        {"max_iterations": 0},
        {"max_iterations": 10_000_001},
        {"max_iterations": 74_999},
        {"cache_size": -1},
        {"cache_size": None},
    ],
)
def test_number_out_of_bounds_is_refused(options):
    with pytest.raises(ConfigurationError, match=r"iterations|cache_size"):
        Encryptor(PASSPHRASE, **options)


def test_few_iterations_give_one_warning_pointing_at_the_caller():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Encryptor(PASSPHRASE, iterations=9_999)

    assert [(w.category, w.filename) for w in caught] == [(UserWarning, __file__)]
    assert PASSPHRASE not in str(caught[0].message)


def test_default_and_ten_thousand_iterations_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Encryptor(PASSPHRASE).iterations == 75_000
        assert Encryptor(PASSPHRASE, iterations=10_000).iterations == 10_000


def test_a_made_encryptor_cannot_be_changed():
    encryptor = quick()

    with pytest.raises(AttributeError, match="passphrase"):
        encryptor.passphrase = "another"
    assert encryptor.passphrase == PASSPHRASE


def test_importing_the_module_loads_no_cryptography():
    code = "import smsgate.encryption, sys; sys.exit('cryptography' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=2 * LIMIT).returncode == 0


def test_missing_cryptography_is_told_with_the_name_of_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.kdf.pbkdf2", None)

    with pytest.raises(ConfigurationError, match=re.escape("smsgate[encryption]")) as caught:
        Encryptor(PASSPHRASE)
    assert isinstance(caught.value.__cause__, ImportError)
    assert ciphertext_length("works without it") == 102


def test_openssl_without_sha1_is_told_as_unsupported(monkeypatch):
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf import pbkdf2

    def refuse(*_arguments):
        raise UnsupportedAlgorithm("no")

    monkeypatch.setattr(pbkdf2, "PBKDF2HMAC", refuse)

    assert type(raised_by(quick().encrypt, "text")) is UnsupportedAlgorithmError


# --- nothing leaks


def test_repr_and_str_do_not_show_the_passphrase():
    encryptor = quick()
    encryptor.encrypt("secret text")

    assert repr(encryptor) == str(encryptor) == "Encryptor(iterations=2)"
    assert PASSPHRASE not in repr(encryptor._key)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(protocol):
    with pytest.raises(TypeError, match="passphrase"):
        pickle.dumps(quick(), protocol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copying_is_refused(duplicate):
    with pytest.raises(TypeError, match="passphrase"):
        duplicate(quick())


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("encrypt", "private \ud800 words"),
        ("decrypt", "private words"),
        ("decrypt", "$private$words"),
        ("decrypt", PREFIX + "private words"),
        ("decrypt", PREFIX + "i=1$private words$x"),
    ],
)
def test_errors_repeat_neither_text_nor_passphrase(function, text):
    error = raised_by(getattr(quick(), function), text)

    shown = "".join(traceback.format_exception_only(error)) + repr(error)
    assert "private" not in shown
    assert PASSPHRASE not in shown


def test_undecodable_plaintext_does_not_travel_with_the_error():
    vector = next(v for v in VECTORS["malformed"] if v["name"] == "invalid-utf8")

    error = raised_by(Encryptor(vector["passphrase"]).decrypt, vector["ciphertext"])

    assert error.__cause__ is None
    assert error.__context__ is None


def test_unencodable_text_does_not_travel_with_the_error():
    error = raised_by(quick().encrypt, "private \ud800 words")

    assert error.__cause__ is None
    assert error.__context__ is None


# --- remembered keys


def test_what_was_encrypted_is_read_back_without_another_derivation(derivations):
    encryptor = quick()
    encrypted = [encryptor.encrypt(f"text {n}") for n in range(5)]

    assert [encryptor.decrypt(text) for text in encrypted] == [f"text {n}" for n in range(5)]
    assert len(derivations) == 5


def test_a_ciphertext_from_elsewhere_is_derived_once(derivations):
    encryptor = quick()

    assert {encryptor.decrypt(GOOD) for _ in range(3)} == {"variant"}
    assert len(derivations) == 1


def test_iterations_are_part_of_what_a_key_is_remembered_by(derivations):
    encryptor = quick()
    salt = encryption._from_base64(SALT)
    other = quick(iterations=3)._encrypt_with_salt("other", salt)

    assert (encryptor.decrypt(GOOD), encryptor.decrypt(other)) == ("variant", "other")
    assert derivations == [(salt, 3), (salt, 1000), (salt, 3)]


def test_least_recently_used_keys_are_dropped(derivations):
    encryptor = quick(cache_size=2)
    first, second = encryptor.encrypt("first"), encryptor.encrypt("second")
    encryptor.decrypt(first)
    encryptor.encrypt("third drops the second")
    derivations.clear()

    encryptor.decrypt(first)
    assert derivations == []
    encryptor.decrypt(second)
    assert len(derivations) == 1


def test_a_bounded_number_of_keys_is_remembered():
    encryptor = quick(cache_size=10)
    for n in range(50):
        encryptor.encrypt(str(n))

    assert len(encryptor._key._keys) == 10


def test_keys_of_a_hundred_messages_to_a_hundred_recipients_are_remembered():
    assert quick()._key.size >= 100 * 101


def test_only_keys_are_remembered():
    encryptor = quick()
    text = f"Meet at {time.monotonic_ns()}"
    encryptor.decrypt(encryptor.encrypt(text))

    reached, left = {}, [encryptor._key, vars(encryptor)]
    while left:
        found = left.pop()
        if id(found) not in reached and not isinstance(found, type | ModuleType | FunctionType):
            reached[id(found)] = found
            left += gc.get_referents(found)

    held = [found for found in reached.values() if isinstance(found, str | bytes)]
    assert any(len(found) == 32 for found in held)
    assert not any(found in {text, text.encode()} for found in held)


def test_remembering_can_be_switched_off(derivations):
    encryptor = quick(cache_size=0)

    assert encryptor.decrypt(encryptor.encrypt("text")) == "text"
    assert len(derivations) == 2
    assert len(encryptor._key._keys) == 0


def test_threads_share_one_encryptor():
    encryptor = quick(cache_size=8)
    barrier = Barrier(8)

    def work(worker):
        barrier.wait()
        texts = [f"{worker}/{n}" for n in range(200)]
        return [encryptor.decrypt(encryptor.encrypt(text)) == text for text in texts]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(results) for results in pool.map(work, range(8)))
    assert len(encryptor._key._keys) == 8


def test_one_salt_wanted_by_two_threads_at_once_is_right_for_both(monkeypatch):
    barrier = Barrier(2, timeout=LIMIT)
    real = encryption._derive_key

    def together(*arguments):
        barrier.wait()  # passes only when both threads derive at the same time
        return real(*arguments)

    monkeypatch.setattr(encryption, "_derive_key", together)
    encryptor = quick()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(encryptor.decrypt, [GOOD, GOOD])) == ["variant", "variant"]
    assert encryptor.decrypt(GOOD) == "variant"


# --- schemes of one's own


class Reversing(BaseEncryptor):
    """As written for the official client: two methods, other parameter names, the inherited constructor."""

    def encrypt(self, cleartext):
        return f"$reversed${self.passphrase}{self.iterations}{cleartext[::-1]}"

    def decrypt(self, encrypted):
        return encrypted.removeprefix(f"$reversed${self.passphrase}{self.iterations}")[::-1]


def test_a_scheme_of_ones_own_needs_two_methods_only():
    scheme = Reversing("key", iterations=7)

    encrypted = scheme.encrypt("text")

    assert (encrypted, scheme.decrypt(encrypted)) == ("$reversed$key7txet", "text")
    assert scheme.is_encrypted(encrypted)
    assert not scheme.is_encrypted("+15550107788")
    assert not scheme.is_encrypted("$5 off")
    assert isinstance(quick(), BaseEncryptor)


def test_a_scheme_of_ones_own_is_not_pickled_either():
    with pytest.raises(TypeError, match="passphrase"):
        pickle.dumps(Reversing("key", iterations=7))


def test_a_scheme_without_decrypt_cannot_be_made():
    class Half(BaseEncryptor):
        def encrypt(self, text):
            return text

    with pytest.raises(TypeError, match="decrypt"):
        Half("key")
