"""The aggregator: means and deviations from federated sums first, then FedAvg."""

import time

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

from heart_disease import network

app = ServerApp()


def _wait_for_hospitals(grid, count):
    while len(nodes := list(grid.get_node_ids())) < count:
        time.sleep(0.2)
    return nodes


def _standardisation(grid, nodes):
    """Brings every input to mean 0 and deviation 1, over the training rows of all hospitals."""
    questions = [Message(RecordDict(), dst_node_id=node, message_type=MessageType.QUERY) for node in nodes]
    answers = [reply.content["metrics"] for reply in grid.send_and_receive(questions)]
    rows = sum(answer["num-examples"] for answer in answers)
    means = np.sum([answer["sums"] for answer in answers], axis=0) / rows
    variances = np.sum([answer["square-sums"] for answer in answers], axis=0) / rows - means**2
    # Below this the difference of two large sums is rounding: the input never varies.
    deviations = np.sqrt(np.where(variances > 1e-9, variances, 1))
    return {"means": means.tolist(), "deviations": deviations.tolist()}


@app.main()
def main(grid, context):
    settings = context.run_config
    hospitals, model = settings["num-hospitals"], settings["model"]
    standardisation = _standardisation(grid, _wait_for_hospitals(grid, hospitals))
    strategy = FedAvg(min_train_nodes=hospitals, min_evaluate_nodes=hospitals, min_available_nodes=hospitals)
    result = strategy.start(
        grid=grid,
        initial_arrays=ArrayRecord(network.initial(model, settings["seed"])),
        num_rounds=settings["num-server-rounds"],
        train_config=ConfigRecord({**standardisation, "learning-rate": network.LEARNING_RATES[model]}),
        evaluate_config=ConfigRecord(standardisation),
    )
    for number, metrics in result.evaluate_metrics_clientapp.items():
        print(f"accuracy of round {number}: {metrics['accuracy']:.3f}", flush=True)
