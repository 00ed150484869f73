"""The workers: photo preparation, unlearning, certification."""

import os

# Threads that wait must sleep. By default they spin, and on a machine that anything else uses, a
# training step on two threads then takes ten times as long as on one. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# ONNX Runtime's wheels report to their maker what they run, models' names and digests with it. Read
# when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
