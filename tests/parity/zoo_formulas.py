"""Each cell of the zoo once more, written by hand in torch from its equations.

A formula takes the inputs (B, ...), the state before the step (B, ...) and the stored
parameters by name, and returns the output and the new state. They are written for whole
gate blocks where the specs are written gate by gate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import linear, relu, silu, softplus
from zoo_mixing import conv_lstm, layer_norm_lstm
from zoo_structured import (
    antisymmetric_rnn,
    echo_state,
    exp_rnn,
    hopfield,
    hopfield_asynchronous,
)

Values: TypeAlias = dict[str, Tensor]
Formula: TypeAlias = Callable[[Values, Values, Values], tuple[Tensor, Values]]


def elman(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    h = torch.tanh(_both(x["x"], s["h"], p) + p["bias_ih"] + p["bias_hh"])
    return h, {"h": h}


def elman_relu(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    h = relu(_both(x["x"], s["h"], p) + p["bias_ih"] + p["bias_hh"])
    return h, {"h": h}


def irnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    h = relu(_both(x["x"], s["h"], p) + p["bias_ih"])
    return h, {"h": h}


def jordan(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    read = linear(x["x"], p["weight_ih"], p["bias_h"]) + linear(s["y"], p["weight_oh"])
    y = torch.sigmoid(linear(torch.tanh(read), p["weight_ho"], p["bias_o"]))
    return y, {"y": y}


def lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    gates = _both(x["x"], s["h"], p) + p["bias_ih"] + p["bias_hh"]
    return _lstm_update(gates, s["c"])


def lstm_projected(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    wide, state = lstm(x, s, p)
    h = linear(wide, p["weight_hr"])
    return h, {"h": h, "c": state["c"]}


def lstm_no_forget(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    i, g, o = (_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(3, -1)
    c = s["c"] + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, {"h": h, "c": c}


def coupled_lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    i, g, o = (_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(3, -1)
    c = torch.lerp(s["c"], torch.tanh(g), torch.sigmoid(i))
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, {"h": h, "c": c}


def peephole_lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    i, f, g, o = (_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(4, -1)
    p_i, p_f, p_o = p["weight_peephole"].chunk(3)
    c = torch.sigmoid(f + p_f * s["c"]) * s["c"]
    c = c + torch.sigmoid(i + p_i * s["c"]) * torch.tanh(g)
    h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
    return h, {"h": h, "c": c}


def multiplicative_lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    m = linear(x["x"], p["weight_im"], p["bias_im"])
    m = m * linear(s["h"], p["weight_hm"], p["bias_hm"])
    gates = linear(x["x"], p["weight_ih"], p["bias_ih"]) + linear(m, p["weight_mh"])
    return _lstm_update(gates, s["c"])


def slstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    z, i, f, o = (_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(4, -1)
    m = torch.maximum(torch.nn.functional.logsigmoid(f) + s["m"], i)
    i, f = torch.exp(i - m), torch.sigmoid(f) * torch.exp(s["m"] - m)
    c = f * s["c"] + i * torch.tanh(z)
    n = f * s["n"] + i
    h = torch.sigmoid(o) * (c / n)
    return h, {"h": h, "c": c, "n": n, "m": m}


def time_aware_lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    short = torch.tanh(linear(s["c"], p["weight_short"], p["bias_short"]))
    discount = 1 / torch.log(math.e + x["dt"])
    kept = (s["c"] - short) + short * discount.unsqueeze(-1)
    return _lstm_update(_both(x["x"], s["h"], p) + p["bias_ih"], kept)


def gru(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    x_r, x_z, x_n = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(3, -1)
    h_r, h_z, h_n = linear(s["h"], p["weight_hh"], p["bias_hh"]).chunk(3, -1)
    n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
    h = torch.lerp(n, s["h"], torch.sigmoid(x_z + h_z))
    return h, {"h": h}


def gru_reset_before(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    x_r, x_z, x_n = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(3, -1)
    U_r, U_z, U_n = p["weight_hh"].chunk(3)
    r = torch.sigmoid(x_r + linear(s["h"], U_r))
    z = torch.sigmoid(x_z + linear(s["h"], U_z))
    h = torch.lerp(torch.tanh(x_n + linear(r * s["h"], U_n)), s["h"], z)
    return h, {"h": h}


def mgu(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    x_f, x_n = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(2, -1)
    U_f, U_n = p["weight_hh"].chunk(2)
    f = torch.sigmoid(x_f + linear(s["h"], U_f))
    h = torch.lerp(s["h"], torch.tanh(x_n + linear(f * s["h"], U_n)), f)
    return h, {"h": h}


def li_gru(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    z, n = (_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(2, -1)
    h = torch.lerp(relu(n), s["h"], torch.sigmoid(z))
    return h, {"h": h}


def ugrnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    g, n = (_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(2, -1)
    h = torch.lerp(torch.tanh(n), s["h"], torch.sigmoid(g))
    return h, {"h": h}


def plus_rnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    gates = _both(x["x"], s["h"], p) + p["bias_ih"]
    g_y, g_h, c_y, c_h = gates.chunk(4, -1)
    h = torch.lerp(torch.tanh(c_h), s["h"], torch.sigmoid(g_h))
    return torch.lerp(relu(c_y), x["x"], torch.sigmoid(g_y)), {"h": h}


def minimal_rnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    b_z, b_u = p["bias_ih"].chunk(2)
    z = torch.tanh(linear(x["x"], p["weight_ih"], b_z))
    u = linear(s["h"], p["weight_hh"]) + linear(z, p["weight_zh"], b_u)
    h = torch.lerp(z, s["h"], torch.sigmoid(u))
    return h, {"h": h}


def janet(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    forget, g = (_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(2, -1)
    h = torch.sigmoid(forget) * s["h"] + torch.sigmoid(1 - forget) * torch.tanh(g)
    return h, {"h": h}


def ind_rnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    h = relu(linear(x["x"], p["weight_ih"], p["bias_ih"]) + p["weight_hh"] * s["h"])
    return h, {"h": h}


def ran(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    i, f = torch.sigmoid(_both(x["x"], s["h"], p) + p["bias_ih"]).chunk(2, -1)
    c = i * linear(x["x"], p["weight_ic"]) + f * s["c"]
    return torch.tanh(c), {"h": torch.tanh(c), "c": c}


def light_ru(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    x_f, x_n = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(2, -1)
    f = torch.sigmoid(x_f + linear(s["h"], p["weight_hh"]))
    h = torch.lerp(s["h"], torch.tanh(x_n), f)
    return h, {"h": h}


def multiplicative_integration(
    x: Values, s: Values, p: Values
) -> tuple[Tensor, Values]:
    Wx, Uh = linear(x["x"], p["weight_ih"]), linear(s["h"], p["weight_hh"])
    second_order = p["alpha"] * Wx * Uh
    h = torch.tanh(second_order + p["beta"] * Uh + p["gamma"] * Wx + p["bias_ih"])
    return h, {"h": h}


def scrn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    slow = torch.lerp(linear(x["x"], p["weight_ic"]), s["s"], 0.95)
    h = torch.sigmoid(linear(slow, p["weight_ch"]) + _both(x["x"], s["h"], p))
    y = linear(h, p["weight_ho"]) + linear(slow, p["weight_co"])
    return y, {"h": h, "s": slow}


def fast_rnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    n = torch.tanh(_both(x["x"], s["h"], p) + p["bias_ih"])
    h = torch.sigmoid(p["alpha"]) * n + torch.sigmoid(p["beta"]) * s["h"]
    return h, {"h": h}


def fast_grnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    shared = _both(x["x"], s["h"], p)
    b_z, b_n = p["bias_ih"].chunk(2)
    z, n = torch.sigmoid(shared + b_z), torch.tanh(shared + b_n)
    weight = torch.sigmoid(p["zeta"]) * (1 - z) + torch.sigmoid(p["nu"])
    h = weight * n + z * s["h"]
    return h, {"h": h}


def co_rnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    force = _both(x["x"], s["h"], p) + linear(s["z"], p["weight_zh"], p["bias_ih"])
    z = s["z"] + 0.042 * (torch.tanh(force) - 2.7 * s["h"] - 4.7 * s["z"])
    h = s["h"] + 0.042 * z
    return h, {"h": h, "z": z}


def brc(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    w_a, w_c = p["weight_hh"].chunk(2)
    return _bistable(x, s, p, w_a * s["h"], w_c * s["h"])


def nbrc(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    return _bistable(x, s, p, *linear(s["h"], p["weight_hh"]).chunk(2, -1))


def sru(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    x_f, x_r, skip = linear(x["x"], p["weight_ig"]).chunk(3, -1)
    v_f, v_r = p["weight_cg"].chunk(2)
    b_f, b_r = p["bias_ih"].chunk(2)
    f = torch.sigmoid(x_f + v_f * s["c"] + b_f)
    r = torch.sigmoid(x_r + v_r * s["c"] + b_r)
    c = torch.lerp(linear(x["x"], p["weight_ih"]), s["c"], f)
    return torch.lerp(skip, c, r), {"c": c}


def qrnn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    window = torch.cat((x["x"], s["x_1"]), -1)
    kernel = torch.cat((p["weight_ih"], p["weight_lh"]), -1)
    z, f, o = linear(window, kernel, p["bias_ih"]).chunk(3, -1)
    c = torch.lerp(s["c"], torch.tanh(z), torch.sigmoid(f))
    return torch.sigmoid(o) * c, {"c": c, "x_1": x["x"]}


def min_gru(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    z, u = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(2, -1)
    h = torch.lerp(s["h"], _positive(u), torch.sigmoid(z))
    return h, {"h": h}


def min_lstm(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    f, i, u = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(3, -1)
    f, i = torch.sigmoid(f), torch.sigmoid(i)
    h = f / (f + i) * s["h"] + i / (f + i) * _positive(u)
    return h, {"h": h}


def hgrn(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    f, i = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(2, -1)
    bound = torch.sigmoid(p["lower_bound"])
    h = torch.lerp(silu(i), s["h"], bound + (1 - bound) * torch.sigmoid(f))
    return h, {"h": h}


def rglru(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    r, i = torch.sigmoid(linear(x["x"], p["weight_ih"], p["bias_ih"])).chunk(2, -1)
    a = torch.exp(-8 * r * softplus(p["decay"]))
    h = a * s["h"] + torch.sqrt(1 - a**2) * i * x["x"]
    return h, {"h": h}


def rwkv(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    """Without stabilisation: the sums as they are, from those the state stands for."""
    k, v, r = linear(x["x"], p["weight_ih"]).chunk(3, -1)
    numerator, denominator = (torch.exp(s["p"]) * s[name] for name in ("a", "b"))
    bonus = torch.exp(p["first"] + k)
    y = (numerator + bonus * v) / (denominator + bonus)
    decay = torch.exp(-torch.exp(p["decay"]))
    exponent = torch.maximum(s["p"] - torch.exp(p["decay"]), k)
    new = {
        "a": (decay * numerator + torch.exp(k) * v) * torch.exp(-exponent),
        "b": (decay * denominator + torch.exp(k)) * torch.exp(-exponent),
        "p": exponent,
    }
    return linear(torch.sigmoid(r) * y, p["weight_ho"]), new


def cfc(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    backbone = 1.7159 * torch.tanh(0.666 * (_both(x["x"], s["h"], p) + p["bias_ih"]))
    a, b, f, g = linear(backbone, p["weight_kh"], p["bias_k"]).chunk(4, -1)
    q = torch.sigmoid(a * x["dt"].unsqueeze(-1) + b)
    h = torch.lerp(torch.tanh(f), torch.tanh(g), q)
    return h, {"h": h}


def grud(x: Values, s: Values, p: Values) -> tuple[Tensor, Values]:
    observed, delta = x["mask"], x["delta"]
    gamma_x = torch.exp(-relu(p["weight_decay_x"] * delta + p["bias_decay_x"]))
    gamma_h = torch.exp(-relu(linear(delta, p["weight_decay_h"], p["bias_decay_h"])))
    decayed = torch.lerp(p["x_mean"].expand_as(gamma_x), s["last"], gamma_x)
    value = torch.lerp(decayed, x["x"], observed)
    h = gamma_h * s["h"]
    read = linear(value, p["weight_ih"], p["bias_ih"]) + linear(
        observed, p["weight_mh"]
    )
    x_r, x_z, x_n = read.chunk(3, -1)
    U_r, U_z, U_n = p["weight_hh"].chunk(3)
    r = torch.sigmoid(x_r + linear(h, U_r))
    z = torch.sigmoid(x_z + linear(h, U_z))
    h = torch.lerp(torch.tanh(x_n + linear(r * h, U_n)), h, z)
    return h, {"h": h, "last": torch.lerp(s["last"], x["x"], observed)}


def _both(x: Tensor, h: Tensor, p: Values) -> Tensor:
    return linear(x, p["weight_ih"]) + linear(h, p["weight_hh"])


def _lstm_update(gates: Tensor, c: Tensor) -> tuple[Tensor, Values]:
    i, f, g, o = gates.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, {"h": h, "c": c}


def _bistable(
    x: Values, s: Values, p: Values, for_a: Tensor, for_c: Tensor
) -> tuple[Tensor, Values]:
    x_a, x_c, x_h = linear(x["x"], p["weight_ih"], p["bias_ih"]).chunk(3, -1)
    a = 1 + torch.tanh(x_a + for_a)
    h = torch.lerp(torch.tanh(x_h + a * s["h"]), s["h"], torch.sigmoid(x_c + for_c))
    return h, {"h": h}


def _positive(u: Tensor) -> Tensor:
    return torch.where(u >= 0, u + 0.5, torch.sigmoid(u))


FORMULAS: dict[str, Formula] = {
    "AntisymmetricRNN": antisymmetric_rnn,
    "BRC": brc,
    "CfC": cfc,
    "ConvLSTM": conv_lstm,
    "CoRNN": co_rnn,
    "CoupledLSTM": coupled_lstm,
    "EchoState": echo_state,
    "Elman": elman,
    "ElmanReLU": elman_relu,
    "ExpRNN": exp_rnn,
    "FastGRNN": fast_grnn,
    "FastRNN": fast_rnn,
    "GRU": gru,
    "GRUD": grud,
    "GRUResetBefore": gru_reset_before,
    "HGRN": hgrn,
    "Hopfield": hopfield,
    "HopfieldAsynchronous": hopfield_asynchronous,
    "IndRNN": ind_rnn,
    "IRNN": irnn,
    "JANET": janet,
    "Jordan": jordan,
    "LayerNormLSTM": layer_norm_lstm,
    "LightRU": light_ru,
    "LiGRU": li_gru,
    "LSTM": lstm,
    "LSTMNoForget": lstm_no_forget,
    "LSTMP": lstm_projected,
    "MGU": mgu,
    "MinGRU": min_gru,
    "MinimalRNN": minimal_rnn,
    "MinLSTM": min_lstm,
    "MultiplicativeIntegration": multiplicative_integration,
    "MultiplicativeLSTM": multiplicative_lstm,
    "NBRC": nbrc,
    "PeepholeLSTM": peephole_lstm,
    "PlusRNN": plus_rnn,
    "QRNN": qrnn,
    "RAN": ran,
    "RGLRU": rglru,
    "RWKV": rwkv,
    "SCRN": scrn,
    "SLSTM": slstm,
    "SRU": sru,
    "TimeAwareLSTM": time_aware_lstm,
    "UGRNN": ugrnn,
}
