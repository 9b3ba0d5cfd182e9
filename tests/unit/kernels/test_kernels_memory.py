"""Kernels say of every tensor that it overlaps no other: so it has to be; and loops
leave what they are given as it was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from kernel_cases import cells_with_kernels, draw, specification, written
from torch import Tensor

from rnndsl import compile_text, zoo
from rnndsl.runtime.kernels.protocol import Launch


class Places:
    """Kernels that do nothing; ``bind`` looks at where the tensors lie."""

    def bind(
        self,
        name: str,
        count: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        given = [tensor for tensor in reads if tensor is not None]
        for index, written_ in enumerate(writes):
            for other in (*given, *writes[:index]):
                assert not overlap(written_, other), name
        return lambda step: None

    def bind_rows(
        self,
        name: str,
        rows: int,
        width: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        return self.bind(name, rows * width, reads=reads, writes=writes, sizes=sizes)


def overlap(tensor: Tensor, other: Tensor) -> bool:
    first, second = extent(tensor), extent(other)
    return first[0] < second[1] and second[0] < first[1]


def extent(tensor: Tensor) -> tuple[int, int]:
    """The addresses of the first byte and of the one behind the last."""
    if not tensor.numel():
        return 0, 0
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    last = sum((size - 1) * stride for size, stride in sizes)
    start = tensor.data_ptr()
    return start, start + (last + 1) * tensor.element_size()


@pytest.mark.parametrize("name", cells_with_kernels())
def test_nothing_overlaps_and_nothing_given_changes(name: str) -> None:
    cell = specification(name)
    loops = written(cell)
    for steps, rows in ((1, 1), (1, 2), (4, 1)):
        case = draw(cell, torch.float64, masked=False, steps=steps, rows=rows)
        given = (*case.inputs, *case.state, *case.parameters)
        given = (*given, case.d_output, *case.d_state)
        before = [tensor.clone() for tensor in given]
        arguments = (case.inputs, case.state, case.parameters, case.mask)
        for keep in (False, True):
            _, _, saved = loops.forward(Places(), *arguments, keep)
        kept = [tensor.clone() for tensor in saved]
        loops.backward(Places(), case.d_output, case.d_state, *arguments, saved, True)
        torch.testing.assert_close(list(given), before, rtol=0, atol=0)
        torch.testing.assert_close(list(saved), kept, rtol=0, atol=0, equal_nan=True)


def held(saved: Sequence[Tensor], given: Sequence[Tensor]) -> int:
    """The bytes that are kept for the backward pass and were not there before."""
    found = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in saved
    }
    for tensor in given:
        found.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(found.values())


LEAST = {"HGRN": 0.51, "MinGRU": 0.51, "MinLSTM": 0.51, "RWKV": 0.48, "SRU": 0.64}


@pytest.mark.parametrize("name", [n for n in cells_with_kernels() if n != "Hopfield"])
def test_no_more_is_kept_than_by_torch_operations(name: str) -> None:
    """But for one step more of the states; less, where kernels can compute it again."""
    cell = specification(name)
    case = draw(cell, torch.float32, masked=True, steps=200)
    arguments = (case.inputs, case.state, case.parameters, case.mask)
    given = (*case.inputs, *case.state, *case.parameters)
    _, _, kept = written(cell).forward(Places(), *arguments, True)
    _, _, plain = cell.forward(*arguments, True)
    assert held(kept, given) <= LEAST.get(name, 1.01) * held(plain, given)


def test_a_kernel_computes_again_what_it_has_the_parts_of() -> None:
    text = compile_text(zoo.read("SRU"), "sru.rnn")
    backward = text.partition("def sru_cuda_backward(")[2].partition("\ndef ")[0]
    assert "    gates_x, c_prev = saved\n" in backward
    kernel = text.partition("void sru_backward_1(")[2].partition("\n}\n")[0]
    assert (
        "            // sru.rnn:15  f = sigmoid(W_f @ x[t] + v_f * c[t-1] + b_f)\n"
        "            const real f_pre = W_f_x + v_f * c_prev;\n"
        "            const real f = sigmoid(f_pre);\n"
    ) in kernel
    forward = text.partition("void sru_forward_1(")[2].partition("\n}\n")[0]
    assert "if (keep)" not in forward
