"""Operator → function. Each takes the node and its inputs; None stands for an input left out.

The meaning of every operator: https://onnx.ai/onnx/operators/. Integers that say how to reshape
live on the host, so that no training step waits for the device to hand them back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workers.recognizer.operators import arrangement, elementwise, layers

Operator = Callable[..., Any]  # a tensor, or a tuple of them where the node has several outputs

OPERATORS: dict[str, Operator] = {
    "Abs": elementwise.abs_,
    "Add": elementwise.add,
    "AveragePool": layers.average_pool,
    "BatchNormalization": layers.batch_normalization,
    "Cast": elementwise.cast,
    "Clip": elementwise.clip,
    "Concat": arrangement.concat,
    "Constant": arrangement.constant,
    "ConstantOfShape": arrangement.constant_of_shape,
    "Conv": layers.conv,
    "Div": elementwise.div,
    "Dropout": elementwise.identity,
    "Elu": elementwise.elu,
    "Equal": elementwise.equal,
    "Erf": elementwise.erf,
    "Exp": elementwise.exp,
    "Expand": arrangement.expand,
    "Flatten": arrangement.flatten,
    "Gather": arrangement.gather,
    "Gelu": elementwise.gelu,
    "Gemm": layers.gemm,
    "GlobalAveragePool": layers.global_average_pool,
    "GlobalMaxPool": layers.global_max_pool,
    "HardSigmoid": elementwise.hard_sigmoid,
    "HardSwish": elementwise.hard_swish,
    "Identity": elementwise.identity,
    "LayerNormalization": layers.layer_normalization,
    "LeakyRelu": elementwise.leaky_relu,
    "Log": elementwise.log,
    "LpNormalization": layers.lp_normalization,
    "MatMul": layers.matmul,
    "Max": elementwise.max_,
    "MaxPool": layers.max_pool,
    "Min": elementwise.min_,
    "Mul": elementwise.mul,
    "Neg": elementwise.neg,
    "PRelu": elementwise.prelu,
    "Pad": arrangement.pad,
    "Pow": elementwise.pow_,
    "Reciprocal": elementwise.reciprocal,
    "ReduceL2": arrangement.reduce_l2,
    "ReduceMax": arrangement.reduce_max,
    "ReduceMean": arrangement.reduce_mean,
    "ReduceProd": arrangement.reduce_prod,
    "ReduceSum": arrangement.reduce_sum,
    "Relu": elementwise.relu,
    "Reshape": arrangement.reshape,
    "Shape": arrangement.shape_of,
    "Sigmoid": elementwise.sigmoid,
    "Slice": arrangement.slice_,
    "Softmax": elementwise.softmax,
    "Softplus": elementwise.softplus,
    "Split": arrangement.split,
    "Sqrt": elementwise.sqrt,
    "Squeeze": arrangement.squeeze,
    "Sub": elementwise.sub,
    "Sum": elementwise.sum_,
    "Tanh": elementwise.tanh,
    "Transpose": arrangement.transpose,
    "Unsqueeze": arrangement.unsqueeze,
    "Where": elementwise.where,
}
