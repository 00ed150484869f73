"""What an erasure costs on one NVIDIA GPU, with nothing but torch, onnx, numpy and this repository.

    python -m benchmarks.gpu [--faces 1000 100000] [--types fp32 bf16]

First the device's results are compared with the CPU's; where they disagree nothing is measured.
Without a GPU, `--device cpu --quick` runs the same code on narrow networks and few faces.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.command import positive, run
from benchmarks.gpu import check, cost, graphs, matrix
from benchmarks.gpu.network import Network
from storage.errors import BadInput, LetheError
from workers.unlearning.plan import Plan

KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}
WHOLE: dict[str, Callable[[Path], Path]] = {
    "MobileFaceNet": graphs.mobilefacenet,
    "iResNet-100": graphs.iresnet,
}
NARROW: dict[str, Callable[[Path], Path]] = {
    "MobileFaceNet": lambda path: graphs.mobilefacenet(path, narrower=4),
    "iResNet-100": lambda path: graphs.iresnet(path, blocks=(1, 1, 1, 1), width=8),
}
FACES = (1_000, 100_000)
QUICK_FACES, QUICK_EMBEDDED = (20, 40), 40
QUICK = Plan(
    "dispersion", steps=4, light_batch=8, strong_batch=4, reference_batch=12, light_views=1,
    strong_views=1, tail_macs=4_000_000,
)  # fmt: skip
TITLE = (
    f"{'network':14}{'type':5}{'faces':>8}{'erasure s':>11}{'cut s':>8}{'prep. s':>9}{'steps s':>9}"
    f"{'steps/s':>9}{'faces/s':>9}{'GPU GiB':>9}{'host GiB':>9}{'embed %':>9}{'step %':>8}"
)


class NoGpu(BadInput):
    """There is no NVIDIA GPU that this torch can use."""


class Disagreement(LetheError):
    """The device computes something else than the CPU does."""


@dataclass(frozen=True)
class Row:
    network: str
    kind: str
    faces: int
    cost: cost.Cost | None
    note: str = ""  # why there is no cost


def main() -> None:
    options = _options()
    device = _device(options.device)
    print(_machine(device), flush=True)
    plan = QUICK if options.quick else Plan()
    with tempfile.TemporaryDirectory() as folder:
        networks = _networks(options.networks, Path(folder), plan, quick=options.quick)
        _check(networks, device, options.types)
        rates = {kind: matrix.matrix_rate(device, KINDS[kind]) for kind in options.types}
        for kind, rate in rates.items():
            print(f"matrix product, {kind}: {rate / 1e12:.2f} TFLOP/s", flush=True)
        print(TITLE)
        rows = [_said(row) for row in _rows(networks, device, options, plan, rates)]
    if options.json:
        options.json.write_text(json.dumps(_document(device, rates, rows), indent=2) + "\n")


def _rows(
    networks: list[Network],
    device: torch.device,
    options: argparse.Namespace,
    plan: Plan,
    rates: dict[str, float],
) -> Iterator[Row]:
    counts = options.faces or (QUICK_FACES if options.quick else FACES)
    fewer = {"embedded": QUICK_EMBEDDED} if options.quick else {}
    for network in networks:
        for kind in options.types:
            half = KINDS[kind] is torch.bfloat16
            for count in counts:
                try:
                    found = cost.measure(
                        network, device, count, plan, rates[kind], half=half, **fewer
                    )
                except cost.NoRoom as reason:
                    yield Row(network.name, kind, count, None, str(reason))
                else:
                    yield Row(network.name, kind, count, found)


def _said(row: Row) -> Row:
    begin, found = f"{row.network:14}{row.kind:5}{row.faces:8,}", row.cost
    if found is None:
        print(f"{begin}  not measured: {row.note}", flush=True)
        return row
    print(
        f"{begin}{found.seconds:11.2f}{found.activations:8.2f}{found.preparing:9.2f}"
        f"{found.stepping:9.2f}{found.steps / found.stepping:9.1f}{found.embedded:9.0f}"
        f"{found.device_gib:9.2f}{found.host_gib:9.2f}"
        f"{100 * found.embedding_share:9.1f}{100 * found.stepping_share:8.1f}"
        + (f"  {found.note}" if found.note else ""),
        flush=True,
    )
    return row


def _check(networks: list[Network], device: torch.device, kinds: list[str]) -> None:
    """
    Raises:
        Disagreement
    """
    print("compared with the CPU:")
    failed = []
    for network in networks:
        for kind in kinds:
            for found in check.compare(network, device, half=KINDS[kind] is torch.bfloat16):
                print(f"  {found}", flush=True)
                failed += [] if found.kept else [found.what]
    if failed:
        raise Disagreement(f"nothing was measured: {'; '.join(failed)} differ from the CPU's")


def _networks(names: list[str], folder: Path, plan: Plan, *, quick: bool) -> list[Network]:
    write = NARROW if quick else WHOLE
    files = {name: write[name](folder / f"{name}.onnx") for name in names}
    made = [Network.open(name, file, plan) for name, file in files.items()]
    for network in made:
        macs = f"{network.macs / 1e6:,.0f} M multiply-adds a face"
        tail = f"{network.cut.macs_after / 1e6:,.0f} M behind the cut"
        print(f"{network.name}{', narrow' if quick else ''}: {macs}, {tail} {network.cut.shape}")
    return made


def _device(name: str) -> torch.device:
    """
    Raises:
        NoGpu
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise NoGpu(
            f"no NVIDIA GPU that torch {torch.__version__} can use: nothing was measured; "
            "`--device cpu --quick` runs the same code small"
        )
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(name)


def _machine(device: torch.device) -> str:
    about = f"torch {torch.__version__}, Python {platform.python_version()}"
    if device.type == "cuda":
        held = torch.cuda.get_device_properties(device)
        return (
            f"{held.name}, {held.total_memory / 2**30:.0f} GiB; CUDA {torch.version.cuda}, {about}"
        )
    return f"no GPU: these are figures of {torch.get_num_threads()} thread(s) of the CPU; {about}"


def _document(device: torch.device, rates: dict[str, float], rows: list[Row]) -> dict[str, Any]:
    return {
        "device": _machine(device),
        "matrix_flops": rates,
        "rows": [asdict(row) for row in rows],
    }


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        "benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    made.add_argument("--quick", action="store_true", help="narrow networks, few faces and steps")
    made.add_argument("--faces", type=positive, nargs="+", help="reference faces (1000 100000)")
    made.add_argument("--networks", nargs="+", choices=tuple(WHOLE), default=list(WHOLE))
    made.add_argument("--types", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    made.add_argument("--json", type=Path, help="write the figures there, too")
    found = made.parse_args()
    if found.json and not found.json.resolve().parent.is_dir():
        made.error(f"--json {found.json}: its folder does not exist")
    return found


if __name__ == "__main__":
    run(main)
