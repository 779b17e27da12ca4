"""Make the tiny countdown model from nothing: `make tiny-model`, 10 to 15 minutes on one core."""

import time
from dataclasses import asdict
from pathlib import Path
from string import Template

import torch
from data import PageRecipe, make_pages
from score import Score, score
from train import TrainRecipe, build_model, pretrain
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import build_tokenizer

from astro_countdown.game import sample_problems

HERE = Path(__file__).parent
DESTINATION = HERE.parent / "astro_countdown" / "model"
DEV_PROBLEMS = 300


def score_table(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, pages: PageRecipe
) -> str:
    """Scores on the dev split at temperature 1 and greedy, as a Markdown table."""
    problems = sample_problems(pages.difficulty, "dev", DEV_PROBLEMS, seed=0)
    rows = {
        "temperature 1, 8 samples": score(model, tokenizer, problems, samples=8),
        "greedy": score(model, tokenizer, problems, samples=1, greedy=True),
    }
    lines = ["| decoding | pass@1 | all lines legal | legal steps |", "|---|---|---|---|"]
    return "\n".join(lines + [_row(name, item) for name, item in rows.items()])


def _row(name: str, item: Score) -> str:
    return f"| {name} | {item.right:.3f} | {item.clean:.3f} | {item.legal_steps:.3f} |"


def write_card(
    model: LlamaForCausalLM, pages: PageRecipe, recipe: TrainRecipe, seconds: float, table: str
) -> None:
    """The model card beside the weights, its numbers filled in."""
    facts = {
        **asdict(recipe),
        **asdict(pages),
        **asdict(pages.difficulty),
        "parameters": f"{model.num_parameters() / 1e6:.2f}",
        "megatokens": f"{recipe.steps * recipe.batch_pages * pages.length / 1e6:.1f}",
        "seconds": round(seconds),
        "dev_problems": DEV_PROBLEMS,
        "table": table,
    }
    (DESTINATION / "README.md").write_text(
        Template((HERE / "card.md").read_text()).substitute(facts)
    )


def main() -> None:
    """Make pages, pretrain, score, and save model, tokenizer and card."""
    torch.set_num_threads(1)  # small matrices: a second thread would wait more than it works
    torch.set_float32_matmul_precision("medium")  # bfloat16 products where the processor has them
    started = time.monotonic()
    pages, recipe, tokenizer = PageRecipe(), TrainRecipe(), build_tokenizer()
    model = build_model(recipe)
    print(f"making {recipe.steps * recipe.batch_pages} pages", flush=True)
    batches = make_pages(pages, tokenizer, recipe.steps * recipe.batch_pages)
    pretrain(
        model,
        batches,
        recipe,
        lambda *facts: print("step {} loss {:.3f} {:.0f} s".format(*facts), flush=True),
    )
    model.eval()
    model.save_pretrained(DESTINATION)
    tokenizer.save_pretrained(DESTINATION)
    table = score_table(model, tokenizer, pages)
    write_card(model, pages, recipe, time.monotonic() - started, table)
    print(table)


if __name__ == "__main__":
    main()
