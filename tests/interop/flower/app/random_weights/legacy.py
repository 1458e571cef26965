"""With the strategies of old. The first weights come from a node: that is round 0."""
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp
from flwr.common import parameters_to_ndarrays
from flwr.server import ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.serverapp import ServerApp

from random_weights import weights


class Strategy(FedAvg):
    """Says the result, which nobody else is handed."""

    def __init__(self, rounds, **options):
        super().__init__(**options, on_fit_config_fn=self.settings, on_evaluate_config_fn=self.settings)
        self.rounds = rounds

    def settings(self, server_round):
        return {"round-for-the-log": server_round}

    def aggregate_fit(self, server_round, results, failures):
        parameters, metrics = super().aggregate_fit(server_round, results, failures)
        if server_round == self.rounds:
            weights.say_result(parameters_to_ndarrays(parameters))
        return parameters, metrics


class Node(NumPyClient):
    def __init__(self, context):
        self.partition, self.settings = context.node_config["partition"], context.run_config

    def compute(self, arrays, config, kind):
        return weights.compute(arrays, self.partition, config["round-for-the-log"], kind, self.settings["train-ms"])

    def get_parameters(self, config):
        return weights.initial(self.settings["mib"])

    def fit(self, parameters, config):
        return self.compute(parameters, config, "train"), weights.examples(self.partition), {}

    def evaluate(self, parameters, config):
        self.compute(parameters, config, "evaluate")
        return 0.5, weights.examples(self.partition), {}


def start(context):
    nodes, rounds = context.run_config["nodes"], context.run_config["rounds"]
    strategy = Strategy(rounds, min_fit_clients=nodes, min_evaluate_clients=nodes, min_available_clients=nodes)
    return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=rounds))


server = ServerApp(server_fn=start)
client = ClientApp(client_fn=lambda context: Node(context).to_client(), mods=[weights.say_message])
