"""Names that a spec may not give, because the generated module could not bear them."""

from __future__ import annotations

import math

from rnndsl.analysis.findings import error, quoted
from rnndsl.diagnostics import Diagnostic
from rnndsl.formulas.features import ALL_FUNCTIONS
from rnndsl.syntax import tree

LONGEST_NAME = 40
PREDEFINED = {"pi": math.pi}

# fmt: off
PYTHON_KEYWORDS = (
    "False", "None", "True", "and", "as", "assert", "async", "await", "break",
    "class", "continue", "def", "del", "elif", "else", "except", "finally", "for",
    "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
    "pass", "raise", "return", "try", "while", "with", "yield",
)
MODULE_ATTRIBUTES = (
    "T_destination", "_apply", "_backward_hooks", "_backward_pre_hooks", "_buffers",
    "_call_impl", "_compiled_call_impl", "_forward_hooks",
    "_forward_hooks_always_called", "_forward_hooks_with_kwargs",
    "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_get_backward_hooks",
    "_get_backward_pre_hooks", "_get_name", "_is_full_backward_hook",
    "_load_from_state_dict", "_load_state_dict_post_hooks",
    "_load_state_dict_pre_hooks", "_maybe_warn_non_full_backward_hook", "_modules",
    "_named_members", "_non_persistent_buffers_set", "_parameters",
    "_register_load_state_dict_pre_hook", "_register_state_dict_hook",
    "_replicate_for_data_parallel", "_save_to_state_dict", "_slow_forward",
    "_state_dict_hooks", "_state_dict_pre_hooks", "_version", "_wrapped_call_impl",
    "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children",
    "compile", "cpu", "cuda", "double", "dump_patches", "eval", "extra_repr",
    "float", "forward", "get_buffer", "get_extra_state", "get_parameter",
    "get_submodule", "half", "ipu", "load_state_dict", "modules", "mtia",
    "named_buffers", "named_children", "named_modules", "named_parameters",
    "parameters", "register_backward_hook", "register_buffer",
    "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "set_extra_state",
    "set_submodule", "share_memory", "state_dict", "to", "to_empty", "train",
    "training", "type", "xpu", "zero_grad",
)
CELL_NAMES = (
    "AdditiveAttention", "Any", "ArgumentTypeError", "AttentionMemory",
    "AttentionPooling", "CausalConvolution", "CellSpecification", "ConditionedModel",
    "DeviceError", "DotAttention", "DtypeError", "F", "GeneralAttention",
    "GeneratedSequences", "Gradients", "Initialiser", "InputSpecification",
    "KernelLoops", "Kernels", "LayerState", "LearnedState", "LinearChainCRF",
    "ModelSpecification", "ModelState", "OneHotLinear", "PackedSequence",
    "ParameterSpecification", "PartialTensors", "Prompt", "RecurrentCell",
    "RecurrentDropoutMask", "RecurrentLayer", "RecurrentModel", "SearchOptions",
    "ShapeError", "StateBridge", "StateCountError", "StateSpecification", "StateTable",
    "Strategy", "Structure", "Tensor", "TensorSpecification", "Tensors", "Unpack",
    "VariationalDropout", "VendorKernel", "ZoneoutMask", "absolute_error_loss",
    "adaptive_probabilities", "adaptive_softmax_loss", "annotations", "at_each_step",
    "beam_search", "binary_loss", "bool", "clip_gradient", "continue_series",
    "convolve", "convolve_backward", "crf_loss", "cross_entropy_loss", "ctc_best_path",
    "ctc_loss", "ctc_negative_log_likelihood", "dict", "each_step", "enumerate",
    "extreme_backward", "first_feed", "float", "generate_tokens", "given_embedding",
    "greedy_search", "int", "kept_steps", "kernel_gradient", "last_step", "layer_norm",
    "layer_norm_backward", "len", "linear_scan", "list", "log_softmax_backward",
    "marks_backward", "math", "max", "max_over_time", "mean_backward", "mean_over_time",
    "merge_states", "next_feed", "nn", "object", "one_hot_outer_sum", "overload",
    "property", "range", "reorder_batch", "repeat_batch", "repeat_last", "reverse_time",
    "reversed", "rms_norm", "rms_norm_backward", "rows_to_generate", "sample_sequences",
    "side_by_side", "softmax_backward", "squared_error_loss", "step_by_step",
    "steps_before", "str", "sum", "sum_backward", "super", "torch", "tuple", "zip",
)
STORED_NAMES = (
    "add_block", "all_weights", "assign_weight", "batch_first", "bias", "bidirectional",
    "drop_weights", "dropout", "effective_weight", "engine", "explain",
    "first_parameter", "flatten_parameters", "gradient_norms", "graph_limit",
    "initial_state", "num_layers", "options", "proj_size", "recorded",
    "recording_refusal", "reset_parameters", "run", "scan", "separate", "settle",
    "specification", "truncation", "weight_drop",
)
INPUT_NAMES = ("hx", "lengths")
ARGUMENTS = (
    "batch_first", "bias", "bidirectional", "device", "dropout", "dtype", "num_layers",
)
MODEL_ARGUMENTS = ("batch_first", "device", "dtype", "factory")
MODEL_ATTRIBUTES = (
    "adaptive_softmax", "carried", "counted", "crf", "decode", "embedding", "encode",
    "encoder", "engine", "explain", "fed_size", "fed_step", "generate", "given",
    "graph_limit", "head", "head_bias", "initial_state", "kept_aside", "laid_out",
    "loss", "memory", "options", "over_time", "pooling", "predict", "records",
    "reset_parameters", "reset_state", "run", "run_emitting", "run_emitting_step",
    "run_step", "specification", "start", "started", "states", "step", "truncation",
    "unroll",
)
MODEL_INPUT_NAMES = (
    "batch", "lengths", "max_length", "output", "prime", "prime_lengths", "search",
    "state", "steps", "strategy", "target_lengths",
)
# fmt: on


def reserved_name(
    name: tree.Name, *others: str, is_attribute: bool = False
) -> Diagnostic | None:
    """A name that cannot be given; ``others`` are refused in this place besides.

    ``is_attribute``: the module will have an attribute of this name, among its own.
    """
    reason = _reason(name.text, others)
    if reason is None and is_attribute and name.text.startswith("_"):
        reason = "names that start with an underscore belong to the module"
    if reason is None:
        return None
    return error(
        "RNN023",
        f"the name {quoted(name.text)} cannot be used",
        name.span,
        label=reason,
        help="choose another name",
    )


def _reason(name: str, others: tuple[str, ...]) -> str | None:
    if len(name) > LONGEST_NAME:
        return f"{len(name)} characters, at most {LONGEST_NAME} are allowed"
    if name.startswith("__"):
        return "Python changes names that start with two underscores"
    if name in PYTHON_KEYWORDS:
        return "a word of Python"
    if name == "t":
        return "the time step"
    if name in PREDEFINED:
        return "a number of the language"
    if name in ALL_FUNCTIONS:
        return "a function of the language"
    if name == "self" or name in MODULE_ATTRIBUTES:
        return "every PyTorch module has something of this name"
    if name in others:
        return "the generated module has something of this name"
    return None
