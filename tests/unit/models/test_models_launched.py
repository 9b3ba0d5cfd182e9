"""Training that torchrun starts: two processes lose what one does with all rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed
from model_specs import ALL, model
from torch.testing import assert_close

from rnndsl import compile_text

SCRIPT = Path(__file__).parent / "launched" / "train.py"
ROUNDS = 3


@pytest.mark.skipif(
    not torch.distributed.is_available() or sys.platform != "linux",
    reason="torchrun with gloo, as the continuous integration has it",
)
def test_torchrun_trains_as_one_process_does(tmp_path: Path) -> None:
    text = compile_text(ALL["one_hot"], "letters.rnn")
    (tmp_path / "letters.py").write_text(text, encoding="utf-8")
    words = torch.randint(7, (5, 4))
    # As many words in each half, so that the mean of means is the mean.
    lengths, target = torch.tensor([5, 1, 2, 4]), (words + 1) % 7
    ours = model("one_hot", 7)
    begin = {name: value.clone() for name, value in ours.state_dict().items()}
    batch = {
        "words": words,
        "lengths": lengths,
        "target": target,
        "parameters": begin,
        "rounds": ROUNDS,
    }
    torch.save(batch, tmp_path / "batch.pt")
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"),
        *("--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"),
        *(str(SCRIPT), str(tmp_path)),
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    optimiser = torch.optim.Adam(ours.parameters(), lr=0.05)
    losses = []
    for _ in range(ROUNDS):
        optimiser.zero_grad()
        loss = ours.loss(ours(words, lengths=lengths)[0], target, lengths=lengths)
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    assert losses[-1] < losses[0]
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    mean = (found[0]["losses"] + found[1]["losses"]) / 2
    assert_close(mean, torch.stack(losses))
    for one in found:
        assert_close(one["parameters"], dict(ours.state_dict()))
