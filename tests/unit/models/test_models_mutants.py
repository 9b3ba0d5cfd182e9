"""Verification has to fail for models that are wrong, and say where."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from head_specs import HEADS
from model_specs import ALL
from sequence_specs import SEQUENCES
from verified import replaced, verified
from verified_specs import VERIFIED

from rnndsl.verify import render_table
from rnndsl.verify.report import describe_failure

WRONG: dict[str, tuple[str, Callable[[str], str]]] = {
    "two layers exchanged": (
        "mixed",
        lambda text: re.sub(
            r"lambda: self\.layer_2_(1|3)",
            lambda found: f"lambda: self.layer_2_{4 - int(found[1])}",
            text,
        ),
    ),
    "another merge of directions": (
        "mixed",
        replaced("x = forward * backward", "x = forward + backward"),
    ),
    "another merge of branches": (
        "mixed",
        replaced("x = (y_1 + y_2 + y_3) / 3", "x = y_1 + y_2 + y_3"),
    ),
    "one branch twice": (
        "mixed",
        replaced("x = (y_1 + y_2 + y_3) / 3", "x = (y_1 + y_2 + y_1) / 3"),
    ),
    "directions the other way round": (
        "tagger",
        replaced(
            "x, state_1 = self.layer_1(x, state[0], lengths=lengths)",
            "x, state_1 = self.layer_1(x, state[0], lengths=lengths)\n"
            "        x = torch.cat(x.chunk(2, -1)[::-1], -1)",
        ),
    ),
    "backward direction ignores lengths": (
        "mixed",
        replaced(
            "backward = reverse_time(backward, lengths)", "backward = backward.flip(0)"
        ),
    ),
    "recurrence ignores lengths": (
        "binary",
        lambda text: text.replace("lengths=lengths)\n", "lengths=None)\n", 1),
    ),
    "no reversal": (
        "mixed",
        replaced("self.layer_3(reverse_time(x, lengths), ", "self.layer_3(x, "),
    ),
    "missing skip": (
        "stack",
        replaced("torch.cat((out, y), -1)", "torch.cat((out * 0, y), -1)"),
    ),
    "skip the other way round": (
        "stack",
        replaced("torch.cat((out, y), -1)", "torch.cat((y, out), -1)"),
    ),
    "missing residual": (
        "stack",
        lambda text: text.replace("out = out + y", "out = y", 1),
    ),
    "residual of the dropped input": (
        "stack",
        lambda text: text.replace(
            "y = self.layer_1_variational(out)",
            "out = y = self.layer_1_variational(out)",
        ),
    ),
    "missing dropout": ("stack", replaced("y = self.layer_1_dropout(y)", "pass")),
    "dropout of another probability": (
        "stack",
        replaced(
            "self.layer_1_dropout = nn.Dropout(0.5)",
            "self.layer_1_dropout = nn.Dropout(0.4)",
        ),
    ),
    "dropout that is not variational": (
        "stack",
        replaced("VariationalDropout(0.4)", "nn.Dropout(0.4)"),
    ),
    "missing activation": ("stack", replaced("out = torch.tanh(out)", "pass")),
    "another activation": ("stack", replaced("F.elu(out, 0.5)", "F.elu(out, 1.5)")),
    "wrong head": (
        "stack",
        replaced("self.head_1(out)", "self.head_1(out.flip(-1))"),
    ),
    "head without its bias": (
        "tagger",
        replaced("self.head(x)", "self.head(x) - self.head.bias"),
    ),
    "mean over all steps": (
        "mean",
        replaced("mean_over_time(out, lengths)", "mean_over_time(out, None)"),
    ),
    "last step of the batch": (
        "last",
        replaced("last_step(out, lengths)", "last_step(out, None)"),
    ),
    "largest of all steps": (
        "max",
        replaced("max_over_time(out, lengths)", "max_over_time(out + 1, None) - 1"),
    ),
    "attention over the padding": (
        "attention",
        replaced("self.pooling(out, lengths)", "self.pooling(out, None)"),
    ),
    "another pooling": (
        "mean",
        replaced("mean_over_time(out, lengths)", "out.sum(0) / 5"),
    ),
    "loss counts padding": (
        "stack",
        replaced("mask = self.counted(output, lengths, mask)", "mask = None"),
    ),
    "another loss": (
        "stack",
        replaced("return squared_error_loss(", "return 2 * squared_error_loss("),
    ),
    "another class ignored": ("tagger", replaced("ignore=-100", "ignore=1")),
    "no smoothing": ("once", replaced("smoothing=0.1", "smoothing=0.0")),
    "a state that is not given back": (
        "stack",
        replaced("(state_1, state_2, state_3)", "(state_1, state_1, state_3)"),
    ),
    "a given state ignored": (
        "tagger",
        replaced("self.layer_1(x, state[0], ", "self.layer_1(x, None, "),
    ),
    "a learned state ignored": (
        "mixed",
        replaced("self.layer_4(x, state_7, ", "self.layer_4(x, state[6], "),
    ),
    "an embedding that is trained": (
        "frozen",
        replaced("self.embedding.weight.requires_grad_(False)", "pass"),
    ),
    "an embedding that is not trained": (
        "tagger",
        replaced("self.embedding(words)", "self.embedding(words).detach()"),
    ),
    "extra input one step late": (
        "timed",
        lambda text: text.replace("(x, dt, ", "(x, dt.roll(1, 0), ", 1),
    ),
    "batch first ignored": (
        "stack",
        replaced("batch_first)", "False)"),
    ),
    "padding in the way": (
        "tagger",
        replaced(
            "return self.run((words,), state, lengths=lengths, mask=mask)",
            "return self.unroll((words,), self.states(state), lengths)",
        ),
    ),
    "rows mixed": (
        "stack",
        replaced("self.head_2(out)", "self.head_2(out - 0.1 * out.mean(1, True))"),
    ),
    "gradient cut off": (
        "stack",
        replaced("self.head_2(out)", "self.head_2(out.detach())"),
    ),
    "single precision inside": (
        "stack",
        replaced("self.head_2(out)", "self.head_2(out.float().to(out.dtype))"),
    ),
    "tags of the padding": (
        "crf",
        replaced(
            "crf_loss(self.crf, output, target, lengths)",
            "crf_loss(self.crf, output, target.clamp(min=0), None)",
        ),
    ),
    "tags without their order": (
        "crf",
        replaced("self.crf.decode(output, lengths)", "output.argmax(-1), 0"),
    ),
    "another blank": (
        "ctc",
        replaced("target_lengths, blank=2", "target_lengths, blank=1"),
    ),
    "symbols that keep the blank": (
        "ctc",
        replaced(
            "ctc_best_path(output, lengths, blank=2)",
            "ctc_best_path(output, lengths, blank=1)",
        ),
    ),
    "another cutoff": ("adaptive", replaced("[4, 7]", "[3, 7]")),
    "a mean of what is added up": (
        "summed_mse",
        replaced('reduction="sum"', 'reduction="mean"'),
    ),
    "softmax over time": (
        "softmax",
        lambda text: text.replace("softmax(-1)", "softmax(0)"),
    ),
    "other probabilities": (
        "tagger",
        replaced("return output.softmax(-1)", "return output.sigmoid()"),
    ),
    "steps that do not count in the way": (
        "last",
        replaced("lengths=lengths, mask=mask)", "lengths=lengths)"),
    ),
    "marks ignored": (
        "reset",
        replaced("mask=mask, reset=reset", "mask=mask, reset=None"),
    ),
    "marks of the other direction": (
        "reset",
        replaced("marks_backward(reset, lengths)", "reverse_time(reset, lengths)"),
    ),
    "another layer's values given out": (
        "emitted",
        replaced('"layer_2_2": emitted_3', '"layer_2_2": emitted_2'),
    ),
    "zoneout of another probability": (
        "dropped",
        replaced(
            "self.layer_1_zoneout_c = ZoneoutMask(0.5",
            "self.layer_1_zoneout_c = ZoneoutMask(0.4",
        ),
    ),
    "masks exchanged": (
        "dropped",
        replaced(
            "self.layer_1_zoneout_h(x),\n            self.layer_1_zoneout_c(x),",
            "self.layer_1_zoneout_c(x),\n            self.layer_1_zoneout_h(x),",
        ),
    ),
    "weights not dropped": (
        "dropped",
        replaced('self.layer_2.drop_weights(0.5, "weight_hh")', "pass"),
    ),
    "zero instead of what is held": (
        "dropped",
        replaced('masked="hold"', 'masked="zero"'),
    ),
    "another start": ("caption", replaced("start=1,", "start=0,")),
    "no stop": ("caption", replaced("stop=2,", "stop=None,")),
    "a series in the wrong order": (
        "series",
        lambda text: text.replace("state, prime, steps", "state, prime.flip(0), steps"),
    ),
    "a context ignored": (
        "caption",
        replaced("at_each_step(image, x)", "0 * at_each_step(image, x)"),
    ),
    "another first state": (
        "caption",
        replaced(
            'StateBridge(self.layer_1, f_size, "tanh"',
            'StateBridge(self.layer_1, f_size, "relu"',
        ),
    ),
    "a state that is not kept": (
        "chatter_kept",
        replaced("stateful=True,", "stateful=False,"),
    ),
    "gradients that are not cut": (
        "episodes",
        replaced("self.truncation = 2", "self.truncation = 3"),
    ),
    "attention to the padding": (
        "translator",
        replaced(
            "self.attention_1.prepare(encoded, counted)",
            "self.attention_1.prepare(encoded, None)",
        ),
    ),
    "another memory": (
        "speech",
        replaced("self.attention_1(x, memory_1)", "self.attention_1(x, memory_2)"),
    ),
    "states of another layer of the encoder": (
        "translator",
        replaced(
            'state_2 = merge_states("sum", last[1])',
            'state_2 = merge_states("sum", last[0])',
        ),
    ),
    "states merged otherwise": (
        "speech",
        replaced('merge_states("product"', 'merge_states("sum"'),
    ),
    "a map of the states without its function": (
        "turner",
        lambda text: text.replace(', "tanh", **factory)', ", **factory)", 1),
    ),
    "nothing fed back": (
        "translator",
        replaced("next_feed(x, fed, lengths)", "next_feed(0 * x, fed, lengths)"),
    ),
    "fed back by rows that have ended": (
        "translator",
        replaced("next_feed(x, fed, lengths)", "next_feed(x, fed, None)"),
    ),
}
EVERY = {**ALL, **HEADS, **SEQUENCES, **VERIFIED}


@pytest.mark.parametrize("mutation", WRONG)
def test_a_wrong_model_fails(mutation: str) -> None:
    name, change = WRONG[mutation]

    def changed(text: str) -> str:
        other = change(text)
        assert other != text, "nothing to mutate"
        return other

    report = verified(EVERY[name], changed)
    assert not report.passed, render_table(report)


def test_a_failure_names_the_model_the_case_and_the_tensor() -> None:
    _, change = WRONG["loss counts padding"]
    report = verified(ALL["stack"], change)
    assert {(result.name, result.worst) for result in report.failures} >= {
        ("Stack", "loss")
    }
    sentences = [describe_failure(result) for result in report.failures]
    assert any(
        re.fullmatch(
            r"Stack model, fused, float64, training, ragged: loss differs from "
            r"interpreter by \d\.\de[-+]\d+, allowed 1e-12",
            sentence,
        )
        for sentence in sentences
    )


BROKEN = {
    "class Stack(": "Stack model, fused, float64, whole sequences: cannot be built: "
    "AttributeError: module 'verified_model' has no attribute 'Stack'",
    "self.head_2(out)": "Stack model, fused, float64, whole sequences: fails: "
    "AttributeError: 'Stack' object has no attribute 'head_3'",
}


@pytest.mark.parametrize("place", BROKEN)
def test_a_model_that_raises_is_a_failure(place: str) -> None:
    new = place.replace("Stack", "Heap").replace("head_2", "head_3")
    report = verified(ALL["stack"], replaced(place, new))
    assert describe_failure(report.failures[0]) == BROKEN[place]
    assert BROKEN[place] in render_table(report)


def test_a_frozen_embedding_that_is_trained_is_named() -> None:
    _, change = WRONG["an embedding that is trained"]
    report = verified(ALL["frozen"], change)
    assert (
        "Frozen model, fused, float64, whole sequences: trains embedding.weight, "
        "which its spec does not train" in map(describe_failure, report.failures)
    )
