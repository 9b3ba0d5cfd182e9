"""What generated modules import: layers and cells over PyTorch, and nothing else."""

from __future__ import annotations

from rnndsl.runtime.engines.linear_scan import kept_steps, linear_scan, steps_before
from rnndsl.runtime.errors import (
    ArgumentTypeError,
    DeviceError,
    DtypeError,
    ShapeError,
    StateCountError,
)
from rnndsl.runtime.functions.clipping import clip_gradient
from rnndsl.runtime.functions.features import (
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
from rnndsl.runtime.functions.image_convolution import (
    convolve,
    convolve_backward,
    kernel_gradient,
)
from rnndsl.runtime.functions.one_hot import OneHotLinear, one_hot_outer_sum
from rnndsl.runtime.generation.beam import beam_search
from rnndsl.runtime.generation.generating import (
    SearchOptions,
    Strategy,
    continue_series,
    generate_tokens,
    rows_to_generate,
)
from rnndsl.runtime.generation.greedy import (
    GeneratedSequences,
    Prompt,
    greedy_search,
    reorder_batch,
    repeat_batch,
)
from rnndsl.runtime.generation.sampling import sample_sequences
from rnndsl.runtime.graphs.branches import side_by_side
from rnndsl.runtime.kernels.protocol import Kernels
from rnndsl.runtime.layers.cell import RecurrentCell
from rnndsl.runtime.layers.dropout import (
    RecurrentDropoutMask,
    VariationalDropout,
    ZoneoutMask,
)
from rnndsl.runtime.layers.layer import RecurrentLayer
from rnndsl.runtime.losses.adaptive import adaptive_probabilities, adaptive_softmax_loss
from rnndsl.runtime.losses.crf import LinearChainCRF, crf_loss
from rnndsl.runtime.losses.ctc import (
    ctc_best_path,
    ctc_loss,
    ctc_negative_log_likelihood,
)
from rnndsl.runtime.losses.means import (
    absolute_error_loss,
    binary_loss,
    cross_entropy_loss,
    squared_error_loss,
)
from rnndsl.runtime.model_specification import (
    InputSpecification,
    LayerState,
    ModelSpecification,
    ModelState,
)
from rnndsl.runtime.models.attention import (
    AdditiveAttention,
    AttentionMemory,
    DotAttention,
    GeneralAttention,
)
from rnndsl.runtime.models.bridges import StateBridge, StateTable, merge_states
from rnndsl.runtime.models.conditioned import ConditionedModel, at_each_step
from rnndsl.runtime.models.convolution import CausalConvolution, each_step
from rnndsl.runtime.models.embedding import given_embedding
from rnndsl.runtime.models.feeding import first_feed, next_feed, step_by_step
from rnndsl.runtime.models.learned import LearnedState
from rnndsl.runtime.models.model import RecurrentModel
from rnndsl.runtime.models.pooling import (
    AttentionPooling,
    max_over_time,
    mean_over_time,
)
from rnndsl.runtime.parameters.initialisers import Initialiser
from rnndsl.runtime.parameters.structure import Structure
from rnndsl.runtime.sequences.ragged import last_step, repeat_last, reverse_time
from rnndsl.runtime.sequences.resets import marks_backward
from rnndsl.runtime.specification import (
    CellSpecification,
    Gradients,
    KernelLoops,
    ParameterSpecification,
    PartialTensors,
    StateSpecification,
    Tensors,
    TensorSpecification,
    VendorKernel,
)

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
    "VendorKernel",
    "ZoneoutMask",
    "absolute_error_loss",
    "adaptive_probabilities",
    "adaptive_softmax_loss",
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
    "kept_steps",
    "kernel_gradient",
    "last_step",
    "layer_norm",
    "layer_norm_backward",
    "linear_scan",
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
    "side_by_side",
    "softmax_backward",
    "squared_error_loss",
    "step_by_step",
    "steps_before",
    "sum_backward",
]
