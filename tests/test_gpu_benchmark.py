"""benchmarks.gpu runs small on a CPU, and needs nothing but torch, onnx and numpy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx.reference import ReferenceEvaluator

from benchmarks.command import run
from benchmarks.gpu import check, cost, faces, graphs
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.network import Network
from workers.unlearning.plan import Plan

ROOT = Path(__file__).parents[1]
# What may be loaded beside this repository and Python's own modules: the three, and what they need.
# fmt: off
ALLOWED = [
    "torch", "torchgen", "functorch", "numpy", "onnx", "google", "ml_dtypes", "typing_extensions",
    "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "filelock", "fsspec", "tqdm",
    "packaging", "setuptools", "opt_einsum", "triton", "nvidia",
    "benchmarks", "storage", "workers",
]
# fmt: on
BARE = f"""
import runpy, sys
from importlib.machinery import PathFinder

class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.partition(".")[0]
        known = top in {ALLOWED!r} or top in sys.stdlib_module_names or top.startswith("_")
        return super().find_spec(name, path, target) if known else None

sys.meta_path = [finder for finder in sys.meta_path if finder is not PathFinder] + [Bare]
runpy.run_module("benchmarks.gpu", run_name="__main__", alter_sys=True)
"""


def bare(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BARE, *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_with_torch_onnx_and_numpy_alone_it_checks_itself_and_fills_every_row(
    tmp_path: Path,
) -> None:
    ran = bare("--device", "cpu", "--quick", "--faces", "20", "--json", tmp_path / "rows.json")
    assert ran.returncode == 0, ran.stderr
    first, *_ = ran.stdout.splitlines()
    assert first.startswith("no GPU: these are figures of ")
    assert ran.stdout.count(" agree") == 8
    found = json.loads((tmp_path / "rows.json").read_text())
    rows = {(row["network"], row["kind"]): row["cost"] for row in found["rows"]}
    networks = ("MobileFaceNet", "iResNet-100")
    assert set(rows) == {(name, kind) for name in networks for kind in ("fp32", "bf16")}
    for (name, kind), row in rows.items():
        assert row["steps"] == 4
        parts = row["activations"], row["preparing"], row["stepping"], row["embedded"]
        assert min(parts) > 0
        assert 0 < row["embedding_share"] < 1, (name, kind)
        assert 0 < row["stepping_share"] < 1, (name, kind)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_in_one_line_and_measures_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks.gpu"])
    with pytest.raises(SystemExit) as ended:
        run(main)
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert printed.err.startswith("no NVIDIA GPU that torch ")
    assert printed.err.count("\n") == 1


def test_the_graphs_are_the_published_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """iResNet-100: 65.2 M weights, 24.2 GFLOP; MobileFaceNet: 221 M multiply-adds."""
    nothing = lambda _, shape, __: np.zeros(shape, np.float32)  # noqa: E731
    monkeypatch.setattr(graphs.Graph, "draw", nothing)
    monkeypatch.setattr("benchmarks.gpu.network.centre", lambda _: None)
    deep = Network.open("iResNet-100", graphs.iresnet(tmp_path / "deep.onnx"), Plan())
    weights = sum(
        int(np.prod(deep.recognizer.file.initializers[name].dims))
        for name in deep.recognizer.file.topology.trainable
    )
    assert weights == pytest.approx(65.2e6, rel=0.005)
    assert 2 * deep.macs == pytest.approx(24.2e9, rel=0.005)
    ops = [node.op for node in deep.recognizer.file.nodes]
    assert ops.count("PRelu") == 1 + 3 + 13 + 30 + 3
    assert ops.count("Conv") == 1 + 2 * 49 + 4
    small = Network.open("MobileFaceNet", graphs.mobilefacenet(tmp_path / "m.onnx"), Plan())
    assert small.macs == pytest.approx(221e6, rel=0.01)
    assert deep.recognizer.embedding_size == small.recognizer.embedding_size == 512


@pytest.mark.parametrize("name", ["iresnet", "mobilefacenet"])
def test_the_module_computes_what_onnx_s_own_reference_computes(name: str, tmp_path: Path) -> None:
    network = narrow(name, tmp_path)
    crops = faces.photos(1, 1)
    image = {"image": faces.normalised(crops, check.CPU).numpy()}
    (expected,) = ReferenceEvaluator(onnx.load(network.recognizer.path)).run(None, image)
    with torch.no_grad():
        got = network.on(check.CPU)(torch.from_numpy(image["image"])).numpy()
    assert np.abs(got - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_device_that_computes_something_else_is_told_by_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = narrow("iresnet", tmp_path)
    right = Network.on

    def wrong(self: Network, device: torch.device) -> object:
        module = right(self, device)
        module.weights[network.recognizer.last_linear.weight].data[0] *= 1.01
        return module

    monkeypatch.setattr(Network, "on", wrong)
    templates = next(check.compare(network, check.CPU, half=False))
    assert not templates.kept
    assert "DISAGREE" in str(templates)


def test_too_many_faces_for_this_machine_s_memory_are_refused_with_the_figures(
    tmp_path: Path,
) -> None:
    network = narrow("iresnet", tmp_path)
    with pytest.raises(cost.NoRoom, match=r"needs about [\d,]+ GiB .* free"):
        cost.measure(network, check.CPU, 10**9, Plan(), 1.0, half=False)


def test_people_differ_for_a_network_of_random_weights(tmp_path: Path) -> None:
    network = narrow("iresnet", tmp_path)
    crops = torch.cat([faces.photos(person, 2) for person in range(1, 5)])
    with torch.no_grad():
        made = network.on(check.CPU)(faces.normalised(crops, check.CPU))
    cosines = F.cosine_similarity(made[:, None], made[None], dim=2)
    mated = torch.stack([cosines[one, one + 1] for one in range(0, 8, 2)])
    strangers = cosines[::2, ::2][~torch.eye(4, dtype=torch.bool)]
    assert mated.min() > 0.5 > strangers.abs().max()


def test_drawn_faces_come_in_pieces_and_the_same_each_time() -> None:
    count = faces.AT_ONCE + 7
    first, again = list(faces.people(count)), list(faces.people(count))
    assert [len(crops) for crops, _ in first] == [faces.AT_ONCE, 7]
    assert all(torch.equal(one[0], other[0]) for one, other in zip(first, again, strict=True))
    crops, person = first[0]
    own, other = crops[:2].float(), crops[faces.PHOTOS].float()
    assert person[:6].tolist() == [0, 0, 0, 0, 0, 1]
    assert (own[0] - own[1]).abs().mean() < (own[0] - other).abs().mean() / 2
    views = faces.views(crops[:3], 2, 0)
    assert views.shape == (3, 2, 3, graphs.SIDE, graphs.SIDE)
    assert not torch.equal(views[:, 0], views[:, 1])


def narrow(name: str, folder: Path) -> Network:
    path = folder / "narrow.onnx"
    made = (
        graphs.iresnet(path, (1, 1, 1, 1), width=8)
        if name == "iresnet"
        else graphs.mobilefacenet(path, narrower=4)
    )
    return Network.open(name, made, Plan(light_views=1, strong_views=1))
