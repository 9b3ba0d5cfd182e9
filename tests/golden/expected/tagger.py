TAGGER_SPECIFICATION = ModelSpecification(
    name="Tagger",
    source="tagger.rnn",
    dimensions=(("V", "v_size"), ("K", "k_size")),
    inputs=(InputSpecification(name="words", vocabulary="V"),),
    exchange="many_to_many",
    recurrences=("layer_1", "layer_2_1", "layer_2_2"),
    streaming_refusal="layer_1 (tagger.rnn:7) reads the sequence from its end",
    summary=(
        "tagger.rnn:5  input words: tokens(V)",
        "    words (T, B)",
        "tagger.rnn:6  embed 64",
        "    (T, B, 64)",
        "tagger.rnn:7  layer LSTM(128), bidirectional(concat), dropout(0.3)",
        "    (T, B, 256)",
        "tagger.rnn:8  layer parallel(LSTM(64), GRU(64)), skip",
        "    (T, B, 384)",
        "tagger.rnn:9  head linear(K)",
        "    (T, B, K)",
        "tagger.rnn:10  loss cross_entropy(ignore = -100)",
    ),
)


class Tagger(RecurrentModel):
    """Names the entity of every word.

    Sizes: v_size is V, k_size is K.
    """

    specification = TAGGER_SPECIFICATION

    def __init__(
        self,
        v_size: int,
        k_size: int,
        batch_first: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__({"V": v_size, "K": k_size}, batch_first)
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        # tagger.rnn:6  embed 64
        self.embedding = nn.Embedding(v_size, 64, **factory)
        # tagger.rnn:7  layer LSTM(128), bidirectional(concat), dropout(0.3)
        self.layer_1 = LSTM(64, 128, bidirectional=True, **factory)
        self.layer_1_dropout = nn.Dropout(0.3)
        # tagger.rnn:8  layer parallel(LSTM(64), GRU(64)), skip
        self.layer_2_1 = LSTM(256, 64, **factory)
        self.layer_2_2 = GRU(256, 64, **factory)
        # tagger.rnn:9  head linear(K)
        self.head = nn.Linear(384, k_size, **factory)

    @overload
    def forward(
        self,
        words: Tensor,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        state: ModelState | None = None,
    ) -> tuple[Tensor, ModelState]: ...

    @overload
    def forward(
        self, words: PackedSequence, *, state: ModelState | None = None
    ) -> tuple[PackedSequence, ModelState]: ...

    def forward(
        self,
        words: Tensor | PackedSequence,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        state: ModelState | None = None,
    ) -> tuple[Tensor | PackedSequence, ModelState]:
        """Runs the model over sequences.

        Inputs: words (T, B), whole numbers below V; batch before time with
        ``batch_first``; without B for a single sequence; or packed.
        lengths: (B,), how many steps of each row count, where not all do.
        mask: (T, B), False at the steps that do not, wherever they are.
        state: where to start, as an earlier call returned it: a tuple with the states
        of layer_1, layer_2_1, layer_2_2.
        Returns the output (T, B, K), zero at steps that do not count, and the last
        state.
        """
        return self.run((words,), state, lengths=lengths, mask=mask)

    def unroll(
        self, inputs: Tensors, state: ModelState, lengths: Tensor | None
    ) -> tuple[Tensor, ModelState]:
        """Runs all steps, from a state to the state behind them.

        Inputs (T, B, ...), the steps of each row that count in front.
        """
        (words,) = inputs
        # tagger.rnn:6  embed 64
        x = self.embedding(words)
        # tagger.rnn:7  layer LSTM(128), bidirectional(concat), dropout(0.3)
        x, state_1 = self.layer_1(x, state[0], lengths=lengths)
        x = self.layer_1_dropout(x)
        # tagger.rnn:8  layer parallel(LSTM(64), GRU(64)), skip
        (y_1, state_2), (y_2, state_3) = side_by_side(
            lambda: self.layer_2_1(x, state[1], lengths=lengths),
            lambda: self.layer_2_2(x, state[2], lengths=lengths),
        )
        y = torch.cat((y_1, y_2), -1)
        x = torch.cat((x, y), -1)
        # tagger.rnn:9  head linear(K)
        x = self.head(x)
        return x, (state_1, state_2, state_3)

    def loss(
        self,
        output: Tensor,
        target: Tensor,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The mean cross-entropy over all steps that count.

        output (T, B, K), of ``forward``; target (T, B), the class of each, -100 where
        none counts; batch before time with ``batch_first``.
        lengths: (B,), mask: (T, B), as for ``forward``.
        """
        # tagger.rnn:10  loss cross_entropy(ignore = -100)
        mask = self.counted(output, lengths, mask)
        return cross_entropy_loss(output, target, mask, ignore=-100)

    def predict(self, output: Tensor) -> Tensor:
        """The probability of each class, from what ``forward`` returns."""
        return output.softmax(-1)

    def step(
        self, words: Tensor, *, state: ModelState | None = None
    ) -> tuple[Tensor, ModelState]:
        """One step, as when streaming.

        Inputs: words (B,), whole numbers below V; B may be absent. Returns the output
        (B, K) and the new state.
        Raises RuntimeError: layer_1 (tagger.rnn:7) reads the sequence from its end.
        """
        return self.run_step((words,), state)

    def initial_state(self, batch: int) -> ModelState:
        """The state before the first step, for so many rows."""
        return (
            self.layer_1.initial_state(batch),
            self.layer_2_1.initial_state(batch),
            self.layer_2_2.initial_state(batch),
        )
