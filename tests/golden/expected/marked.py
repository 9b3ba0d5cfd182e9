MARKED_SPECIFICATION = ModelSpecification(
    name="Marked",
    source="marked.rnn",
    dimensions=(("F", "f_size"), ("K", "k_size")),
    inputs=(InputSpecification(name="x", shape=("F",)),),
    exchange="many_to_one",
    recurrences=(
        "layer_1_1_forward",
        "layer_1_1_backward",
        "layer_1_2_forward",
        "layer_1_2_backward",
        "layer_2",
    ),
    takes_marks=True,
    streaming_refusal="layer_1 (marked.rnn:6) reads the sequence from its end",
    summary=(
        "marked.rnn:4  input x: [F]",
        "    x (T, B, F)",
        "marked.rnn:6  layer parallel(LSTM(16), GRU(8)), zoneout(0.1), bidirectional, emit(h)",
        "    (T, B, 48)",
        "marked.rnn:7  layer GRU(32), state learned",
        "    (T, B, 32)",
        "marked.rnn:8  io many_to_one(mean)",
        "    (B, 32)",
        "marked.rnn:9  head linear(K)",
        "    (B, K)",
        "marked.rnn:10  loss cross_entropy",
    ),
)


class Marked(RecurrentModel):
    """The model Marked.

    Sizes: f_size is F, k_size is K.
    """

    specification = MARKED_SPECIFICATION

    def __init__(
        self,
        f_size: int,
        k_size: int,
        batch_first: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__({"F": f_size, "K": k_size}, batch_first)
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        # marked.rnn:6  layer parallel(LSTM(16), GRU(8)), zoneout(0.1), bidirectional,
        #     emit(h)
        self.layer_1_1_forward = LSTMZoneoutResetEmitting(f_size, 16, **factory)
        self.layer_1_1_forward_zoneout_h = ZoneoutMask(0.1, 16)
        self.layer_1_1_forward_zoneout_c = ZoneoutMask(0.1, 16)
        self.layer_1_1_backward = LSTMZoneoutResetEmitting(f_size, 16, **factory)
        self.layer_1_1_backward_zoneout_h = ZoneoutMask(0.1, 16)
        self.layer_1_1_backward_zoneout_c = ZoneoutMask(0.1, 16)
        self.layer_1_2_forward = GRUZoneoutResetEmitting(f_size, 8, **factory)
        self.layer_1_2_forward_zoneout_h = ZoneoutMask(0.1, 8)
        self.layer_1_2_backward = GRUZoneoutResetEmitting(f_size, 8, **factory)
        self.layer_1_2_backward_zoneout_h = ZoneoutMask(0.1, 8)
        # marked.rnn:7  layer GRU(32), state learned
        self.layer_2 = GRUReset(48, 32, **factory)
        # marked.rnn:9  head linear(K)
        self.head = nn.Linear(32, k_size, **factory)

    @overload
    def forward(
        self,
        x: Tensor,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        state: ModelState | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, ModelState, dict[str, Tensor]]: ...

    @overload
    def forward(
        self,
        x: PackedSequence,
        *,
        state: ModelState | None = None,
        reset: PackedSequence | None = None,
    ) -> tuple[Tensor, ModelState, dict[str, PackedSequence]]: ...

    def forward(
        self,
        x: Tensor | PackedSequence,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        state: ModelState | None = None,
        reset: Tensor | PackedSequence | None = None,
    ) -> tuple[Tensor, ModelState, dict[str, Any]]:
        """Runs the model over sequences.

        Inputs: x (T, B, F); batch before time with ``batch_first``; without B for a
        single sequence; or packed.
        lengths: (B,), how many steps of each row count, where not all do.
        mask: (T, B), False at the steps that do not, wherever they are.
        state: where to start, as an earlier call returned it: a tuple with the states
        of layer_1_1_forward, layer_1_1_backward, layer_1_2_forward, layer_1_2_backward,
        layer_2.
        reset: (T, B), True at steps before which all layers start anew; in the form of
        the inputs.
        Returns the output (B, K) and the last state.
        Third comes what layers emit: layer_1_1.h, layer_1_1.reverse.h, layer_1_2.h,
        layer_1_2.reverse.h.
        """
        return self.run_emitting((x,), state, lengths=lengths, mask=mask, reset=reset)

    def unroll(
        self, inputs: Tensors, state: ModelState, lengths: Tensor | None, reset: Tensor
    ) -> tuple[Tensor, ModelState, dict[str, dict[str, Tensor]]]:
        """Runs all steps, from a state to the state behind them.

        Inputs (T, B, ...), the steps of each row that count in front.
        """
        (x,) = inputs
        # marked.rnn:6  layer parallel(LSTM(16), GRU(8)), zoneout(0.1), bidirectional,
        #     emit(h)
        (
            (forward_1, state_1),
            (backward_1, state_2),
            (forward_2, state_3),
            (backward_2, state_4),
        ) = side_by_side(
            lambda: self.layer_1_1_forward(
                x,
                self.layer_1_1_forward_zoneout_h(x),
                self.layer_1_1_forward_zoneout_c(x),
                reset.to(x.dtype),
                state[0],
                lengths=lengths,
            ),
            lambda: self.layer_1_1_backward(
                reverse_time(x, lengths),
                self.layer_1_1_backward_zoneout_h(x),
                self.layer_1_1_backward_zoneout_c(x),
                marks_backward(reset, lengths).to(x.dtype),
                state[1],
                lengths=lengths,
            ),
            lambda: self.layer_1_2_forward(
                x,
                self.layer_1_2_forward_zoneout_h(x),
                reset.to(x.dtype),
                state[2],
                lengths=lengths,
            ),
            lambda: self.layer_1_2_backward(
                reverse_time(x, lengths),
                self.layer_1_2_backward_zoneout_h(x),
                marks_backward(reset, lengths).to(x.dtype),
                state[3],
                lengths=lengths,
            ),
        )
        forward_1, emitted_1 = self.layer_1_1_forward.separate(forward_1)
        backward_1 = reverse_time(backward_1, lengths)
        backward_1, emitted_2 = self.layer_1_1_backward.separate(backward_1)
        forward_2, emitted_3 = self.layer_1_2_forward.separate(forward_2)
        backward_2 = reverse_time(backward_2, lengths)
        backward_2, emitted_4 = self.layer_1_2_backward.separate(backward_2)
        y_1 = torch.cat((forward_1, backward_1), -1)
        y_2 = torch.cat((forward_2, backward_2), -1)
        out = torch.cat((y_1, y_2), -1)
        # marked.rnn:7  layer GRU(32), state learned
        out, state_5 = self.layer_2(out, reset.to(out.dtype), state[4], lengths=lengths)
        # marked.rnn:8  io many_to_one(mean)
        out = mean_over_time(out, lengths)
        # marked.rnn:9  head linear(K)
        out = self.head(out)
        return (
            out,
            (state_1, state_2, state_3, state_4, state_5),
            {
                "layer_1_1": emitted_1,
                "layer_1_1.reverse": emitted_2,
                "layer_1_2": emitted_3,
                "layer_1_2.reverse": emitted_4,
            },
        )

    def loss(
        self,
        output: Tensor,
        target: Tensor,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The mean cross-entropy over all rows.

        output (B, K), of ``forward``; target (B,), the class of each, -100 where none
        counts.
        Neither lengths nor mask is needed: each row has one output.
        """
        # marked.rnn:10  loss cross_entropy
        return cross_entropy_loss(output, target, None)

    def predict(self, output: Tensor) -> Tensor:
        """The probability of each class, from what ``forward`` returns."""
        return output.softmax(-1)

    def step(
        self, x: Tensor, *, state: ModelState | None = None, reset: Tensor | None = None
    ) -> tuple[Tensor, ModelState, dict[str, Tensor]]:
        """One step, as when streaming.

        Inputs: x (B, F), reset (B,); B may be absent. Returns the output (B, K) and the
        new state.
        Third comes what layers emit: layer_1_1.h, layer_1_1.reverse.h, layer_1_2.h,
        layer_1_2.reverse.h.
        Raises RuntimeError: layer_1 (marked.rnn:6) reads the sequence from its end.
        """
        return self.run_emitting_step((x,), state, reset)

    def initial_state(self, batch: int) -> ModelState:
        """The state before the first step, for so many rows."""
        return (
            self.layer_1_1_forward.initial_state(batch),
            self.layer_1_1_backward.initial_state(batch),
            self.layer_1_2_forward.initial_state(batch),
            self.layer_1_2_backward.initial_state(batch),
            self.layer_2.initial_state(batch),
        )
