"""Where a loop is cut, and what a step costs: launches of kernels, and products."""

from __future__ import annotations

import re

import pytest
import torch
from cpu_kernels import CpuKernels, needs_compiler
from kernel_cases import cells_with_kernels, draw, load_text, specification, written

from rnndsl import compile_text, zoo
from rnndsl.backends.cuda.printer import SPELLING

STEPS = 5


def launches(name: str) -> tuple[list[str], list[str]]:
    """The kernels launched in a forward and in a backward pass of five steps."""
    cell = specification(name)
    case = draw(cell, torch.float64, masked=False, steps=STEPS)
    kernels = CpuKernels(written(cell).source, torch.float64)
    arguments = (case.inputs, case.state, case.parameters, None)
    _, _, saved = written(cell).forward(kernels, *arguments, True)
    forward = [kernel for kernel, _ in kernels.launches]
    kernels.launches.clear()
    written(cell).backward(
        kernels, case.d_output, case.d_state, *arguments, saved, True
    )
    return forward, [kernel for kernel, _ in kernels.launches]


@needs_compiler
@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("LSTM", 1, 1),
        ("GRU", 1, 1),
        ("PeepholeLSTM", 1, 1),
        ("LiGRU", 1, 1),
        ("MGU", 2, 2),
        ("GRUResetBefore", 2, 2),
        ("LSTMP", 2, 2),
    ],
)
def test_a_step_has_one_kernel_for_each_product(
    name: str, forward: int, backward: int
) -> None:
    found = launches(name)
    assert [len(kernels) / STEPS for kernels in found] == [forward, backward]


@needs_compiler
@pytest.mark.parametrize("name", ["SRU", "MinGRU", "IndRNN", "BRC", "RGLRU", "RWKV"])
def test_a_loop_without_products_is_one_launch(name: str) -> None:
    forward, backward = launches(name)
    assert len(forward) == len(backward) == 1


def test_all_cells_of_the_zoo_but_those_on_images_have_kernels() -> None:
    on_images = ["ConvLSTM"]
    every = [name for name in zoo.cell_names() if name not in on_images]
    assert cells_with_kernels() == every


def function(text: str, name: str) -> str:
    start = text.index(f"def {name}(")
    return text[start : text.index("\n\n\n", start)]


def test_products_are_added_to_what_is_there() -> None:
    text = compile_text(zoo.read("LSTM"), "lstm.rnn")
    forward = function(text, "lstm_cuda_forward")
    assert "gates_h_steps[t].addmm_(h_states_steps[t % rows], weight_hh_t)" in forward
    backward = function(text, "lstm_cuda_backward")
    assert "d_h_rows_steps[t % 2].addmm_(d_gates_h_steps[t], weight_hh)" in backward
    gru = function(compile_text(zoo.read("GRU"), "gru.rnn"), "gru_cuda_backward")
    assert "d_h_rows_steps[t % 2].addmm_(d_gates_h_steps[t], weight_hh)" in gru


def test_equations_stand_above_what_they_become() -> None:
    text = compile_text(zoo.read("LSTM"), "lstm.rnn")
    assert (
        "        // lstm.rnn:19  c[t] = f * c[t-1] + i * g\n"
        "        const real c = f * c_prev + i * g;\n"
    ) in text
    kernel = text.partition('LSTM_KERNELS = """')[2].partition('"""')[0]
    assert kernel.count("// lstm.rnn:") == 6
    assert not re.search(r"\.{0}\bfloat\b|\bdouble\b", kernel)


def test_what_is_kept_is_written_once() -> None:
    text = compile_text(zoo.read("LSTM"), "lstm.rnn")
    kernel = text.partition('LSTM_KERNELS = """')[2].partition("lstm_backward_1")[0]
    stored = re.findall(r"store\((\w+),", kernel)
    assert sorted(stored) == sorted(dict.fromkeys(stored))
    assert len(stored) == 8


def test_values_of_several_shapes_are_one_launch() -> None:
    text = compile_text(zoo.read("LSTMP"), "lstmp.rnn")
    backward = function(text, "lstmp_cuda_backward")
    assert "kernels.bind_rows(" in backward
    assert '"lstmp_backward_1",\n        batch,\n        max(' in backward


def test_a_cell_without_kernels_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SPELLING, "tanh")
    text = compile_text(zoo.read("Elman"), "elman.rnn")
    assert 'kernels="uses tanh, for which no kernel is written"' in text
    assert "KernelLoops" not in text
    reason = load_text(text).ELMAN_SPECIFICATION.kernels
    assert reason == "uses tanh, for which no kernel is written"


@pytest.mark.parametrize(
    "name", ['a\\".rnn', "a\n#error.rnn", '"""\\', "*/ int x;.rnn"]
)
def test_a_file_name_stays_in_its_comment(name: str) -> None:
    module = load_text(compile_text(zoo.read("Elman"), name))
    kernel = module.ELMAN_SPECIFICATION.kernels.source
    comments = [line for line in kernel.splitlines() if "h[t] = tanh" in line]
    assert len(comments) == 1
    assert comments[0].lstrip().startswith("// ")
    assert not comments[0].endswith("\\")
    plain = load_text(compile_text(zoo.read("Elman"), "plain.rnn"))
    code = [line for line in kernel.splitlines() if "//" not in line]
    expected = plain.ELMAN_SPECIFICATION.kernels.source.splitlines()
    assert code == [line for line in expected if "//" not in line]
