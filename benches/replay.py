"""Records what the Engine answers on prism's warm path, and plays it back on a socket of its own."""

import http.client
import json
import re
import socket
import socketserver
import sys
import urllib.parse


class Engine(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("docker")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def ask(path, request):
    engine = Engine(path)
    engine.request("GET", request)
    return engine.getresponse().read().decode()


def record(path, directory, file):
    filters = json.dumps({"label": [f"dev-prism.session_id={directory}"]})
    listed = ask(path, "/v1.44/containers/json?" + urllib.parse.urlencode({"all": "true", "filters": filters}))
    # Whatever it says of its age, it stays as old as that.
    containers = {c["Id"]: ask(path, f"/v1.44/containers/{c['Id']}/json") for c in json.loads(listed)}
    with open(file, "w", encoding="utf-8") as out:
        json.dump({"list": listed, "containers": containers}, out)


def serve(path, file):
    with open(file, encoding="utf-8") as recorded:
        recorded = json.load(recorded)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while line := self.rfile.readline().decode():
                while self.rfile.readline().strip():
                    pass
                one = re.match(r"GET (?:/v[\d.]+)?/containers/([0-9a-f]{64})/json", line)
                body = recorded["containers"][one[1]] if one else recorded["list"]
                if "/containers/" not in line:
                    body = "{}"
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n\r\n"
                self.wfile.write((head + body).encode())

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with Server(path, Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    {"record": record, "serve": serve}[verb](*arguments)
