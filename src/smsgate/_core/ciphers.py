"""Key derivation and cipher of encrypted fields; cryptography is loaded on first use."""

from __future__ import annotations

from smsgate.errors import UnsupportedAlgorithmError


def derive_key(secret: bytes, salt: bytes, iterations: int) -> bytes:
    """Return the key of 32 bytes that PBKDF2-HMAC-SHA1 derives from a passphrase in UTF-8.

    Raises:
        UnsupportedAlgorithmError: OpenSSL refuses SHA-1.
        ImportError: cryptography is not installed.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra, loaded on first use
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC  # noqa: PLC0415 - an extra

    try:
        return PBKDF2HMAC(SHA1(), 32, salt, iterations).derive(secret)  # noqa: S303 - the app's choice
    except UnsupportedAlgorithm as error:
        raise UnsupportedAlgorithmError("OpenSSL on this machine refuses PBKDF2 with SHA-1 (FIPS mode?)") from error


def aes_cbc(key: bytes, iv: bytes, data: bytes, *, decrypt: bool) -> bytes:
    """Encrypt or decrypt whole blocks of 16 bytes."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - an extra

    cipher = Cipher(algorithms.AES(key), modes.CBC(iv))
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(data) + context.finalize()
