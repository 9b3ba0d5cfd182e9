"""Compiled kernels on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnndsl.runtime.kernels.cubin_cache import (
    cache_folder,
    cache_key,
    read_cubin,
    write_cubin,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rnndsl"


def test_what_is_written_is_read(folder: Path) -> None:
    key = cache_key("13.0", "sm_90", "source")
    assert read_cubin(key) is None
    write_cubin(key, b"\x7fELF code")
    assert read_cubin(key) == b"\x7fELF code"
    assert [path.name for path in folder.iterdir()] == [f"{key}.cubin"]
    write_cubin(key, b"other")
    assert read_cubin(key) == b"other"
    assert read_cubin(cache_key("13.0", "sm_80", "source")) is None


def test_a_key_stands_for_its_parts_alone() -> None:
    keys = [cache_key("a", "bc"), cache_key("ab", "c"), cache_key("abc"), cache_key()]
    assert len(set(keys)) == len(keys)
    assert all(key.isalnum() for key in keys)


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100])
def test_a_file_that_is_not_whole_is_not_used(folder: Path, damage: bytes) -> None:
    key = cache_key("source")
    write_cubin(key, b"code")
    (folder / f"{key}.cubin").write_bytes(damage)
    assert read_cubin(key) is None
    write_cubin(key, b"code")
    content = (folder / f"{key}.cubin").read_bytes()
    (folder / f"{key}.cubin").write_bytes(content[:-1])
    assert read_cubin(key) is None


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(taken))
    write_cubin("key", b"code")
    assert read_cubin("key") is None


def test_nothing_is_left_where_a_file_cannot_be_put(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    write_cubin("key", b"code")
    assert list(folder.iterdir()) == []


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/rnndsl")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/home/someone/.cache/rnndsl")
