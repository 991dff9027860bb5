"""Certificates for one test run."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl

__all__ = ["Pki"]


class Pki:
    """An authority, a server certificate for 127.0.0.1, a client certificate, and a self-signed server certificate."""

    def __init__(self, folder):
        self.folder = folder
        authority_key, authority = self._issue("authority", None, None)
        self.ca = self._write("ca.pem", authority)
        self.server_cert, self.server_key = self._leaf("server", authority, authority_key)
        self.client_cert, self.client_key = self._leaf("client", authority, authority_key)
        self.other_ca = self._write("other.pem", self._issue("other", None, None)[1])
        key, alone = self._issue("alone", None, None, names=True)
        self.self_signed, self.self_signed_key = self._write("alone.pem", alone), self._write_key("alone.key", key)

    def server_context(self, *, client_needed=False, self_signed=False):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if self_signed:
            context.load_cert_chain(self.self_signed, self.self_signed_key)
        else:
            context.load_cert_chain(self.server_cert, self.server_key)
        if client_needed:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context

    def client_context(self):
        return ssl.create_default_context(cafile=self.ca)

    def _leaf(self, name, authority, authority_key):
        key, certificate = self._issue(name, authority, authority_key, names=True)
        return self._write(f"{name}.pem", certificate), self._write_key(f"{name}.key", key)

    def _issue(self, name, issuer, issuer_key, *, names=False):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_usage(issuer is None), critical=True)
        )
        if names:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        if issuer is not None:
            authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
            builder = builder.add_extension(authority, critical=False)
        return key, builder.sign(issuer_key or key, hashes.SHA256())

    def _write(self, name, certificate):
        from cryptography.hazmat.primitives.serialization import Encoding

        path = self.folder / name
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return str(path)

    def _write_key(self, name, key):
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        path = self.folder / name
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(path)


def _usage(authority):
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
