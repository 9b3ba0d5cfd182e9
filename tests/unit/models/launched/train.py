"""What each process that torchrun starts does: trains on its rows of the batch.

Run as ``torchrun ... train.py FOLDER``; the folder holds the generated ``letters.py``,
and each process leaves its losses and parameters there.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel


def main() -> None:
    folder = sys.argv[1]
    sys.path.insert(0, folder)
    from letters import Letters

    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    train(Letters(7, dtype=torch.float64).eval(), folder)
    # The other process has all it needs of this one.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    # Threads of the group may outlive it, and abort a process that ends as usual.
    os._exit(0)


def train(own: Any, folder: str) -> None:
    """Some steps of an optimiser on this process's rows."""
    rank, count = torch.distributed.get_rank(), torch.distributed.get_world_size()
    assert (rank, count) == (int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    batch = torch.load(f"{folder}/batch.pt")
    words, lengths, target = batch["words"], batch["lengths"], batch["target"]
    rows = slice(rank * words.shape[1] // count, (rank + 1) * words.shape[1] // count)
    own.load_state_dict(batch["parameters"])
    model = DistributedDataParallel(own)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(batch["rounds"]):
        optimiser.zero_grad()
        output, _ = model(words[:, rows], lengths=lengths[rows])
        loss = own.loss(output, target[:, rows], lengths=lengths[rows])
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    found = {"losses": torch.stack(losses), "parameters": own.state_dict()}
    torch.save(found, f"{folder}/{rank}.pt")


if __name__ == "__main__":
    main()
