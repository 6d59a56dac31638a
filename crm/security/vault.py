"""Secrets at rest: sealed with a key derived from the instance's secret key, opened only where they are used."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm.core.errors import Conflict


class Vault:
    """Seals and opens short texts. `secret` is Settings.key()."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"qijie sealed secrets").derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, text: str) -> str:
        """Ciphertext to store; the same text never gives the same twice."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text again. Raises Conflict when it was sealed under another key."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Conflict("保存的地址或密钥打不开：实例密钥（CRM_SECRET_KEY）换过。请重新填写。") from None
