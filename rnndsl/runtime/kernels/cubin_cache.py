"""Compiled kernels on disk, so that each is compiled once on a machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

_DIGEST_SIZE = hashlib.sha256().digest_size


def cache_folder() -> Path | None:
    """``rnndsl`` in the user's folder for caches; None if the user has no home."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(configured):
        return Path(configured) / "rnndsl"
    try:
        return Path.home() / ".cache" / "rnndsl"
    except RuntimeError:
        return None


def cache_key(*parts: str) -> str:
    """A file name that stands for these texts, and for no others."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


def read_cubin(key: str) -> bytes | None:
    """What was written under a key; None if nothing was, or not all of it is there."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        content = (folder / f"{key}.cubin").read_bytes()
    except OSError:
        return None
    digest, cubin = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    return cubin if hashlib.sha256(cubin).digest() == digest else None


def write_cubin(key: str, cubin: bytes) -> None:
    """Writes all of it at once under a key. A folder that cannot be written is no
    error: the kernels will be compiled again."""
    folder = cache_folder()
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            try:
                file.write(hashlib.sha256(cubin).digest() + cubin)
                file.close()
                os.replace(file.name, folder / f"{key}.cubin")
            except OSError:
                os.unlink(file.name)
                raise
    except OSError:
        return
