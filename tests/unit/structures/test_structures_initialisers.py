"""Initialisers that look at more than one entry, and those of structured matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rnndsl import load

SPEC = """
cell Unit(I, H):
    input  x: [I]
    state  h: [H]
    param  W: [H, I] as weight_ih
    param  U: [H, H]{} as weight_hh{}
    bias   b_{{i,f,n}}: [H] as bias_ih{}

    i = sigmoid(W @ x[t] + b_i)
    f = sigmoid(U @ h[t-1] + b_f)
    n = tanh(W @ x[t] + b_n)
    h[t] = f * h[t-1] + i * n
    output h[t]
"""


def built(folder: Path, size: int, *, words: str = "", u: str = "", b: str = "") -> Any:
    path = folder / "spec.rnn"
    path.write_text(SPEC.format(words, u, b), encoding="utf-8")
    torch.manual_seed(5)
    return load(path, name=folder.name).Unit(3, size, dtype=torch.float64)


def matrix(layer: Any) -> Tensor:
    result: Tensor = layer.effective_weight("weight_hh_l0")
    return result.detach()


def radius(values: Tensor) -> float:
    return float(torch.linalg.eigvals(values).abs().max())


@pytest.mark.parametrize(
    "words", ["", " sparse(0.1)", " symmetric", " low_rank(3)", " block_diagonal(5)"]
)
def test_spectral_radius(words: str, tmp_path: Path) -> None:
    layer = built(tmp_path, 50, words=words, u=" ~ spectral_radius(0.9)")
    assert radius(matrix(layer)) == pytest.approx(0.9)


def test_spectral_radius_may_depend_on_sizes(tmp_path: Path) -> None:
    layer = built(tmp_path, 20, u=" ~ spectral_radius(2 / H)")
    assert radius(matrix(layer)) == pytest.approx(0.1)


def test_sparse_normal(tmp_path: Path) -> None:
    layer = built(tmp_path, 200, u=" ~ sparse_normal(0.25, 1 / sqrt(50))")
    values = layer.weight_hh_l0.detach()
    assert (values != 0).sum(1).tolist() == [50] * 200
    assert (values != 0).sum(0).float().std() > 1
    kept = values[values != 0]
    assert float(kept.mean()) == pytest.approx(0, abs=0.01)
    assert float(kept.std()) == pytest.approx(0.02**0.5, rel=0.02)


def test_chrono_draws_logarithms_of_times(tmp_path: Path) -> None:
    layer = built(tmp_path, 5000, b=" ~ {-chrono(100), chrono(100), 0}")
    i, f, n = layer.bias_ih_l0.detach().chunk(3)
    assert torch.equal(i, -f)
    assert n.tolist() == [0.0] * 5000
    times = f.exp()
    assert 1 <= float(times.min()) < 1.5
    assert 98.5 < float(times.max()) <= 99
    assert float(times.mean()) == pytest.approx(50, rel=0.02)
    assert float(times.std()) == pytest.approx(98 / 12**0.5, rel=0.02)


def test_chrono_of_other_times_is_drawn_anew(tmp_path: Path) -> None:
    layer = built(tmp_path, 50, b=" ~ {chrono(100), chrono(10), uniform(2, 3)}")
    i, f, n = layer.bias_ih_l0.detach().chunk(3)
    assert float(f.exp().max()) <= 9 < float(i.exp().max())
    assert 2 <= float(n.min()) < float(n.max()) <= 3


def test_chrono_of_a_single_bias_and_of_a_size(tmp_path: Path) -> None:
    layer = built(tmp_path, 400, b=" ~ chrono(H)")
    i, f, n = layer.bias_ih_l0.detach().chunk(3)
    assert torch.equal(i, f)
    assert torch.equal(f, n)
    assert 390 < float(f.exp().max()) <= 399


@pytest.mark.parametrize("u", ["", " ~ orthogonal"])
def test_rotations_start_evenly_spread(u: str, tmp_path: Path) -> None:
    """The mean absolute trace of a random rotation is sqrt(2 / pi), whatever its size
    (P. Diaconis and M. Shahshahani, On the eigenvalues of random matrices, 1994)."""
    layer = built(tmp_path, 6, words=" orthogonal", u=u)
    traces = []
    for _ in range(400):
        layer.reset_parameters()
        traces.append(abs(float(matrix(layer).trace())))
    assert sum(traces) / 400 == pytest.approx((2 / torch.pi) ** 0.5, abs=0.12)


@pytest.mark.parametrize("words", [" orthogonal", " upper_triangular", " diagonal"])
def test_the_identity_is_kept(words: str, tmp_path: Path) -> None:
    layer = built(tmp_path, 5, words=words, u=" ~ identity")
    assert_close(matrix(layer), torch.eye(5, dtype=torch.float64))


def test_the_drawn_matrix_has_the_sizes_of_the_whole(tmp_path: Path) -> None:
    layer = built(tmp_path, 80, words=" sparse(0.2)", u=" ~ xavier_normal")
    assert layer.weight_hh_l0.shape == (80, 16)
    found = float(layer.weight_hh_l0.detach().std())
    assert found == pytest.approx((2 / 160) ** 0.5, rel=0.05)


def test_the_same_seed_gives_the_same_layer(tmp_path: Path) -> None:
    one, two = (
        built(tmp_path, 20, words=" sparse(0.2)", u=" ~ spectral_radius(1)")
        for _ in range(2)
    )
    state = two.state_dict()
    for name, value in one.state_dict().items():
        assert torch.equal(value, state[name])
