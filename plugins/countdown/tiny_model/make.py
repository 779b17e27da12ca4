"""Trains a countdown model from scratch.

`make tiny-model` trains the one that the plugin ships, in 10 to 15 minutes on one core.
`python make.py --size 25m --to models/countdown-25m` trains the base model of
`configs/countdown-gpu.yaml`.
"""

import time
from dataclasses import asdict, replace
from pathlib import Path
from string import Template

import click
import torch
from data import PageRecipe, make_pages
from score import Score, score
from train import TrainRecipe, build_model, pretrain
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import build_tokenizer

from astro_countdown.game import Difficulty, sample_problems

HERE = Path(__file__).parent
EMBEDDED = HERE.parent / "astro_countdown" / "model"
DEV_PROBLEMS = 300
SIZES = {
    "tiny": (PageRecipe(), TrainRecipe()),
    "25m": (
        PageRecipe(difficulty=Difficulty(count=4, high=20), length=512, processes=16),
        TrainRecipe(
            layers=8,
            width=512,
            heads=8,
            mlp=1536,
            steps=12_000,
            batch_pages=64,
            adam_lr=1e-3,
            warmup=300,
            device="cuda",
        ),
    ),
}


def score_table(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, pages: PageRecipe
) -> str:
    """Return scores on the dev split at temperature 1 and greedy, as a Markdown table."""
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
    folder: Path,
    model: LlamaForCausalLM,
    pages: PageRecipe,
    recipe: TrainRecipe,
    **facts: object,
) -> None:
    """Write the model card, with its numbers filled in, next to the weights."""
    found = {
        **asdict(recipe),
        **asdict(pages),
        **asdict(pages.difficulty),
        "parameters": f"{model.num_parameters() / 1e6:.2f}",
        "megatokens": f"{recipe.steps * recipe.batch_pages * pages.length / 1e6:.1f}",
        "place": "one core" if recipe.device == "cpu" else "a GPU",
        "dev_problems": DEV_PROBLEMS,
        **facts,
    }
    (folder / "README.md").write_text(Template((HERE / "card.md").read_text()).substitute(found))


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="tiny", show_default=True)
@click.option("--to", "folder", type=click.Path(path_type=Path), default=EMBEDDED)
@click.option("--steps", type=click.IntRange(min=1), help="Number of optimizer steps.")
@click.option(
    "--device", help="Device to train on; the default is cuda for the 25m model, otherwise cpu."
)
def main(size: str, folder: Path, steps: int | None, device: str | None) -> None:
    """Generate pages, pretrain and score a model, and save it with its tokenizer and card."""
    torch.set_num_threads(1)  # matrices are small, so a second thread would not help
    torch.set_float32_matmul_precision("medium")  # bfloat16 products if the processor supports them
    started = time.monotonic()
    pages, recipe = SIZES[size]
    recipe = replace(recipe, steps=steps or recipe.steps, device=device or recipe.device)
    tokenizer = build_tokenizer()
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
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    table = score_table(model, tokenizer, pages)
    own = f"python plugins/countdown/tiny_model/make.py --size {size} --to {folder}"
    write_card(
        folder,
        model,
        pages,
        recipe,
        name="tiny-countdown" if folder == EMBEDDED else folder.name,
        command="make tiny-model" if folder == EMBEDDED else own,
        seconds=round(time.monotonic() - started),
        table=table,
    )
    print(table)


if __name__ == "__main__":
    main()
