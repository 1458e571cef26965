"""What is compared: the arms, and how each is started."""

import dataclasses
import os

import configs
from processes import Program, free_port

LARGE = 1 << 20  # plain wires get buffers as large as fedcarbon-node's: the size of a read is what bulk costs


@dataclasses.dataclass(frozen=True)
class Arm:
    name: str            # over HTTP/2
    http1: str = ""      # its name over HTTP/1.1, if that differs
    tls: bool = False    # speaks TLS to the upstream
    ours: bool = False
    # CPU of ours divided by this arm's that is aimed at, at most: small RPCs at 1, 8 and 64 connections, and bulk. http1:
    # over HTTP/1.1 too.
    rpc_aim: tuple = ()
    bulk_aim: float = 0
    http1_aim: bool = True
    start: object = None  # start(arm, place, folder of its own) -> Program, None if direct, and {service: port}

    @property
    def is_direct(self):
        return self.start is start_direct

    def label(self, protocol):
        return self.http1 if self.http1 and protocol == "HTTP/1.1" else self.name


@dataclasses.dataclass
class Place:
    """Where the arms run."""
    binaries: str
    services: dict      # service: port of the upstream, cleartext
    tls_services: dict  # the same behind TLS
    ca: str
    coordinator: int


def write(folder, text):
    path = os.path.join(folder, "conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def launch(arm, folder, command, listen):
    program = Program(arm.name, command, folder)
    for port in listen.values():
        program.wait_for_port(port)
    return program, listen


def ports(place):
    return {service: free_port() for service in place.services}


def start_direct(arm, place, _):
    return None, place.tls_services if arm.tls else place.services


def start_nginx_http(arm, place, folder):
    listen = ports(place)
    config = write(folder, configs.nginx_http(listen, place.services))
    return launch(arm, folder, ["nginx", "-p", folder, "-e", "stderr", "-c", config], listen)


def start_nginx_stream(arm, place, folder):
    listen = ports(place)
    services, ca = (place.tls_services, place.ca) if arm.tls else (place.services, None)
    config = write(folder, configs.nginx_stream(listen, services, LARGE, ca))
    return launch(arm, folder, ["nginx", "-p", folder, "-e", "stderr", "-c", config], listen)


def haproxy(mode):
    def start(arm, place, folder):
        listen = ports(place)
        config = write(folder, configs.haproxy(listen, place.services, mode, LARGE if mode == "tcp" else None))
        return launch(arm, folder, ["haproxy", "-db", "-f", config], listen)
    return start


def start_nghttpx(arm, place, folder):
    port = free_port()
    return launch(arm, folder, ["nghttpx", *configs.nghttpx(port, place.services)],
                  dict.fromkeys(place.services, port))


def node(decode):
    def start(arm, place, folder):
        services, ca = (place.tls_services, place.ca) if arm.tls else (place.services, None)
        text = configs.fedcarbon_node(services, place.coordinator, decode, ca)
        command = [os.path.join(place.binaries, "fedcarbon-node"), "--config", write(folder, text)]
        program = Program(arm.name, command, folder, read_output=True)
        *listen, program.http = program.read_ports(["listen"] * len(services) + ["http"])
        return program, dict(zip(services, listen))
    return start


DIRECT = Arm("direct", start=start_direct)
OURS = Arm("fedcarbon-node", ours=True, start=node(decode=True))
DIRECT_TLS = Arm("direct, TLS", tls=True, start=start_direct)
OURS_TLS = Arm("fedcarbon-node, TLS", tls=True, ours=True, start=node(decode=True))
ARMS = (
    DIRECT,
    OURS,
    Arm("fedcarbon-node, no decode", rpc_aim=(1.20,) * 3, bulk_aim=1.15, start=node(decode=False)),
    Arm("nginx stream", rpc_aim=(1.10,) * 3, bulk_aim=1.10, start=start_nginx_stream),
    Arm("haproxy tcp", rpc_aim=(1.10,) * 3, bulk_aim=1.10, start=haproxy("tcp")),
    Arm("nginx grpc_pass", http1="nginx proxy_pass", rpc_aim=(0.65,) * 3, bulk_aim=0.70, start=start_nginx_http),
    Arm("nghttpx", rpc_aim=(0.80, 0.80, 1.00), bulk_aim=0.45, http1_aim=False, start=start_nghttpx),
    Arm("haproxy h2", http1="haproxy http", rpc_aim=(0.65,) * 3, bulk_aim=0.25, http1_aim=False, start=haproxy("http")),
    DIRECT_TLS,
    OURS_TLS,
    Arm("nginx proxy_ssl", tls=True, rpc_aim=(1.10,) * 3, bulk_aim=1.10, start=start_nginx_stream),
)
