"""Arguments reach the driver through cuda-bindings, with a stand-in for libcuda."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from types import SimpleNamespace
import torch

zeros = torch.zeros
torch.zeros = lambda *size, device=None: zeros(*size)
torch.cuda.current_stream = lambda device: SimpleNamespace(cuda_stream=0x5151)
from rnndsl.runtime.kernels.device import DriverKernels

kernels = DriverKernels(b"compiled code")
x, y = torch.arange(6.0).view(2, 3).t(), torch.full((300,), 7.0)
launch = kernels.bind(
    "lstm_forward_1", 300, reads=(None, x), writes=(y,), sizes=(3, True)
)
launch(0)
launch(41)
try:
    launch(13)
except RuntimeError as error:
    print(error, flush=True)
"""
LAUNCH = "launch 0x88 grid 3 1 1 block 128 1 1 shared 0 stream 0x5151 extra 0: "


def test_a_launch_arrives_as_it_was_meant(tmp_path: Path) -> None:
    """A mask that is not there, a tensor that is copied, one as it is, and numbers."""
    pytest.importorskip("cuda.bindings.driver", reason="no cuda-bindings")
    if shutil.which("gcc") is None or not sys.platform.startswith("linux"):
        pytest.skip("no gcc, on Linux, to build a libcuda with")
    source = Path(__file__).with_name("fake_driver.c")
    library = tmp_path / "libcuda.so.1"
    command = ["gcc", "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(command, check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    # The driver's output has a buffer of its own.
    assert sorted(printed) == sorted(
        [
            "load compiled code",
            "get lstm_forward_1 of 0x77",
            f"{LAUNCH}0 1.0 7.0 3 1 0",
            f"{LAUNCH}0 1.0 7.0 3 1 41",
            f"{LAUNCH}0 1.0 7.0 3 1 13",
            "CUDA driver: too many resources",
        ]
    )
