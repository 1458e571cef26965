"""The configuration files of the bench. One thread each, no access log, connections kept for an hour; otherwise each
program's defaults, but for what would make it write bodies to a disk or refuse them.

`services` maps a service to its port: `rpc` and `bulk` speak HTTP/2, `web` and `body` HTTP/1.1."""

HTTP2 = ("rpc", "bulk")

NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 16384; }
"""

NGINX_HTTP = """
http {
  access_log off;
  client_body_temp_path .;
  proxy_temp_path .;
  fastcgi_temp_path .;
  uwsgi_temp_path .;
  scgi_temp_path .;
  client_max_body_size 0;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
"""


def nginx_http(listen, services):
    """As grpc_pass for HTTP/2, as proxy_pass for HTTP/1.1."""
    text = NGINX + NGINX_HTTP
    for name, port in services.items():
        if name in HTTP2:
            protocol, forward = " http2", f"grpc_pass grpc://{name};"
        else:
            protocol, forward = "", (f"proxy_pass http://{name}; proxy_http_version 1.1; proxy_set_header Connection '';"
                                     " proxy_request_buffering off; proxy_max_temp_file_size 0;")
        text += f"""
  upstream {name} {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 1000000000; keepalive_timeout 1h; }}
  server {{ listen 127.0.0.1:{listen[name]}{protocol}; location / {{ {forward} }} }}
"""
    return text + "}\n"


def nginx_web(port, body):
    """A server that answers every request with `body`."""
    return NGINX + NGINX_HTTP + f"  server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{body}'; }} }}\n}}\n"


def nginx_stream(listen, services, buffer, ca):
    """A plain wire; with `ca` one that speaks TLS to the upstream."""
    text = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n" + NGINX
    text += f"stream {{\n  proxy_timeout 1h;\n  proxy_buffer_size {buffer};\n"
    if ca:
        text += ("  proxy_ssl on; proxy_ssl_protocols TLSv1.3; proxy_ssl_verify on;\n"
                 f"  proxy_ssl_trusted_certificate {ca}; proxy_ssl_name localhost; proxy_ssl_server_name on;\n")
    for name, port in services.items():
        text += f"  server {{ listen 127.0.0.1:{listen[name]}; proxy_pass 127.0.0.1:{port}; }}\n"
    return text + "}\n"


def haproxy(listen, services, mode, buffer=None, certificate=None):
    """Mode http or tcp; with `certificate` it ends its clients' TLS."""
    text = "global\n  nbthread 1\n  maxconn 6000\n"
    if buffer:
        text += f"  tune.bufsize {buffer}\n"
    text += f"defaults\n  mode {mode}\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n"
    for name, port in services.items():
        protocol = " proto h2" if mode == "http" and name in HTTP2 else ""
        tls = f" ssl crt {certificate} alpn {'h2' if name in HTTP2 else 'http/1.1'}" if certificate else ""
        text += f"listen {name}\n  bind 127.0.0.1:{listen[name]}{tls}{protocol}\n  server s 127.0.0.1:{port}{protocol}\n"
    return text


def nghttpx(listen, services):
    """The arguments: one frontend, which tells the services apart by their path."""
    paths = {"rpc": "/bench.Echo/", "bulk": "/fedcarbon.test.Echo/", "web": "/web", "body": "/"}
    arguments = ["--conf=/dev/null", "-n1", "--no-ocsp", "--frontend-keep-alive-timeout=1h",
                 "--backend-keep-alive-timeout=1h", f"--frontend=127.0.0.1,{listen};no-tls"]
    for name, port in services.items():
        protocol = "h2" if name in HTTP2 else "http/1.1"
        arguments.append(f"--backend=127.0.0.1,{port};{paths[name]};proto={protocol}")
    return arguments


def fedcarbon_node(services, coordinator, decode, ca=None):
    text = f'node = "bench.example"\ncoordinator = "127.0.0.1:{coordinator}"\nhttp = "127.0.0.1:0"\n'
    for port in services.values():
        text += f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "127.0.0.1:{port}"\ndecode = {str(decode).lower()}\n'
        if ca:
            text += f'[listener.upstream_tls]\nca = "{ca}"\nserver_name = "localhost"\n'
    return text
