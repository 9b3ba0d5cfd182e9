"""What the timings were taken on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The processor, and the software that matters."""

    processor: str
    cores: int
    threads: int
    capability: str
    python: str
    torch: str

    @classmethod
    def here(cls) -> Machine:
        """This one, with the threads torch uses now."""
        return cls(
            processor=_processor(Path("/proc/cpuinfo")),
            cores=len(os.sched_getaffinity(0)),
            threads=torch.get_num_threads(),
            capability=torch.backends.cpu.get_cpu_capability(),
            python=platform.python_version(),
            torch=torch.__version__,
        )


def load_average() -> float:
    """How many processes wanted to run in the last minute, this one among them."""
    return os.getloadavg()[0]


def _processor(cpuinfo: Path) -> str:
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
