"""What generated modules import: layers and cells over PyTorch, and nothing else."""

from __future__ import annotations

from rnndsl.runtime.adaptive import adaptive_probabilities, adaptive_softmax_loss
from rnndsl.runtime.attention import (
    AdditiveAttention,
    AttentionMemory,
    DotAttention,
    GeneralAttention,
)
from rnndsl.runtime.beam import beam_search
from rnndsl.runtime.bridges import StateBridge, StateTable, merge_states
from rnndsl.runtime.cell import RecurrentCell
from rnndsl.runtime.clipping import clip_gradient
from rnndsl.runtime.conditioned import ConditionedModel, at_each_step
from rnndsl.runtime.convolution import CausalConvolution, each_step
from rnndsl.runtime.crf import LinearChainCRF, crf_loss
from rnndsl.runtime.ctc import ctc_best_path, ctc_loss, ctc_negative_log_likelihood
from rnndsl.runtime.dropout import RecurrentDropoutMask, VariationalDropout, ZoneoutMask
from rnndsl.runtime.embedding import given_embedding
from rnndsl.runtime.errors import (
    ArgumentTypeError,
    DeviceError,
    DtypeError,
    ShapeError,
    StateCountError,
)
from rnndsl.runtime.features import (
    extreme_backward,
    layer_norm,
    layer_norm_backward,
    log_softmax_backward,
    mean_backward,
    rms_norm,
    rms_norm_backward,
    softmax_backward,
    sum_backward,
)
from rnndsl.runtime.feeding import first_feed, next_feed, step_by_step
from rnndsl.runtime.generating import (
    SearchOptions,
    Strategy,
    continue_series,
    generate_tokens,
    rows_to_generate,
)
from rnndsl.runtime.generation import (
    GeneratedSequences,
    Prompt,
    greedy_search,
    reorder_batch,
    repeat_batch,
)
from rnndsl.runtime.image_convolution import (
    convolve,
    convolve_backward,
    kernel_gradient,
)
from rnndsl.runtime.initialisers import Initialiser
from rnndsl.runtime.kernels import Kernels
from rnndsl.runtime.layer import RecurrentLayer
from rnndsl.runtime.learned import LearnedState
from rnndsl.runtime.losses import (
    absolute_error_loss,
    binary_loss,
    cross_entropy_loss,
    squared_error_loss,
)
from rnndsl.runtime.model import RecurrentModel
from rnndsl.runtime.model_specification import (
    InputSpecification,
    LayerState,
    ModelSpecification,
    ModelState,
)
from rnndsl.runtime.one_hot import OneHotLinear, one_hot_outer_sum
from rnndsl.runtime.pooling import AttentionPooling, max_over_time, mean_over_time
from rnndsl.runtime.ragged import last_step, repeat_last, reverse_time
from rnndsl.runtime.resets import arrange_marks, marks_backward
from rnndsl.runtime.sampling import sample_sequences
from rnndsl.runtime.specification import (
    CellSpecification,
    Gradients,
    KernelLoops,
    ParameterSpecification,
    PartialTensors,
    StateSpecification,
    Tensors,
    TensorSpecification,
)
from rnndsl.runtime.structure import Structure

__all__ = [
    "AdditiveAttention",
    "ArgumentTypeError",
    "AttentionMemory",
    "AttentionPooling",
    "CausalConvolution",
    "CellSpecification",
    "ConditionedModel",
    "DeviceError",
    "DotAttention",
    "DtypeError",
    "GeneralAttention",
    "GeneratedSequences",
    "Gradients",
    "Initialiser",
    "InputSpecification",
    "KernelLoops",
    "Kernels",
    "LayerState",
    "LearnedState",
    "LinearChainCRF",
    "ModelSpecification",
    "ModelState",
    "OneHotLinear",
    "ParameterSpecification",
    "PartialTensors",
    "Prompt",
    "RecurrentCell",
    "RecurrentDropoutMask",
    "RecurrentLayer",
    "RecurrentModel",
    "SearchOptions",
    "ShapeError",
    "StateBridge",
    "StateCountError",
    "StateSpecification",
    "StateTable",
    "Strategy",
    "Structure",
    "TensorSpecification",
    "Tensors",
    "VariationalDropout",
    "ZoneoutMask",
    "absolute_error_loss",
    "adaptive_probabilities",
    "adaptive_softmax_loss",
    "arrange_marks",
    "at_each_step",
    "beam_search",
    "binary_loss",
    "clip_gradient",
    "continue_series",
    "convolve",
    "convolve_backward",
    "crf_loss",
    "cross_entropy_loss",
    "ctc_best_path",
    "ctc_loss",
    "ctc_negative_log_likelihood",
    "each_step",
    "extreme_backward",
    "first_feed",
    "generate_tokens",
    "given_embedding",
    "greedy_search",
    "kernel_gradient",
    "last_step",
    "layer_norm",
    "layer_norm_backward",
    "log_softmax_backward",
    "marks_backward",
    "max_over_time",
    "mean_backward",
    "mean_over_time",
    "merge_states",
    "next_feed",
    "one_hot_outer_sum",
    "reorder_batch",
    "repeat_batch",
    "repeat_last",
    "reverse_time",
    "rms_norm",
    "rms_norm_backward",
    "rows_to_generate",
    "sample_sequences",
    "softmax_backward",
    "squared_error_loss",
    "step_by_step",
    "sum_backward",
]
