"""A network on a bad day: an HTTP proxy before a real S3 server that spoils requests and answers, by seed."""

import random
import socket
import threading
import time

LOST_OF_ALL = 1 / 3  # requests that are dropped before they arrive
SPOILED_OF_REST = 1 / 5
LONGEST_DELAY_S = 1.0
ERRORS = {
    500: ("Internal Server Error", "InternalError"),
    503: ("Slow Down", "SlowDown"),
    403: ("Forbidden", "AccessDenied"),
    404: ("Not Found", "NoSuchKey"),
}


class BadNetwork:
    """Listens on a port of its own until it is stopped. `faults` counts what it did, by kind."""

    def __init__(self, endpoint, seed):
        host, port = endpoint.removeprefix("http://").rstrip("/").split(":")
        self.server = (host, int(port))
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.faults = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def chosen(self, method):
        """What happens to one request."""
        with self.lock:
            if self.random.random() < LOST_OF_ALL:
                kind = "drop"
            elif self.random.random() < SPOILED_OF_REST:
                kinds = ["delay", "cut", "truncate", "corrupt", 500, 503, 403]
                kind = self.random.choice(kinds + ([404] if method == "PUT" else []))
            else:
                return None, 0.0
            self.faults[kind] = self.faults.get(kind, 0) + 1
            return kind, self.random.random()

    def serve(self, client):
        """Requests of one connection, each over a connection of its own to the server."""
        try:
            with client, client.makefile("rb") as requests:
                client.settimeout(60)
                while self.one_request(client, requests):
                    pass
        except OSError:
            pass

    def one_request(self, client, requests):
        head, length = read_head(requests)
        if head is None:
            return False
        method = head.split(b" ", 1)[0].decode()
        kind, share = self.chosen(method)
        if kind == "drop":
            return False
        if b"\r\nexpect: 100-continue" in head.lower():
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = requests.read(length)
        if kind in (500, 503, 403):
            return answer(client, method, kind)
        if kind == "delay":
            time.sleep(share * LONGEST_DELAY_S)
        if kind == "corrupt" and body:
            body = changed(body, share)
        answered = self.forwarded(head, body, method)
        if kind == 404:
            return answer(client, method, kind)
        if kind == "corrupt" and not body:
            start = answered.index(b"\r\n\r\n") + 4
            answered = answered[:start] + changed(answered[start:], share)
        if kind in ("cut", "truncate"):
            start = answered.index(b"\r\n\r\n") + 4 if kind == "truncate" else 0
            client.sendall(answered[: start + int((len(answered) - start) * share)])
            return False
        client.sendall(answered)
        return True

    def forwarded(self, head, body, method):
        """The server's answer, as its bytes."""
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"expect:", b"connection:"))]
        with socket.create_connection(self.server, timeout=60) as upstream:
            upstream.sendall(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]) + b"\r\n\r\n" + body)
            with upstream.makefile("rb") as answers:
                answer_head, length = read_head(answers, method)
                lines = [line for line in answer_head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
                # Without a length it goes on to the connection's end, and may be chunked: its bytes are handed on.
                whole = any(line.lower().startswith(b"content-length:") for line in lines) or method == "HEAD"
                return b"\r\n".join(lines) + b"\r\n\r\n" + (answers.read(length) if whole else answers.read())


class FarNetwork(BadNetwork):
    """As from a bucket in another country: a large PUT is answered once `wanted` of them were under way together, or after
    a long while. `most_puts` says how many there were."""

    LARGE = 1 << 20
    LONG_WHILE_S = 20

    def __init__(self, endpoint, wanted):
        self.wanted = wanted
        self.puts = self.most_puts = 0
        self.together = threading.Condition()
        super().__init__(endpoint, 0)

    def chosen(self, method):
        return None, 0.0

    def forwarded(self, head, body, method):
        if method == "PUT" and len(body) >= self.LARGE:
            self.wait_for_others()
        return super().forwarded(head, body, method)

    def wait_for_others(self):
        with self.together:
            self.puts += 1
            self.most_puts = max(self.most_puts, self.puts)
            self.together.notify_all()
            self.together.wait_for(lambda: self.most_puts >= self.wanted, timeout=self.LONG_WHILE_S)
            self.puts -= 1


def read_head(stream, method=None):
    """The lines before a body, and how long the body is. An answer to HEAD has none, whatever it says."""
    lines = []
    for line in iter(stream.readline, b"\r\n"):
        if not line:
            return None, 0
        lines.append(line.rstrip(b"\r\n"))
    length = 0
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return b"\r\n".join(lines), 0 if method == "HEAD" else length


def changed(data, share):
    if not data:
        return data
    at = int(len(data) * share)
    return data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]


def answer(client, method, status):
    reason, code = ERRORS[status]
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><RequestId>bad-day</RequestId></Error>".encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + (b"" if method == "HEAD" else body))
    return True
