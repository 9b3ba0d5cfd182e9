"""What the engine ``graph`` is compared with on a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers import Contest, contestants


@dataclass(frozen=True, slots=True)
class GpuContestants:
    """The same layer with the same parameters: by ``graph``, as an eager loop, as an
    eager loop captured by ``torch.cuda.make_graphed_callables``, and torch's own."""

    graph: nn.Module
    eager: nn.Module
    captured: nn.Module
    vendor: nn.Module | None

    def named(self) -> dict[str, nn.Module]:
        """Those that there are, by name."""
        layers = {"graph": self.graph, "eager": self.eager, "captured": self.captured}
        return layers if self.vendor is None else {**layers, "torch.nn": self.vendor}


def gpu_contestants(contest: Contest, x: Tensor, hidden_size: int) -> GpuContestants:
    """Builds the layers that compete on x (T, B, I)."""
    on_cpu = contestants(contest, x.shape[2], hidden_size)
    place = {"device": x.device, "dtype": x.dtype}
    graph: Any = on_cpu.fused.to(**place)
    graph.engine = "graph"
    vendor = None if on_cpu.vendor is None else on_cpu.vendor.to(**place)
    eager = on_cpu.eager.to(**place)
    copy = contestants(contest, x.shape[2], hidden_size).eager.to(**place)
    copy.load_state_dict(eager.state_dict())
    captured: Any = torch.cuda.make_graphed_callables(copy, (x,))
    return GpuContestants(graph, eager, captured, vendor)
