"""A detached CMS signature as PDF wants it (ETSI EN 319 122/319 142, level B-B), written in DER: no clock, no network.

The signing time stands in the PDF's own dictionary, not here, and the certificate's digest is signed with the content: an
RSA key (and EC where the library signs deterministically) gives the same bytes for the same document.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

    Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

INTEGER, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x04, b"\x05\x00", 0x06, 0x30, 0x31
TAG_0, TAG_4 = 0xA0, 0xA4
DATA, SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.16.2.47"
SHA256, RSA_SHA256, ECDSA_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2"


def sign(digest: bytes, key: Key, certificates: Sequence[Certificate]) -> bytes:
    """ContentInfo over content of this SHA-256; the signer's certificate comes first."""
    signer = certificates[0]
    who = _der(SEQUENCE, signer.issuer.public_bytes(), _integer(signer.serial_number))
    named = _der(SEQUENCE, _der(SEQUENCE, _der(SEQUENCE, _der(OCTETS, hashlib.sha256(signer.public_bytes(Encoding.DER)).digest()), _general(signer))))
    attributes = b"".join(sorted([
        _attribute(CONTENT_TYPE, _oid(DATA)), _attribute(MESSAGE_DIGEST, _der(OCTETS, digest)), _attribute(SIGNING_CERTIFICATE, named),
    ]))  # fmt: skip
    signature, algorithm = _sign(_der(SET, attributes), key)
    info = _der(SEQUENCE, _integer(1), who, _der(SEQUENCE, _oid(SHA256)), _der(TAG_0, attributes), algorithm, _der(OCTETS, signature))
    chain = b"".join(certificate.public_bytes(Encoding.DER) for certificate in certificates)
    signed = _der(SEQUENCE, _integer(1), _der(SET, _der(SEQUENCE, _oid(SHA256))), _der(SEQUENCE, _oid(DATA)), _der(TAG_0, chain), _der(SET, info))
    return _der(SEQUENCE, _oid(SIGNED_DATA), _der(TAG_0, signed))


def _sign(content: bytes, key: Key) -> tuple[bytes, bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256()), _der(SEQUENCE, _oid(RSA_SHA256), NULL)
    algorithm = _der(SEQUENCE, _oid(ECDSA_SHA256))
    try:
        return key.sign(content, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)), algorithm
    except UnsupportedAlgorithm:
        return key.sign(content, ec.ECDSA(hashes.SHA256())), algorithm


def _general(certificate: Certificate) -> bytes:
    """IssuerSerial: the issuer as a GeneralName, and the serial number."""
    return _der(SEQUENCE, _der(SEQUENCE, _der(TAG_4, certificate.issuer.public_bytes())), _integer(certificate.serial_number))


def _attribute(name: str, value: bytes) -> bytes:
    return _der(SEQUENCE, _oid(name), _der(SET, value))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _integer(value: int) -> bytes:
    return _der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *others = (int(part) for part in dotted.split("."))
    out = bytearray()
    for number in (40 * first + second, *others):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | number & 0x7F)
        out += bytes(reversed(digits))
    return _der(OID, bytes(out))
