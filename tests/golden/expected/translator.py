TRANSLATOR_ENCODER_SPECIFICATION = ModelSpecification(
    name="TranslatorEncoder",
    source="translator.rnn",
    dimensions=(("S", "s_size"),),
    inputs=(InputSpecification(name="source", vocabulary="S"),),
    exchange="many_to_many",
    recurrences=("layer_1", "layer_2"),
    streaming_refusal="layer_1 (translator.rnn:7) reads the sequence from its end",
    summary=(
        "translator.rnn:5  input source: tokens(S)",
        "    source (T, B)",
        "translator.rnn:6  embed 256",
        "    (T, B, 256)",
        "translator.rnn:7  layer LSTM(512) x 2, bidirectional(sum)",
        "    (T, B, 512)",
    ),
)


class TranslatorEncoder(RecurrentModel):
    """The encoder of Translator.

    Sizes: s_size is S.
    """

    specification = TRANSLATOR_ENCODER_SPECIFICATION

    def __init__(
        self,
        s_size: int,
        batch_first: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__({"S": s_size}, batch_first)
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        # translator.rnn:6  embed 256
        self.embedding = nn.Embedding(s_size, 256, **factory)
        # translator.rnn:7  layer LSTM(512) x 2, bidirectional(sum)
        self.layer_1 = LSTM(256, 512, bidirectional=True, **factory)
        self.layer_2 = LSTM(512, 512, bidirectional=True, **factory)

    @overload
    def forward(
        self,
        source: Tensor,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        state: ModelState | None = None,
    ) -> tuple[Tensor, ModelState]: ...

    @overload
    def forward(
        self, source: PackedSequence, *, state: ModelState | None = None
    ) -> tuple[PackedSequence, ModelState]: ...

    def forward(
        self,
        source: Tensor | PackedSequence,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        state: ModelState | None = None,
    ) -> tuple[Tensor | PackedSequence, ModelState]:
        """Runs the model over sequences.

        Inputs: source (T, B), whole numbers below S; batch before time with
        ``batch_first``; without B for a single sequence; or packed.
        lengths: (B,), how many steps of each row count, where not all do.
        mask: (T, B), False at the steps that do not, wherever they are.
        state: where to start, as an earlier call returned it: a tuple with the states
        of layer_1, layer_2.
        Returns the output (T, B, 512), zero at steps that do not count, and the last
        state.
        """
        return self.run((source,), state, lengths=lengths, mask=mask)

    def unroll(
        self, inputs: Tensors, state: ModelState, lengths: Tensor | None
    ) -> tuple[Tensor, ModelState]:
        """Runs all steps, from a state to the state behind them.

        Inputs (T, B, ...), the steps of each row that count in front.
        """
        (source,) = inputs
        # translator.rnn:6  embed 256
        x = self.embedding(source)
        # translator.rnn:7  layer LSTM(512) x 2, bidirectional(sum)
        x, state_1 = self.layer_1(x, state[0], lengths=lengths)
        forward, backward = x.chunk(2, -1)
        x = forward + backward
        x, state_2 = self.layer_2(x, state[1], lengths=lengths)
        forward, backward = x.chunk(2, -1)
        x = forward + backward
        return x, (state_1, state_2)

    def step(
        self, source: Tensor, *, state: ModelState | None = None
    ) -> tuple[Tensor, ModelState]:
        """One step, as when streaming.

        Inputs: source (B,), whole numbers below S; B may be absent. Returns the output
        (B, 512) and the new state.
        Raises RuntimeError: layer_1 (translator.rnn:7) reads the sequence from its end.
        """
        return self.run_step((source,), state)

    def initial_state(self, batch: int) -> ModelState:
        """The state before the first step, for so many rows."""
        return (self.layer_1.initial_state(batch), self.layer_2.initial_state(batch))


TRANSLATOR_SPECIFICATION = ModelSpecification(
    name="Translator",
    source="translator.rnn",
    dimensions=(("S", "s_size"), ("T", "t_size")),
    inputs=(InputSpecification(name="target", vocabulary="T"),),
    exchange="many_to_many",
    recurrences=("layer_1", "layer_2"),
    feeds=("fed",),
    constants=("attention_1",),
    summary=(
        "translator.rnn:5  input source: tokens(S)",
        "    source (T, B)",
        "translator.rnn:6  embed 256",
        "    (T, B, 256)",
        "translator.rnn:7  layer LSTM(512) x 2, bidirectional(sum)",
        "    (T, B, 512)",
        "translator.rnn:9  input target: tokens(T)",
        "    target (T, B)",
        "translator.rnn:10  embed 256",
        "    (T, B, 256)",
        "translator.rnn:11  layer LSTM(512) x 2, state from encoder, dropout(0.3)",
        "    (T, B, 512)",
        "translator.rnn:12  attend encoder, additive",
        "    (T, B, 1024)",
        "translator.rnn:13  feed",
        "    (T, B, 1024)",
        "translator.rnn:14  head linear(T)",
        "    (T, B, T)",
        "translator.rnn:15  loss cross_entropy",
        "translator.rnn:16  generate start(1), stop(2)",
    ),
)


class Translator(ConditionedModel):
    """The model Translator.

    Sizes: s_size is S, t_size is T.
    """

    specification = TRANSLATOR_SPECIFICATION

    def __init__(
        self,
        s_size: int,
        t_size: int,
        batch_first: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__({"S": s_size, "T": t_size}, batch_first)
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        # translator.rnn:4  encoder:
        self.encoder = TranslatorEncoder(s_size, batch_first=batch_first, **factory)
        # translator.rnn:10  embed 256
        self.embedding = nn.Embedding(t_size, 256, **factory)
        # translator.rnn:13  feed
        self.fed_size = 1024
        # translator.rnn:11  layer LSTM(512) x 2, state from encoder, dropout(0.3)
        self.layer_1 = LSTM(1280, 512, **factory)
        self.layer_1_dropout = nn.Dropout(0.3)
        self.layer_2 = LSTM(512, 512, **factory)
        self.layer_2_dropout = nn.Dropout(0.3)
        # translator.rnn:12  attend encoder, additive
        self.attention_1 = AdditiveAttention(512, 512, 512, **factory)
        # translator.rnn:14  head linear(T)
        self.head = nn.Linear(1024, t_size, **factory)

    @overload
    def forward(
        self,
        source: Tensor | PackedSequence,
        target: Tensor,
        *,
        source_lengths: Tensor | None = None,
        source_mask: Tensor | None = None,
        target_lengths: Tensor | None = None,
        target_mask: Tensor | None = None,
        state: ModelState | None = None,
    ) -> tuple[Tensor, ModelState]: ...

    @overload
    def forward(
        self,
        source: Tensor | PackedSequence,
        target: PackedSequence,
        *,
        source_lengths: Tensor | None = None,
        source_mask: Tensor | None = None,
        state: ModelState | None = None,
    ) -> tuple[PackedSequence, ModelState]: ...

    def forward(
        self,
        source: Tensor | PackedSequence,
        target: Tensor | PackedSequence,
        *,
        source_lengths: Tensor | None = None,
        source_mask: Tensor | None = None,
        target_lengths: Tensor | None = None,
        target_mask: Tensor | None = None,
        state: ModelState | None = None,
    ) -> tuple[Tensor | PackedSequence, ModelState]:
        """Runs the model over sequences.

        Inputs: source (S, B), whole numbers below S; target (T, B), whole numbers below
        T; batch before time with ``batch_first``; without B for a single sequence; or
        packed.
        source_lengths and target_lengths: (B,), how many steps of each row count, where
        not all do.
        source_mask and target_mask: False at the steps that do not, wherever they are.
        state: where to start, as ``start`` or an earlier call returned it; source is
        then not read.
        Returns the output (T, B, T), zero at steps that do not count, and the last
        state.
        """
        if state is None:
            state = self.start(source, lengths=source_lengths, mask=source_mask)
        return self.decode(
            target,
            state=state,
            lengths=target_lengths,
            mask=target_mask,
        )

    def start(
        self,
        source: Tensor | PackedSequence,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> ModelState:
        """The state before the first step.

        Inputs: source (S, B), whole numbers below S; B may be absent. Options are those
        of the encoder.
        """
        encoded, counted, last, is_batched = self.encode((source,), lengths, mask)
        batch = encoded.shape[1]
        # translator.rnn:11  layer LSTM(512) x 2, state from encoder, dropout(0.3)
        state_1 = merge_states("sum", last[0])
        state_2 = merge_states("sum", last[1])
        # translator.rnn:12  attend encoder, additive
        memory_1 = self.attention_1.prepare(encoded, counted)
        return self.started(
            (state_1, state_2, first_feed(self, None, batch, self.fed_size), memory_1),
            is_batched,
        )

    def decode(
        self,
        target: Tensor | PackedSequence,
        *,
        state: ModelState,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Any, ModelState]:
        """Runs the steps behind a state, as ``start`` or an earlier call gave it.

        Inputs, options, output and new state are those of ``forward``.
        """
        return self.run((target,), state, lengths=lengths, mask=mask)

    def unroll(
        self, inputs: Tensors, state: ModelState, lengths: Tensor | None
    ) -> tuple[Tensor, ModelState]:
        """Runs all steps, from a state to the state behind them.

        Inputs (T, B, ...), the steps of each row that count in front.
        """
        (target,) = inputs
        # translator.rnn:10  embed 256
        x = self.embedding(target)
        # translator.rnn:13  feed
        x, state = step_by_step(self, (x,), state, lengths)
        # translator.rnn:14  head linear(T)
        x = self.head(x)
        return x, state

    def fed_step(
        self, inputs: Tensors, state: ModelState, lengths: Tensor | None
    ) -> tuple[Tensor, ModelState]:
        """One step of the layers up to what the next step reads, (1, B, ...)."""
        (x,) = inputs
        fed = first_feed(self, state[2], x.shape[1], self.fed_size)
        memory_1 = self.memory(state, "attention_1")
        # translator.rnn:13  feed
        x = torch.cat((x, fed), -1)
        # translator.rnn:11  layer LSTM(512) x 2, state from encoder, dropout(0.3)
        x, state_1 = self.layer_1(x, state[0], lengths=lengths)
        x = self.layer_1_dropout(x)
        x, state_2 = self.layer_2(x, state[1], lengths=lengths)
        x = self.layer_2_dropout(x)
        # translator.rnn:12  attend encoder, additive
        context, _ = self.attention_1(x, memory_1)
        x = torch.cat((x, context), -1)
        return x, (state_1, state_2, next_feed(x, fed, lengths), *state[3:])

    def loss(
        self,
        output: Tensor,
        target: Tensor,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The mean cross-entropy over all steps that count.

        output (T, B, T), of ``forward``; target (T, B), the class of each, -100 where
        none counts; batch before time with ``batch_first``.
        lengths: (B,), mask: (T, B), as for ``forward``.
        """
        # translator.rnn:15  loss cross_entropy
        mask = self.counted(output, lengths, mask)
        return cross_entropy_loss(output, target, mask)

    def predict(self, output: Tensor) -> Tensor:
        """The probability of each class, from what ``forward`` returns."""
        return output.softmax(-1)

    def step(self, target: Tensor, *, state: ModelState) -> tuple[Tensor, ModelState]:
        """One step, as when streaming.

        Inputs: target (B,), whole numbers below T; B may be absent. Returns the output
        (B, T) and the new state.
        """
        return self.run_step((target,), state)

    def generate(
        self,
        source: Tensor | PackedSequence,
        *,
        max_length: int,
        source_lengths: Tensor | None = None,
        source_mask: Tensor | None = None,
        prime: Tensor | None = None,
        prime_lengths: Tensor | None = None,
        strategy: Strategy = "greedy",
        **search: Unpack[SearchOptions],
    ) -> GeneratedSequences:
        """Writes sequences, reading its own tokens from 1 on until 2.

        Inputs: source (S, B), whole numbers below S.
        max_length: the most tokens of a sequence, a stop symbol counted.
        prime: (P, B), the first tokens of the sequences, of which row b has
        prime_lengths[b]. Batch before time with ``batch_first``.
        strategy: "greedy", the most probable token at each step; "sample", with the
        options temperature, top_k, top_p and generator; or "beam", with the options
        width and length_penalty.
        Returns the sequences: their tokens, (L, B), and lengths, (B,).
        """
        # translator.rnn:16  generate start(1), stop(2)
        with torch.no_grad():
            state = self.start(source, lengths=source_lengths, mask=source_mask)
            return generate_tokens(
                self,
                state,
                start=1,
                stop=2,
                max_length=max_length,
                prime=prime,
                prime_lengths=prime_lengths,
                strategy=strategy,
                search=search,
            )
