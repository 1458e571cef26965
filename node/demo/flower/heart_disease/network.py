"""A small fully connected network: rectified hidden layers, one logistic output. Its arrays are weights and biases of
each layer in turn."""

import numpy as np

from heart_disease.data import FEATURES

WIDTHS = {"logistic": (FEATURES, 1), "mlp": (FEATURES, 512, 512, 1)}
LEARNING_RATES = {"logistic": 0.05, "mlp": 0.02}
BATCH = 16


def initial(model, seed):
    """Weights drawn at random (He's initialisation), biases zero. One layer alone starts from zero."""
    random = np.random.default_rng(seed)
    arrays = []
    for inputs, outputs in zip(WIDTHS[model], WIDTHS[model][1:]):
        scale = 0 if model == "logistic" else np.sqrt(1 / 3 / inputs)
        arrays.append((scale * random.standard_normal((inputs, outputs))).astype(np.float32))
        arrays.append(np.zeros(outputs, np.float32))
    return arrays


def _values(arrays, features):
    """Of each layer, the inputs first, the log-odds of disease last."""
    values = [features]
    for layer in range(0, len(arrays), 2):
        sums = values[-1] @ arrays[layer] + arrays[layer + 1]
        values.append(sums if layer + 2 == len(arrays) else np.maximum(sums, 0))
    return values


def train_epoch(arrays, features, diseased, learning_rate, random):
    """One epoch of stochastic gradient descent, in place."""
    order = random.permutation(len(diseased))
    for begin in range(0, len(order), BATCH):
        batch = order[begin:begin + BATCH]
        values = _values(arrays, features[batch])
        slopes = (1 / (1 + np.exp(-values[-1])) - diseased[batch, None]) / len(batch)
        for layer in range(len(arrays) - 2, -1, -2):
            inputs = values[layer // 2]
            back = (slopes @ arrays[layer].T) * (inputs > 0)  # where it was rectified, nothing flows back
            arrays[layer] -= learning_rate * (inputs.T @ slopes)
            arrays[layer + 1] -= learning_rate * slopes.sum(axis=0)
            slopes = back


def count_correct(arrays, features, diseased):
    return int(np.sum((_values(arrays, features)[-1][:, 0] > 0) == (diseased > 0)))
