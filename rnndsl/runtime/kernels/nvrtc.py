"""Compiles CUDA C++ with NVRTC, through ``cuda-bindings``."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from rnndsl.runtime.kernels.cubin_cache import cache_key, read_cubin, write_cubin
from rnndsl.runtime.kernels.status import returned

_NVRTC_OPTIONS = ("--std=c++17",)


@cache
def find_nvrtc() -> Any | None:
    """The module ``cuda.bindings.nvrtc``; None where it, or its library, is missing."""
    try:
        nvrtc: Any = importlib.import_module("cuda.bindings.nvrtc")
        nvrtc.nvrtcVersion()
    except (ImportError, OSError, RuntimeError):
        return None
    return nvrtc


def compile_cubin(source: str, capability: int) -> bytes:
    """Compiled code for a device of this compute capability (90 for sm_90), from the
    cache on disk where it is there.

    For a device that is newer than the compiler, its PTX for the newest it knows.
    Raises RuntimeError, with the compiler's log, for a source that does not compile.
    """
    nvrtc = find_nvrtc()
    if nvrtc is None:
        raise RuntimeError("cuda-bindings with NVRTC is not installed")
    version = ".".join(map(str, _nvrtc_returned(nvrtc, nvrtc.nvrtcVersion())))
    known = _nvrtc_returned(nvrtc, nvrtc.nvrtcGetSupportedArchs())[0]
    is_known = capability in known
    older = [number for number in known if number <= capability]
    if not older:
        raise RuntimeError(f"NVRTC {version} cannot compile for sm_{capability}")
    target = f"sm_{capability}" if is_known else f"compute_{max(older)}"
    key = cache_key(version, target, *_NVRTC_OPTIONS, source)
    cubin = read_cubin(key)
    if cubin is None:
        cubin = _compile(nvrtc, source, target)
        write_cubin(key, cubin)
    return cubin


def _compile(nvrtc: Any, source: str, target: str) -> bytes:
    code: bytes
    created = nvrtc.nvrtcCreateProgram(source.encode(), b"kernels.cu", 0, [], [])
    (program,) = _nvrtc_returned(nvrtc, created)
    try:
        options = [f"--gpu-architecture={target}".encode()]
        options.extend(option.encode() for option in _NVRTC_OPTIONS)
        (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
        if int(status) != 0:
            (size,) = _nvrtc_returned(nvrtc, nvrtc.nvrtcGetProgramLogSize(program))
            log = b" " * size
            _nvrtc_returned(nvrtc, nvrtc.nvrtcGetProgramLog(program, log))
            text = log.rstrip(b"\0 \n").decode(errors="replace")
            raise RuntimeError(f"NVRTC: {text}")
        if target.startswith("sm_"):
            (size,) = _nvrtc_returned(nvrtc, nvrtc.nvrtcGetCUBINSize(program))
            code = b" " * size
            _nvrtc_returned(nvrtc, nvrtc.nvrtcGetCUBIN(program, code))
        else:
            (size,) = _nvrtc_returned(nvrtc, nvrtc.nvrtcGetPTXSize(program))
            code = b" " * size
            _nvrtc_returned(nvrtc, nvrtc.nvrtcGetPTX(program, code))
        return code
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _nvrtc_returned(nvrtc: Any, result: tuple[Any, ...]) -> tuple[Any, ...]:
    return returned(result, nvrtc.nvrtcGetErrorString, "NVRTC")
