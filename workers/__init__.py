"""The workers: photo preparation, unlearning, certification."""

import os

# Threads that wait must sleep. By default they spin, and on a machine that anything else uses, a
# training step on two threads then takes ten times as long as on one. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
