"""A hospital. No row of its patients leaves this process: sums, parameters and scores do."""

import numpy as np
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from heart_disease import data, network

app = ClientApp()


def _patients(context):
    return data.split(*data.load(context.node_config["data"]), context.run_config["seed"])


def _standardised(features, config):
    return ((features - np.array(config["means"])) / np.array(config["deviations"])).astype(np.float32)


def _answer(message, metrics, **records):
    return Message(RecordDict({"metrics": MetricRecord(metrics), **records}), reply_to=message)


@app.query()
def summarise(message, context):
    (features, _), _ = _patients(context)
    return _answer(message, {"num-examples": len(features), "sums": features.sum(axis=0).tolist(),
                             "square-sums": (features**2).sum(axis=0).tolist()})


@app.train()
def train(message, context):
    (features, diseased), _ = _patients(context)
    config, arrays = message.content["config"], message.content["arrays"].to_numpy_ndarrays()
    random = np.random.default_rng((context.run_config["seed"], config["server-round"]))
    network.train_epoch(arrays, _standardised(features, config), diseased, config["learning-rate"], random)
    return _answer(message, {"num-examples": len(diseased)}, arrays=ArrayRecord(arrays))


@app.evaluate()
def evaluate(message, context):
    _, (features, diseased) = _patients(context)
    config, arrays = message.content["config"], message.content["arrays"].to_numpy_ndarrays()
    correct = network.count_correct(arrays, _standardised(features, config), diseased)
    return _answer(message, {"num-examples": len(diseased), "accuracy": correct / len(diseased)})
