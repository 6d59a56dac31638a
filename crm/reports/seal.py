"""The optional seal of signed records: a PAdES signature with the deployer's certificate, made outside the process that lays out.

The rendering process leaves a gap in the PDF; whoever asked for the record fills it here. The key never meets the data of
users, nothing is fetched, and the time is that of the sign-off, so that the same record gives the same bytes again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID

from crm.config import ConfigurationError
from crm.core.clock import local
from crm.reports import cms
from crm.reports.layout import RANGE

if TYPE_CHECKING:
    from datetime import datetime

    from crm.config import Settings

ROOM = 2048  # bytes of a signature beside its certificates


@dataclass(frozen=True, slots=True)
class Seal:
    """Key and certificates, the signer's first."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificates: tuple[x509.Certificate, ...]

    @property
    def holder(self) -> str:
        """Whose certificate it is."""
        return _named(self.certificates[0].subject)

    @property
    def issuer(self) -> str:
        """Who issued it."""
        return _named(self.certificates[0].issuer)

    def covers(self, at: datetime) -> bool:
        """Whether the certificate was valid at an instant: a record signed outside of it bears no seal."""
        return self.certificates[0].not_valid_before_utc <= at <= self.certificates[0].not_valid_after_utc

    def gap(self, digest: str, signed_at: datetime) -> dict[str, Any]:
        """What the rendering process needs to leave room: nothing secret. The mark is unlike any text: it hangs on the content's digest."""
        chain = [certificate.public_bytes(Encoding.DER) for certificate in self.certificates]
        mark = hashlib.sha256(b"".join([b"gap", digest.encode(), *chain])).hexdigest()
        at = local(signed_at).strftime("D:%Y%m%d%H%M%S+08'00'")
        return {"mark": mark, "digits": 2 * (sum(map(len, chain)) + ROOM), "name": self.holder, "at": at}

    def fill(self, pdf: bytes, mark: str) -> bytes:
        """Sign everything but the gap, and put the signature there."""
        if pdf.count(mark.encode()) != 1:
            raise ValueError("the PDF has no single gap for a seal")
        start = pdf.index(b"<" + mark.encode())
        end = pdf.index(b">", start) + 1
        span = b"/ByteRange[0 %010d %010d %010d]" % (start, end, len(pdf) - end)
        place = pdf.index(RANGE, end)
        pdf = pdf[:place] + span + pdf[place + len(RANGE) :]
        signature = cms.sign(hashlib.sha256(pdf[:start] + pdf[end:]).digest(), self.key, self.certificates).hex().encode()
        return pdf[: start + 1] + signature.ljust(end - start - 2, b"0") + pdf[end - 1 :]


@lru_cache(maxsize=4)
def of(settings: Settings) -> Seal | None:
    """The seal the settings name, checked; None without one. Raises ConfigurationError that says what to put right."""
    if not settings.seal_certificate:
        if settings.seal_key or settings.seal_password_file:
            raise ConfigurationError("只给了 CRM_SEAL_KEY 或 CRM_SEAL_PASSWORD_FILE，没有给 CRM_SEAL_CERTIFICATE。要加盖电子签章请补上证书文件，不加盖请都去掉。")
        return None
    password = _read("CRM_SEAL_PASSWORD_FILE", settings.seal_password_file).strip() if settings.seal_password_file else None
    data = _read("CRM_SEAL_CERTIFICATE", settings.seal_certificate)
    seal = _pem(data, settings.seal_key, password) if data.lstrip().startswith(b"-----BEGIN") else _p12(data, password)
    _check(seal)
    return seal


def ready(settings: Settings, at: datetime) -> Seal | None:
    """The seal at the start of a process: also refused when its certificate is not in force at `at`."""
    seal = of(settings)
    if seal and not seal.covers(at):
        first, last = (local(day).date() for day in (seal.certificates[0].not_valid_before_utc, seal.certificates[0].not_valid_after_utc))
        raise ConfigurationError(f"CRM_SEAL_CERTIFICATE：“{seal.holder}”的证书有效期是 {first} 至 {last}，现在不能用。请换新证书，或去掉这个设置。")
    return seal


def _read(name: str, path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name}={path}：读不了这个文件（{error.strerror}）。请检查路径和权限。") from None


def _p12(data: bytes, password: bytes | None) -> Seal:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, password)
    except ValueError:
        raise ConfigurationError("CRM_SEAL_CERTIFICATE：打不开这个证书文件。PKCS#12（.p12、.pfx）请把密码写进 CRM_SEAL_PASSWORD_FILE 指的文件；PEM 请同时给 CRM_SEAL_KEY。") from None
    if key is None or certificate is None:
        raise ConfigurationError("CRM_SEAL_CERTIFICATE：PKCS#12 文件里没有私钥或没有证书，请向颁发机构重新导出。")
    return Seal(key, (certificate, *others))  # type: ignore[arg-type]  # the kind of key is checked next


def _pem(data: bytes, key_path: str, password: bytes | None) -> Seal:
    if not key_path:
        raise ConfigurationError("CRM_SEAL_CERTIFICATE 是 PEM 证书，还要给 CRM_SEAL_KEY（PEM 私钥文件）。")
    try:
        certificates = tuple(x509.load_pem_x509_certificates(data))
    except ValueError:
        raise ConfigurationError("CRM_SEAL_CERTIFICATE：不是可用的 PEM 证书。") from None
    try:
        key = load_pem_private_key(_read("CRM_SEAL_KEY", key_path), password)
    except (ValueError, TypeError):
        raise ConfigurationError("CRM_SEAL_KEY：打不开私钥。请检查文件是否 PEM 私钥，密码是否写在 CRM_SEAL_PASSWORD_FILE 指的文件里。") from None
    return Seal(key, certificates)  # type: ignore[arg-type]  # the kind of key is checked next


def _check(seal: Seal) -> None:
    if not isinstance(seal.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or (isinstance(seal.key, rsa.RSAPrivateKey) and seal.key.key_size < 2048):
        raise ConfigurationError("CRM_SEAL_CERTIFICATE：签章证书要用 RSA（2048 位以上）或椭圆曲线密钥，暂不支持国密 SM2。")
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if seal.key.public_key().public_bytes(*form) != seal.certificates[0].public_key().public_bytes(*form):
        raise ConfigurationError("CRM_SEAL_KEY 与 CRM_SEAL_CERTIFICATE 不是一对：请确认私钥和证书，证书链里单位自己的证书放在最前。")


def _named(name: x509.Name) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := name.get_attributes_for_oid(oid):
            return str(found[0].value)
    return name.rfc4514_string()
