"""What an erasure costs on one NVIDIA GPU, with torch, onnx, numpy and this repository alone."""
