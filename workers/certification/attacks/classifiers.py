"""The classifiers of the probes, from scikit-learn: loaded when the first probe is fitted."""

from __future__ import annotations

from collections.abc import Callable

from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

MOST_STEPS = 5000  # of L-BFGS; it converges in some hundred


def _linear(seed: int) -> Pipeline:
    model = LogisticRegression(
        C=0.01, class_weight="balanced", max_iter=MOST_STEPS, random_state=seed
    )
    return make_pipeline(StandardScaler(), model)


def _mlp(seed: int) -> Pipeline:
    model = MLPClassifier(
        hidden_layer_sizes=(8,),
        activation="tanh",
        solver="lbfgs",
        alpha=1.0,
        max_iter=MOST_STEPS,
        random_state=seed,
    )
    return make_pipeline(StandardScaler(), model)


CLASSIFIERS: dict[str, Callable[[int], Pipeline]] = {"linear": _linear, "mlp": _mlp}
