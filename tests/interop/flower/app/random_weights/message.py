"""With the Message API and its strategies."""
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

from random_weights import weights

server = ServerApp()
client = ClientApp(mods=[weights.say_message])


@server.main()
def main(grid, context):
    nodes = context.run_config["nodes"]
    strategy = FedAvg(min_train_nodes=nodes, min_evaluate_nodes=nodes, min_available_nodes=nodes)
    result = strategy.start(grid=grid, initial_arrays=ArrayRecord(weights.initial(context.run_config["mib"])),
                            num_rounds=context.run_config["rounds"])
    weights.say_result(result.arrays.to_numpy_ndarrays())


def compute(message, context, kind):
    return weights.compute(message.content["arrays"].to_numpy_ndarrays(), context.node_config["partition"],
                           message.content["config"]["server-round"], kind, context.run_config["train-ms"])


def answer(message, context, **records):
    metrics = {"num-examples": weights.examples(context.node_config["partition"]), "loss": 0.5}
    return Message(RecordDict({"metrics": MetricRecord(metrics), **records}), reply_to=message)


@client.train()
def train(message, context):
    return answer(message, context, arrays=ArrayRecord(compute(message, context, "train")))


@client.evaluate()
def evaluate(message, context):
    compute(message, context, "evaluate")
    return answer(message, context)
