"""How fast the desk answers; ``python -m benchmarks.desk``."""
