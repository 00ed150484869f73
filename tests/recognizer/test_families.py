"""Each family of recognisers, exported by torch, imported, compared with torch and ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.recognizer.networks import NETWORKS, build, export
from workers.recognizer import Recognizer
from workers.recognizer.graph import GraphModule
from workers.recognizer.operators import NAMES
from workers.recognizer.operators.table import OPERATORS

TOLERANCE = 1e-4
# opset, faces at a time, folded: the corners of what people export, not every combination
EXPORTS = [
    pytest.param((17, None, True), id="opset17"),
    pytest.param((17, None, False), id="unfolded"),
    pytest.param((9, None, True), id="opset9"),
    pytest.param((11, 1, True), id="opset11-batch1"),
    pytest.param((13, 2, False), id="opset13-batch2-unfolded"),
    pytest.param((20, None, False), id="opset20-unfolded"),
]


@dataclass
class Imported:
    network: nn.Module
    recognizer: Recognizer
    module: GraphModule
    folded: bool


@pytest.fixture(params=EXPORTS, scope="module")
def imported(
    request: pytest.FixtureRequest, family: str, tmp_path_factory: pytest.TempPathFactory
) -> Imported:
    opset, batch, folded = request.param
    network = build(family)
    path = tmp_path_factory.mktemp(family) / "model.onnx"
    recognizer = Recognizer.load(export(network, path, opset, batch, folded))
    assert recognizer.file.batch == batch
    return Imported(network, recognizer, recognizer.module(), folded)


@pytest.fixture(params=sorted(NETWORKS), scope="module")
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def images(recognizer: Recognizer, crops: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(recognizer.preprocess(crops))


def test_outputs_and_gradients_agree_with_torch(
    imported: Imported, crops: NDArray[np.uint8]
) -> None:
    x = images(imported.recognizer, crops)
    expected, got = imported.network(x), imported.module(x)
    torch.testing.assert_close(got, expected, rtol=TOLERANCE, atol=TOLERANCE)
    direction = torch.randn(expected.shape, generator=torch.Generator().manual_seed(0))
    (expected * direction).sum().backward()
    (got * direction).sum().backward()
    for theirs, ours in paired(imported):
        scale = theirs.abs().max().item()
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=TOLERANCE, atol=TOLERANCE)
    imported.network.zero_grad()
    imported.module.zero_grad()


def paired(imported: Imported) -> list[tuple[Tensor, Tensor]]:
    """Gradients of the parameters that the export left as they were, maybe under another name."""
    pairs = []
    for theirs in imported.network.parameters():
        for ours in imported.module.weights.values():
            for turned in (ours, ours.t() if ours.dim() == 2 else ours):
                if theirs.numel() == ours.numel() and same(theirs, turned):
                    gradient = ours.grad if turned is ours else ours.grad.t()  # type: ignore[union-attr]
                    assert theirs.grad is not None
                    assert gradient is not None
                    pairs.append((theirs.grad, gradient.reshape(theirs.shape)))
                    break
    # folding batch normalisation into a convolution makes new weights of both
    folds = any(isinstance(m, nn.BatchNorm2d) for m in imported.network.modules())
    if not (imported.folded and folds):
        assert len(pairs) == len(list(imported.network.parameters()))
    assert pairs
    return pairs


def same(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.reshape(-1), b.reshape(-1))


def test_templates_agree_with_onnx_runtime(imported: Imported, crops: NDArray[np.uint8]) -> None:
    with torch.no_grad():
        raw = imported.module(images(imported.recognizer, crops))
    ours = nn.functional.normalize(raw).numpy()
    np.testing.assert_allclose(imported.recognizer.embed(crops), ours, atol=TOLERANCE)


def test_from_every_cut_the_tail_makes_the_same_embedding(
    imported: Imported, crops: NDArray[np.uint8]
) -> None:
    cuts = imported.module.cut_points()
    assert len(cuts) >= 3
    output = imported.recognizer.output_name
    with torch.no_grad():
        expected = imported.module(images(imported.recognizer, crops))
        for cut in cuts:
            features = imported.recognizer.features(cut.tensor, crops)
            assert features.shape == (len(crops), *cut.shape)
            tail = imported.module.run({cut.tensor: torch.from_numpy(features)}, [output])
            torch.testing.assert_close(tail[output], expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_cut_names_exactly_the_parameters_that_the_tail_trains(
    imported: Imported, crops: NDArray[np.uint8]
) -> None:
    output = imported.recognizer.output_name
    for cut in imported.module.cut_points():
        features = torch.from_numpy(imported.recognizer.features(cut.tensor, crops[:2]))
        imported.module.run({cut.tensor: features}, [output])[output].sum().backward()
        reached = {n for n, w in imported.module.weights.items() if w.grad is not None}
        imported.module.zero_grad()
        assert reached == set(cut.parameters)


def test_cuts_run_from_the_image_to_the_embedding(imported: Imported) -> None:
    cuts = imported.module.cut_points()
    for earlier, later in pairwise(cuts):
        assert set(later.parameters) < set(earlier.parameters)
        assert later.macs_after <= earlier.macs_after


def test_the_last_linear_layer_makes_the_embedding_out_of_the_pooled_features(
    imported: Imported, crops: NDArray[np.uint8]
) -> None:
    layer = imported.module.last_linear
    weight = imported.module.weights[layer.weight].detach()
    features = torch.from_numpy(imported.recognizer.features(layer.features, crops)).flatten(1)
    rows = weight.flatten(1) if layer.output_axis == 0 else weight.t()
    got = features @ rows.t()
    if layer.bias is not None:
        got = got + imported.module.weights[layer.bias].detach()
    expected = torch.from_numpy(imported.recognizer.features(layer.output, crops)).flatten(1)
    torch.testing.assert_close(got, expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert imported.module.pooled_cut == layer.features


def test_batch_normalisation_keeps_its_statistics_in_training_mode(
    tmp_path: Path, crops: NDArray[np.uint8]
) -> None:
    path = export(build("iresnet"), tmp_path / "m.onnx", folded=False)
    recognizer = Recognizer.load(path)
    module = recognizer.module()
    x = images(recognizer, crops)
    before = module.eval()(x)
    statistics = [b.clone() for b in module.buffers()]
    assert torch.equal(module.train()(x), before)
    assert all(torch.equal(a, b) for a, b in zip(statistics, module.buffers(), strict=True))
    assert not any("running" in name for name in module.weights)


def test_no_step_asks_the_device_for_a_number(imported: Imported) -> None:
    """A device without any numbers: reading one back, or mixing it with the host, is an error."""
    module = GraphModule(imported.recognizer.file).to("meta")
    size = imported.recognizer.input_size
    images = torch.zeros(4, 3, size, size, device="meta")
    embeddings = module(images)
    embeddings.sum().backward()
    assert embeddings.shape == (4, imported.recognizer.embedding_size)
    assert embeddings.device.type == "meta"


def test_every_operator_that_a_file_may_use_has_a_function() -> None:
    assert set(OPERATORS) == NAMES


def test_every_cut_leaves_the_layer_that_makes_the_embedding_to_train(imported: Imported) -> None:
    cuts = imported.recognizer.cut_points()
    assert cuts
    for cut in cuts:
        assert imported.recognizer.last_linear.weight in cut.parameters
        assert imported.recognizer.last_linear.features in imported.module.run(
            {cut.tensor: zeros(cut.shape)}, [imported.recognizer.last_linear.features]
        )


def zeros(shape: tuple[int, ...]) -> Tensor:
    return torch.zeros(1, *shape)
