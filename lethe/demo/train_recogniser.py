"""Trains the recogniser that the demo ships: CosFace (arXiv 1801.09414) on synthetic people.

    python -m lethe.demo.train_recogniser --out lethe/demo/recogniser.onnx --seed 1

It learns the people of `people.TRAINED` and is judged on `JUDGED`, whom it never sees, before the
file is written. The same seed, threads and versions give the same network. On two CPU cores the
photos take 3 minutes, the training 9.
"""

import hashlib
import math
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lethe.demo import brush, camera, hair, mood, people, portrait, worn
from lethe.demo.network import DIMENSIONS, Recogniser, write_onnx

JUDGED = range(200_000, 200_100)
"""Seeds of the people on whom the trained network is judged: neither trained on nor shown."""
PHOTOS = 16  # of each trained person
BATCH = 128
SCALE, MARGIN = 32.0, 0.35  # CosFace's s and m

Pictures = NDArray[np.uint8]  # (n, 112, 112, 3) RGB
Floats = NDArray[np.float32]


def photograph(seeds: range, photos: int, cache: Path, processes: int = 2) -> Pictures:
    """Take `photos` of each person, or find them in `cache`; (people * photos, 112, 112, 3)."""
    drawn_by = (people, portrait, brush, hair, mood, worn, camera)
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in drawn_by)
    key = f"{hashlib.sha256(sources).hexdigest()[:12]}-{seeds.start}-{seeds.stop}-{photos}"
    path = cache / f"{key}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        shape = (len(seeds), photos, 112, 112, 3)
        taken = np.lib.format.open_memmap(path.with_suffix(".part"), "w+", np.uint8, shape)
        for row, album in enumerate(_albums([(seed, photos) for seed in seeds], processes)):
            taken[row] = album
        taken.flush()
        path.with_suffix(".part").rename(path)
    pictures: Pictures = np.load(path, mmap_mode="c")
    return pictures.reshape(-1, 112, 112, 3)


def _albums(jobs: Sequence[tuple[int, int]], processes: int) -> Iterator[Pictures]:
    if processes == 1:  # starting another one takes longer than a few photos
        yield from map(_album, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(processes, cv2.setNumThreads, (1,)) as pool:
        yield from pool.imap(_album, jobs, chunksize=8)


def _album(job: tuple[int, int]) -> Pictures:
    seed, photos = job
    person = people.make_person(seed)
    return np.stack([people.take_photo(person, number) for number in range(photos)])


def standard_traits(seeds: range) -> Tensor:
    """Each person's traits, standardised; (people, traits)."""
    means, deviations = np.array(list(people.TRAITS.values())).T
    rows = [list(people.make_person(seed).traits.values()) for seed in seeds]
    return torch.from_numpy(((np.array(rows) - means) / deviations).astype(np.float32))


def as_input(pictures: Pictures) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float()


def train(pictures: Pictures, seeds: range, epochs: int, seed: int) -> Recogniser:
    """A network that tells these people apart; `pictures` holds PHOTOS of each, in order."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    network = Recogniser()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    centres = nn.Parameter(torch.randn(len(seeds), DIMENSIONS) * 0.05)
    # What makes up each face is known here; guessing it guides the first half of the training.
    guess, traits = nn.Linear(DIMENSIONS, len(people.TRAITS)), standard_traits(seeds)
    weights = [*network.parameters(), centres, *guess.parameters()]
    optimiser = torch.optim.AdamW(weights, weight_decay=0.02)
    per_epoch = len(pictures) // BATCH
    steps, started = epochs * per_epoch, time.monotonic()
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps, pct_start=0.15)
    order = np.random.default_rng(seed)
    for step in range(steps):
        if step % per_epoch == 0:
            shuffled = order.permutation(len(pictures))
        rows = np.sort(shuffled[(step % per_epoch) * BATCH :][:BATCH])
        who = torch.from_numpy(rows // PHOTOS)
        embeddings = network(as_input(pictures[rows]))
        loss = cosface(embeddings, centres, who, MARGIN * min(1.0, 2.5 * step / steps))
        guiding = max(0.0, 1 - 2 * step / steps)
        total = loss + 10 * guiding * functional.mse_loss(guess(embeddings), traits[who])
        optimiser.zero_grad()
        torch.autograd.backward(total)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            spent = time.monotonic() - started
            click.echo(f"step {step}/{steps}  {spent:.0f} s  CosFace loss {loss.item():.3f}")
    network.eval()
    return network


def cosface(embeddings: Tensor, centres: Tensor, who: Tensor, margin: float) -> Tensor:
    """Softmax over cosines to the people's centres, the right one handicapped by the margin."""
    cosines = functional.normalize(embeddings) @ functional.normalize(centres).T
    handicap = margin * functional.one_hot(who, len(centres))
    return functional.cross_entropy(SCALE * (cosines - handicap), who)


def embed(network: Recogniser, pictures: Pictures) -> Floats:
    """Templates (n, 128) of unit length."""
    with torch.inference_mode():
        parts = [network(as_input(pictures[i : i + 100])) for i in range(0, len(pictures), 100)]
    templates: Floats = functional.normalize(torch.cat(parts)).numpy()
    return templates


def judge(templates: Floats, photos: int) -> dict[str, float]:
    """Verification and rank-1 figures over all pairs of `photos` templates of each person."""
    who = np.arange(len(templates)) // photos
    similarities = templates @ templates.T
    pairs = np.triu_indices(len(templates), 1)
    same, scores = (who[:, None] == who)[pairs], similarities[pairs]
    mated, others = scores[same], np.sort(scores[~same])[::-1]
    figures = {"mated": float(mated.mean()), "non-mated": float(others.mean())}
    for rate in (1e-3, 1e-4):
        threshold = others[math.floor(rate * len(others))]
        figures[f"TMR at FMR {rate:g}"] = float((mated > threshold).mean())
    np.fill_diagonal(similarities, -2)
    figures["rank-1"] = float((who[similarities.argmax(1)] == who).mean())
    return figures


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--epochs", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True, help="Of torch.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path("build/people"))
def main(out: Path, seed: int, epochs: int, threads: int, cache: Path) -> None:
    """Train the demo's recogniser, judge it on people it never saw and write it."""
    torch.set_num_threads(threads)
    trained = photograph(people.TRAINED, PHOTOS, cache)
    click.echo(f"{len(people.TRAINED)} people, {len(trained)} photos in {cache}")
    network = train(trained, people.TRAINED, epochs, seed)
    figures = judge(embed(network, photograph(JUDGED, 10, cache)), 10)
    for name, figure in figures.items():
        click.echo(f"{name}: {figure:.4f}")
    write_onnx(network, out)
    click.echo(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
