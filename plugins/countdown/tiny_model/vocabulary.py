"""The tokenizer of the tiny model, with one token per word, number, operator or line end."""

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
WORDS = ("use", "to", "make", "left", "answer", "wait", "is", "not", "back")
OPERATORS = ("+", "-", "*", "/", "=")
NUMBERS = tuple(str(number) for number in range(100))
VOCABULARY = (PAD, EOS, UNKNOWN, "\n", *WORDS, *OPERATORS, *NUMBERS)
FIRST_NUMBER = VOCABULARY.index("0")

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '\\n' }}{% endif %}"
    "{% endfor %}"
)
"""A user message is its content and a line end. The reply follows directly and ends with EOS."""


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build a word-level tokenizer that decodes to the text that it encoded."""
    words = {word: index for index, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Split(Regex(" +"), "removed")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix="##", cleanup=False),
            decoders.Fuse(),
            decoders.Replace(" \n", "\n"),
            decoders.Replace("\n ", "\n"),
        ]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=1024,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
