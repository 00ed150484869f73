"""torch is loaded only where training begins."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["workers.erase", "workers.erasure", "lethe.cli", "web.app"])
def test_importing_what_a_parent_process_imports_does_not_load_torch(module: str) -> None:
    environment = {"LETHE_S3_ENDPOINT": "http://127.0.0.1:1", "LETHE_S3_ACCESS_KEY": "nobody"}
    environment["LETHE_S3_SECRET_KEY"] = "nothing"
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], env=environment).returncode == 0
