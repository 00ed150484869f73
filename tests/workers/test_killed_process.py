"""A process that is killed in mid-training: the next call goes on where it stood."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from storage.canonical import file_sha256
from storage.faces.sets import read_photos
from storage.tickets.photos import Photo
from tests.workers.cast import RECOGNISER, Cast
from tests.workers.setting import QUICK
from tests.workers.short import STEPS, Watcher
from workers.erasure import erase_file
from workers.recognizer import Recognizer

SECONDS = 120.0  # far more than it takes; a hanging process must not hang the tests


def test_a_process_killed_in_mid_training_goes_on_when_it_is_called_again(
    recognizer: Recognizer, cast: Cast, tmp_path: Path
) -> None:
    """The installed command's own main, in processes of its own, with SIGKILL."""
    folders = written_out(cast, tmp_path)
    unbroken, resumed = tmp_path / "unbroken.onnx", tmp_path / "resumed.onnx"
    photos = [Photo(str(path), path.read_bytes()) for path in read_photos(folders[0])]
    erase_file(RECOGNISER, [photos], folders[1], unbroken, QUICK, Watcher())
    first = erase(folders, resumed, tmp_path / "cache")
    (file,) = wait_for_file(tmp_path / "cache" / "checkpoints")
    first.send_signal(signal.SIGKILL)
    assert first.wait(SECONDS) == -signal.SIGKILL
    assert not resumed.exists()
    with np.load(file, allow_pickle=False) as held:
        step = json.loads(str(held["about"]))["course"]["step"]
    assert 0 < step < STEPS

    second = erase(folders, resumed, tmp_path / "cache")
    out, _ = second.communicate(timeout=SECONDS)
    assert second.returncode == 0
    assert f"resumed at step {step} of {STEPS}" in out
    assert file_sha256(resumed) == file_sha256(unbroken)
    assert file_sha256(resumed) != recognizer.sha256
    assert list((tmp_path / "cache" / "checkpoints").iterdir()) == []


def written_out(cast: Cast, root: Path) -> tuple[Path, Path]:
    """Folders of the subject's photos and of the reference people."""
    subject, reference = root / "subject", root / "reference"
    subject.mkdir()
    for photo in cast.subject[:12]:
        (subject / photo.name).write_bytes(photo.data)
    for who, photos in cast.reference.items():
        (reference / who).mkdir(parents=True)
        for number, data in enumerate(photos[:4]):
            (reference / who / f"{number}.jpg").write_bytes(data)
    return subject, reference


def erase(folders: tuple[Path, Path], out: Path, cache: Path) -> subprocess.Popen[str]:
    subject, reference = folders
    command: list[str | Path] = [sys.executable, "-m", "tests.workers.quick_erase", "erase"]
    command += [RECOGNISER, "--subject", subject, "--reference", reference, "--out", out]
    env = {**os.environ, "LETHE_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.PIPE, text=True)


def wait_for_file(folder: Path) -> list[Path]:
    end = time.monotonic() + SECONDS
    while not (found := list(folder.glob("*.npz"))):
        assert time.monotonic() < end
        time.sleep(0.005)
    return found
