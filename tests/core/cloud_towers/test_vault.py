"""Secrets are sealed under the master key; a wrong key, a damaged text and a loose file are told in clear words."""

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.master_key import Keys, Vault, key_id, load_vault, read_key_file, write_key_file
from openharbor.kit.errors import Failed

ONE, TWO = bytes(range(32)), bytes(range(1, 33))


def vault(*keys: bytes) -> Vault:
    return Vault(lambda: keys)


@given(st.binary(max_size=200))
def test_what_was_sealed_is_opened_again(secret: bytes) -> None:
    assert vault(ONE).open(vault(ONE).seal(secret)) == secret


def test_the_same_secret_is_never_sealed_alike() -> None:
    assert vault(ONE).seal(b"x") != vault(ONE).seal(b"x")


def test_the_text_names_its_form_and_its_key() -> None:
    assert vault(ONE).seal(b"x").startswith(f"oh1.{key_id(ONE)}.")


def test_a_wrong_master_key_is_told_by_name() -> None:
    with pytest.raises(Failed, match=f"master key {key_id(ONE)}, .* has {key_id(TWO)}"):
        vault(TWO).open(vault(ONE).seal(b"x"))


@given(st.data())
def test_every_changed_character_is_refused(data: st.DataObject) -> None:
    sealed = vault(ONE).seal(b"a secret")
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != sealed[place]))
    changed = sealed[:place] + other + sealed[place + 1 :]
    if _same_bytes(changed, sealed):
        return
    with pytest.raises(Failed):
        vault(ONE).open(changed)


def _same_bytes(one: str, other: str) -> bool:
    """The last character of base64 text has bits that mean nothing."""
    try:
        return one[:13] == other[:13] and base64.urlsafe_b64decode(one[13:]) == base64.urlsafe_b64decode(other[13:])
    except ValueError:
        return False


@pytest.mark.parametrize("sealed", ["", "oh1", "oh1.", "oh1.x.", "oh2.x.y", "plain text"])
def test_what_was_never_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(Failed):
        vault(ONE).open(sealed)


def test_the_first_key_seals_and_every_key_opens() -> None:
    both = vault(TWO, ONE)
    assert both.open(vault(ONE).seal(b"old")) == b"old"
    assert vault(TWO).open(both.seal(b"new")) == b"new"
    assert both.seals_like(both.seal(b"x"))
    assert not both.seals_like(vault(ONE).seal(b"x"))


def test_a_running_process_goes_on_with_a_new_key() -> None:
    keys: list[Keys] = [(ONE,)]
    running = Vault(lambda: keys[-1])
    keys.append((TWO,))
    assert running.open(vault(TWO).seal(b"new")) == b"new"
    assert vault(TWO).open(running.seal(b"newer")) == b"newer"


def test_no_key_and_no_secret_is_in_an_error_or_a_representation() -> None:
    with pytest.raises(Failed) as refused:
        vault(TWO).open(vault(ONE).seal(b"a secret"))
    for text in (str(refused.value), repr(vault(ONE))):
        assert ONE.hex() not in text
        assert base64.b64encode(ONE).decode() not in text
        assert "a secret" not in text


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    made = load_vault(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_vault(path, create=True).open(made.seal(b"x")) == b"x"
    assert len(base64.b64decode(path.read_text())) == 32
    assert [one.name for one in tmp_path.iterdir()] == ["master.key"]


def loose(path: Path) -> None:
    path.chmod(0o640)


def empty(path: Path) -> None:
    path.write_text("")


def short(path: Path) -> None:
    path.write_text(base64.b64encode(bytes(31)).decode())


def no_text(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


def crowded(path: Path) -> None:
    path.write_text("\n".join([base64.b64encode(ONE).decode()] * 3))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (Path.unlink, "does not exist"),
        (loose, "chmod 600"),
        (empty, "no master key file"),
        (short, "no master key file"),
        (no_text, "no master key file"),
        (crowded, "no master key file"),
    ],
)
def test_a_key_file_at_fault_is_told(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "master.key"
    load_vault(path, create=True)
    spoil(path)
    with pytest.raises(Failed, match=words) as refused:
        load_vault(path)
    assert str(path) in str(refused.value)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be written"):
        load_vault(tmp_path / "missing" / "master.key", create=True)


def test_keys_replace_those_in_the_file_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    load_vault(path, create=True)
    write_key_file(path, (TWO, ONE))
    assert read_key_file(path) == (TWO, ONE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["master.key"]
