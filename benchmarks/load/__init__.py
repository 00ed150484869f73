"""How Lethe bears many tickets and models; ``python -m benchmarks.load``."""
