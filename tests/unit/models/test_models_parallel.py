"""Data-parallel training: two processes lose what one does with the whole batch."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
from model_specs import ALL
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel
from torch.testing import assert_close

from rnndsl import compile_text

PROCESSES, ROUNDS = 2, 3
# Each process gets the same number of words, so that the mean of means is the mean.
LENGTHS = ((5, 1), (2, 4))


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    words = torch.randint(7, (5, 4), generator=generator)
    return words, torch.tensor([n for pair in LENGTHS for n in pair]), (words + 1) % 7


def letters(folder: str) -> Any:
    """The model whose module is in this folder."""
    location = importlib.util.spec_from_file_location("letters", f"{folder}/letters.py")
    assert location is not None
    assert location.loader is not None
    module = importlib.util.module_from_spec(location)
    sys.modules["letters"] = module
    location.loader.exec_module(module)
    torch.manual_seed(4)
    return module.Letters(7, dtype=torch.float64).eval()


def trained(module: nn.Module, own: Any, rows: slice) -> list[torch.Tensor]:
    """The losses of some steps on these rows of the batch."""
    words, lengths, target = batch()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
    losses = []
    for _ in range(ROUNDS):
        optimiser.zero_grad()
        output, _ = module(words[:, rows], lengths=lengths[rows])
        loss = own.loss(output, target[:, rows], lengths=lengths[rows])
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return losses


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=PROCESSES
    )
    rows = slice(2 * rank, 2 * rank + 2)
    own = letters(folder)
    losses = trained(DistributedDataParallel(own), own, rows)
    sharded = letters(folder)
    mesh = init_device_mesh("cpu", (PROCESSES,))
    for part in (sharded.layer_1, sharded.head, sharded):
        fully_shard(part, mesh=mesh)
    sharded_losses = trained(sharded, sharded, rows)
    whole = {n: p.full_tensor().detach() for n, p in sharded.named_parameters()}
    torch.save(
        ((losses, own.state_dict()), (sharded_losses, whole)), f"{folder}/{rank}.pt"
    )
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(
    not torch.distributed.is_available(), reason="this torch has no distributed"
)
def test_two_processes_are_one(tmp_path: Path) -> None:
    text = compile_text(ALL["one_hot"], "letters.rnn")
    (tmp_path / "letters.py").write_text(text, encoding="utf-8")
    spawn(work, (str(tmp_path),), nprocs=PROCESSES)
    own = letters(str(tmp_path))
    expected = trained(own, own, slice(None))
    assert expected[-1] < expected[0]
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(PROCESSES)]
    # Whole copies in each process, then shards.
    for ways in zip(*parts, strict=True):
        rounds = zip(*(losses for losses, _ in ways), strict=True)
        assert_close([sum(losses) / PROCESSES for losses in rounds], expected)
        for _, state in ways:
            assert_close(state, dict(own.state_dict()))
