"""Settings come from CRM_* names, strictly."""

from pathlib import Path

import pytest

from crm.config import ConfigurationError, Settings


def test_an_unknown_name_is_refused_and_named() -> None:
    with pytest.raises(ConfigurationError, match="CRM_PROT"):
        Settings.from_env({"CRM_PROT": "1"})


def test_a_number_that_is_none_is_refused_and_named() -> None:
    with pytest.raises(ConfigurationError, match="CRM_PORT='eighty'"):
        Settings.from_env({"CRM_PORT": "eighty"})


def test_a_data_folder_alone_moves_the_database(tmp_path: Path) -> None:
    assert Settings.from_env({"CRM_DATA_DIR": str(tmp_path)}).url == f"sqlite:///{tmp_path}/qijie.db"


def test_packs_are_a_list() -> None:
    assert Settings.from_env({"CRM_PACKS": "taizhou, quzhou"}).packs == ("taizhou", "quzhou")


def test_names_of_other_programs_are_none_of_our_business() -> None:
    assert Settings.from_env({"PATH": "/bin", "CRMX": "1"}) == Settings()


def test_the_secret_key_is_made_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.key() == settings.key()


def test_the_secret_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    Settings(data_dir=tmp_path).key()
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
