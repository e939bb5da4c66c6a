"""Settings: flags, then the environment, then a TOML file, then defaults; a fault names setting, value and range."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from openharbor.kit.errors import Failed
from openharbor.kit.settings import resolve, variable


class Settings(msgspec.Struct, frozen=True):
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="must be 0 to 65535")] = 8080
    anonymous: bool = False
    hosts: tuple[str, ...] = ()
    ratio: float = 1.0
    mode: Literal["fast", "safe"] = "safe"
    admin_password: Annotated[str, Meta(min_length=8)] = "changed-me"


def settings(
    flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, config: Path | None = None
) -> Settings:
    return resolve(Settings, table="room", flags=flags or {}, config=config, environ=environ or {})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text('[room]\nhost = "file"\nport = 1\nmode = "fast"\n[other]\nx = 1\n')
    return path


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(config: Path) -> None:
    environ = {"OPENHARBOR_ROOM_PORT": "2", "OPENHARBOR_ROOM_HOST": "environment", "OPENHARBOR_OTHER_PORT": "9"}
    found = settings({"port": 3, "host": None}, environ, config)
    assert (found.port, found.host, found.mode, found.anonymous) == (3, "environment", "fast", False)


def test_variables_are_read_by_type_and_lists_by_commas() -> None:
    environ = {
        "OPENHARBOR_ROOM_ANONYMOUS": "true", "OPENHARBOR_ROOM_HOSTS": "a, b,,c", "OPENHARBOR_ROOM_RATIO": "0.5",
        "OPENHARBOR_ROOM_ADMIN_PASSWORD": "12345678",
    }  # fmt: skip
    found = settings(environ=environ)
    assert (found.anonymous, found.hosts, found.ratio, found.admin_password) == (True, ("a", "b", "c"), 0.5, "12345678")
    assert variable("room", "port") == "OPENHARBOR_ROOM_PORT"


def test_a_key_of_the_file_may_be_written_like_the_flag(config: Path) -> None:
    config.write_text('[room]\nadmin-password = "12345678"\n')
    assert settings(config=config).admin_password == "12345678"


@pytest.mark.parametrize(
    ("flags", "environ", "told"),
    [
        ({"port": 70000}, {}, "--port = 70000: must be 0 to 65535"),
        ({}, {"OPENHARBOR_ROOM_PORT": "70000"}, "OPENHARBOR_ROOM_PORT = 70000: must be 0 to 65535"),
        ({}, {"OPENHARBOR_ROOM_PORT": "80x"}, "OPENHARBOR_ROOM_PORT = '80x': must be 0 to 65535"),
        ({}, {"OPENHARBOR_ROOM_ANONYMOUS": "yes"}, "OPENHARBOR_ROOM_ANONYMOUS = 'yes': must be true or false"),
        ({}, {"OPENHARBOR_ROOM_MODE": "slow"}, "OPENHARBOR_ROOM_MODE = 'slow': must be fast or safe"),
        ({"admin_password": "short"}, {}, "--admin-password = ***: must be at least 8 characters"),
    ],
)
def test_a_fault_names_the_setting_its_value_and_its_range(
    flags: dict[str, object], environ: dict[str, str], told: str
) -> None:
    with pytest.raises(Failed) as failed:
        settings(flags, environ)
    assert (str(failed.value), failed.value.exit_code) == (told, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[room]\nport = "80"\n', "[room] port = '80': must be 0 to 65535"),
        ("[room]\nprot = 80\n", "[room] prot: is not a setting; there are admin_password, anonymous, host"),
        ("room = 1\n", "room must be a table"),
        ("[room\n", "is not TOML"),
        ("[room]\nhosts = [1]\n", "[room] hosts = [1]: must be text"),
    ],
)
def test_a_fault_of_the_file_names_the_file_too(config: Path, text: str, told: str) -> None:
    config.write_text(text)
    with pytest.raises(Failed) as failed:
        settings(config=config)
    assert str(config) in str(failed.value)
    assert told in str(failed.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be read"):
        settings(config=tmp_path / "none.toml")
    with pytest.raises(Failed, match="cannot be read"):
        settings(config=tmp_path)


def test_a_file_without_the_services_table_says_nothing(config: Path) -> None:
    config.write_text("[other]\nport = 1\n")
    assert settings(config=config) == Settings()
