"""The optional seal: a signature over the whole record that others can check, the same each time, and settings that say what is wrong."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID
from pypdf import PdfReader

from crm.config import ConfigurationError, Settings
from crm.reports import binding, seal
from tests.reports.samples import short_record

if TYPE_CHECKING:
    from pathlib import Path

    from crm.reports.pool import RenderPool

SIGNED = datetime(2026, 3, 20, 1, tzinfo=UTC)


def certificate(key: Any, name: str = "青禾市经济和信息化局", last: datetime | None = None) -> x509.Certificate:
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(4711)
    return made.not_valid_before(SIGNED - timedelta(days=400)).not_valid_after(last or SIGNED + timedelta(days=3650)).sign(key, hashes.SHA256())


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def own(key: rsa.RSAPrivateKey) -> seal.Seal:
    return seal.Seal(key, (certificate(key),))


def sealed(pool: RenderPool, given: seal.Seal, **changed: Any) -> bytes:
    record = {**short_record(), **changed}
    gap = given.gap(record["digest"], SIGNED)
    return given.fill(pool.render({**record, "seal": gap}, {}).pdf, gap["mark"])


@pytest.fixture(scope="module")
def paper(pool: RenderPool, own: seal.Seal) -> bytes:
    return sealed(pool, own)


def parts(pdf: bytes) -> tuple[bytes, bytes]:
    """What is signed, and the signature."""
    first, start, end, rest = (int(n) for n in re.search(rb"/ByteRange\[(\d+) (\d+) (\d+) (\d+)\]", pdf).groups())
    assert (first, end + rest) == (0, len(pdf))
    return pdf[:start] + pdf[end:], bytes.fromhex(pdf[start + 1 : end - 1].decode())


def is_verified(folder: Path, content: bytes, signature: bytes, trusted: x509.Certificate) -> bool:
    """By OpenSSL, which shares no code with what signs."""
    (folder / "content").write_bytes(content)
    (folder / "signature").write_bytes(signature)
    (folder / "trusted.pem").write_bytes(trusted.public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "signature", "-content", "content", "-CAfile", "trusted.pem", "-purpose", "any", "-out", "out"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program to check the signature with")


@needs_openssl
def test_another_program_verifies_the_seal_over_the_whole_file(paper: bytes, own: seal.Seal, tmp_path: Path):
    assert is_verified(tmp_path, *parts(paper), own.certificates[0])


@needs_openssl
def test_one_changed_byte_breaks_the_seal(paper: bytes, own: seal.Seal, tmp_path: Path):
    content, signature = parts(paper)
    assert not is_verified(tmp_path, content.replace(b"%PDF-1.7", b"%PDF-1.6", 1), signature, own.certificates[0])


@needs_openssl
def test_a_seal_of_an_elliptic_key_verifies(pool: RenderPool, tmp_path: Path):
    key = ec.generate_private_key(ec.SECP256R1())
    given = seal.Seal(key, (certificate(key),))
    assert is_verified(tmp_path, *parts(sealed(pool, given)), given.certificates[0])


def test_the_same_record_is_sealed_to_the_same_bytes(pool: RenderPool, own: seal.Seal, paper: bytes):
    assert sealed(pool, own) == paper


def test_the_field_names_the_holder_and_the_time_of_sign_off(paper: bytes):
    (field,) = PdfReader(io.BytesIO(paper)).get_fields().values()
    assert (field["/V"]["/Name"], field["/V"]["/M"]) == ("青禾市经济和信息化局", "D:20260320090000+08'00'")


def test_a_sealed_file_still_says_what_pdf_a_asks(paper: bytes):
    root = PdfReader(io.BytesIO(paper)).trailer["/Root"]
    (widget,) = root["/AcroForm"]["/Fields"]
    metadata = root["/Metadata"].get_data()
    assert (b"pdfaid:part" in metadata, widget.get_object()["/F"], root["/AcroForm"].get("/NeedAppearances"), root["/AF"][0]["/AFRelationship"]) == (True, 132, None, "/Data")


def test_nothing_of_the_seal_goes_into_the_records_data(paper: bytes):
    assert b'"seal"' not in PdfReader(io.BytesIO(paper)).attachments["visit.json"][0]


def test_a_record_without_a_seal_is_as_before(pool: RenderPool):
    assert "/AcroForm" not in PdfReader(io.BytesIO(pool.render(short_record(), {}).pdf)).trailer["/Root"]


def test_a_text_like_the_gap_does_not_move_the_seal(pool: RenderPool, own: seal.Seal):
    visit = {**short_record()["visit"], "summary": "/Contents<00>/ByteRange[0 0000000000 0000000000 0000000000]"}
    assert parts(sealed(pool, own, visit=visit, author="/ByteRange[0 0000000000 0000000000 0000000000]"))


def test_records_bound_together_bear_no_broken_seals(paper: bytes):
    visits = [SimpleNamespace(number=number, enterprise=SimpleNamespace(name="某厂")) for number in "12"]
    joined, pages = binding._joined([(visit, paper) for visit in visits])  # type: ignore[arg-type]
    assert (pages, PdfReader(io.BytesIO(joined)).get_fields(), b"ByteRange" in joined) == (2, None, False)


def test_a_visit_signed_before_the_certificate_began_bears_no_seal(own: seal.Seal):
    assert [own.covers(SIGNED), own.covers(SIGNED - timedelta(days=401))] == [True, False]


def pem(folder: Path, key: Any, made: x509.Certificate) -> Settings:
    (folder / "seal.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "seal.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Settings(data_dir=folder, seal_certificate=str(folder / "seal.pem"), seal_key=str(folder / "seal.key"))


def test_without_settings_there_is_no_seal(tmp_path: Path):
    assert seal.of(Settings(data_dir=tmp_path)) is None


def test_a_certificate_and_its_key_are_read(tmp_path: Path, key: rsa.RSAPrivateKey):
    assert seal.of(pem(tmp_path, key, certificate(key))).holder == "青禾市经济和信息化局"


def test_a_pkcs12_file_is_opened_with_the_password_of_a_file(tmp_path: Path, key: rsa.RSAPrivateKey):
    (tmp_path / "seal.p12").write_bytes(pkcs12.serialize_key_and_certificates(b"seal", key, certificate(key), None, BestAvailableEncryption(b"geheim")))
    (tmp_path / "password").write_text("geheim\n")
    given = Settings(data_dir=tmp_path, seal_certificate=str(tmp_path / "seal.p12"), seal_password_file=str(tmp_path / "password"))
    assert seal.of(given).holder == "青禾市经济和信息化局"


@pytest.mark.parametrize(("what", "said"), [
    ("no file", "读不了这个文件"), ("no key", "还要给 CRM_SEAL_KEY"), ("no certificate", "没有给 CRM_SEAL_CERTIFICATE"), ("rubbish", "打不开这个证书文件"),
    ("another key", "不是一对"), ("expired", "现在不能用"), ("small key", "2048"),
])  # fmt: skip
def test_a_seal_that_cannot_be_used_is_refused_with_what_to_do(tmp_path: Path, key: rsa.RSAPrivateKey, what: str, said: str):
    good = pem(tmp_path, key, certificate(key))
    if what == "rubbish":
        (tmp_path / "seal.pem").write_bytes(b"rubbish")
    elif what == "another key":
        pem(tmp_path, rsa.generate_private_key(65537, 2048), certificate(key))
    elif what == "expired":
        pem(tmp_path, key, certificate(key, last=SIGNED - timedelta(days=30)))
    elif what == "small key":
        small = rsa.generate_private_key(65537, 1024)
        pem(tmp_path, small, certificate(small))
    changes = {"no file": {"seal_certificate": str(tmp_path / "none")}, "no key": {"seal_key": ""}, "no certificate": {"seal_certificate": ""}}
    with pytest.raises(ConfigurationError, match=said):
        seal.ready(replace(good, **changes.get(what, {})), SIGNED)
