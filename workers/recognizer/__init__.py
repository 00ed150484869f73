"""A face-recognition ONNX file as deployed, as a trainable torch module, and back again."""

from workers.recognizer.alignment import Face, FaceDetector, align
from workers.recognizer.bad_model import BadModel
from workers.recognizer.recognizer import Recognizer
from workers.recognizer.topology import CutPoint, LastLinear

__all__ = ["BadModel", "CutPoint", "Face", "FaceDetector", "LastLinear", "Recognizer", "align"]
