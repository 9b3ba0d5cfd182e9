"""What the engine ``graph`` is compared with on a GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from benchmarks.peers import Contest, contestants
from rnndsl.runtime.layers.recurrent import RecurrentModule

# What the graphs are of: "cuda" the loops over kernels where they can run, "fused"
# those in torch operations, "auto" what is taken by itself, which may be cuDNN.
Loop: TypeAlias = Literal["cuda", "fused", "auto"]


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


def gpu_contestants(
    contest: Contest, x: Tensor, hidden_size: int, loop: Loop = "cuda"
) -> GpuContestants:
    """Builds the layers that compete on x (T, B, I)."""
    on_cpu = contestants(contest, x.shape[2], hidden_size)
    place = {"device": x.device, "dtype": x.dtype}
    graph: Any = on_cpu.fused.to(**place)
    set_loop(graph, loop)
    vendor = None if on_cpu.vendor is None else on_cpu.vendor.to(**place)
    eager = on_cpu.eager.to(**place)
    copy = contestants(contest, x.shape[2], hidden_size).eager.to(**place)
    copy.load_state_dict(eager.state_dict())
    captured: Any = torch.cuda.make_graphed_callables(copy, (x,))
    return GpuContestants(graph, eager, captured, vendor)


def set_loop(module: Any, loop: Loop) -> None:
    """Makes a module replay graphs of this loop."""
    module.engine = "graph"
    if loop == "auto":
        return
    for part in module.modules():
        if isinstance(part, RecurrentModule):
            own: Any = part
            own.specification = replace(own.specification, vendor=None)
            if loop == "fused":
                reason = "has to do without"
                own.specification = replace(own.specification, kernels=reason)
