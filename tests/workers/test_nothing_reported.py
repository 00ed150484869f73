"""ONNX Runtime's wheels report home by default; here they keep nothing to report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.workers.cast import RECOGNISER

LOAD = "import sys\nfrom workers.recognizer import Recognizer\nRecognizer.load(sys.argv[1])"


def test_a_loaded_model_leaves_no_trace_of_telemetry(tmp_path: Path):
    variables = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", LOAD, str(RECOGNISER)],
        env={**variables, "HOME": str(tmp_path)},
        check=True,
        timeout=120,
    )
    kept = [path.name for path in tmp_path.rglob("*") if "onnxruntime" in str(path)]
    assert kept == []
