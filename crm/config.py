"""One frozen Settings value, read once from the environment; an unknown CRM_* name is an error.

A second instance is started with CRM_DATA_DIR and CRM_PORT alone: everything the program writes lives in the data
directory (SQLite database, attachments, rendered records, secret key, logs).
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent


class ConfigurationError(Exception):
    """The environment names a setting that does not exist or holds a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the program. Field `x` is the environment variable `CRM_X`."""

    data_dir: Path = ROOT / "var"
    host: str = "127.0.0.1"
    port: int = 8080
    database_url: str = ""  # empty: SQLite in data_dir
    packs: tuple[str, ...] = ("taizhou",)
    packs_dir: Path = ROOT / "plugins"
    cache_dir: str = ""  # compiled packs; empty: cache in data_dir. Instances may share one.
    secret_key: str = ""  # empty: made once and kept in data_dir
    web_workers: int = 2
    nightly_at: str = "02:30"  # Asia/Shanghai
    log_level: str = "INFO"
    log_json: bool = False
    https: bool = False  # Secure cookies and HSTS
    trusted_proxies: int = 0  # how many of ours stand before it; their X-Forwarded-For, -Proto and -Host are believed
    max_upload_mb: int = 64
    session_idle_minutes: int = 120
    login_max_failures: int = 5
    login_lock_minutes: int = 15
    login_rate: str = "20 per minute"
    public_url: str = ""  # what the QR code of a record points to; empty: http://host:port
    phone_sign_out: str = "clear"  # what a phone keeps after sign-out: clear | encrypt (unreadable until the same user signs in again)
    unit_name: str = ""  # head of the printed record; empty: the pack's
    seal_certificate: str = ""  # file of the certificate that seals signed records: PKCS#12 or PEM; empty: none
    seal_key: str = ""  # file of its private key, where the certificate is PEM
    seal_password_file: str = ""  # file with the password of the PKCS#12 or of the key
    smtp_host: str = ""  # empty: no mail leaves; the page of channels says so
    smtp_port: int = 587
    smtp_security: str = "starttls"  # starttls | tls | none
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = ""  # sender of messages; needed with smtp_host
    metrics_token: str = ""  # what Prometheus presents at /metrics as its bearer token; empty: the address does not exist
    intake_secret: str = ""  # signs cases that hotlines and platforms send in; empty: none are taken
    outbound_allow: tuple[str, ...] = ()  # host names, addresses or ranges of the own network that messages may be sent to

    @property
    def url(self) -> str:
        """Database URL, SQLAlchemy form."""
        return self.database_url or f"sqlite:///{self.data_dir / 'qijie.db'}"

    @property
    def packs_cache(self) -> Path:
        """Where compiled packs are kept between starts."""
        return (Path(self.cache_dir) if self.cache_dir else self.data_dir / "cache") / "packs"

    @property
    def base_url(self) -> str:
        """Address people reach the pages under, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read CRM_* from `environ` (default: the process's).

        Raises ConfigurationError for unknown names and unusable values, naming the variable and what it takes.
        """
        env = os.environ if environ is None else environ
        known = {f"CRM_{f.name.upper()}": f for f in fields(cls)}
        given = {k: v for k, v in env.items() if k.startswith("CRM_")}
        if unknown := sorted(set(given) - set(known)):
            raise ConfigurationError(
                f"unknown setting {', '.join(unknown)}; known settings: {', '.join(sorted(known))}"
            )
        values: dict[str, object] = {}
        for name, text in given.items():
            field = known[name]
            values[field.name] = _parse(name, text, getattr(cls(), field.name))
        if values.get("phone_sign_out", "clear") not in ("clear", "encrypt"):
            raise ConfigurationError(f"CRM_PHONE_SIGN_OUT={values['phone_sign_out']!r}: expected clear or encrypt")
        return cls(**values)  # type: ignore[arg-type]  # _parse keeps each field's type

    def key(self) -> str:
        """The secret that signs sessions: the setting, or one made on first use and kept in data_dir (mode 600)."""
        if self.secret_key:
            return self.secret_key
        path = self.data_dir / "secret.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
                    out.write(secrets.token_hex(32))
            except FileExistsError:  # another process was first
                pass
        return path.read_text().strip()


def _parse(name: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        low = text.strip().lower()
        if low not in {"1", "0", "true", "false", "yes", "no"}:
            raise ConfigurationError(f"{name}={text!r}: expected 1 or 0")
        return low in {"1", "true", "yes"}
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise ConfigurationError(f"{name}={text!r}: expected a whole number") from None
    if isinstance(default, Path):
        return Path(text).expanduser().resolve()
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
