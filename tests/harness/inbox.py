"""Who receives alerts in a test: an HTTP server on loopback, and Debian's SMTP server (python3-aiosmtpd)."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from mailbox import Maildir

from harness.cluster import free_port, wait_until


class Inbox:
    """Remembers every request; answers with `status`."""

    def __init__(self):
        inbox = self
        self.requests = []
        self.status = 200
        self.headers = {}

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                inbox.requests.append((self.command, self.path, body))
                self.send_response(inbox.status)
                for name, value in inbox.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def sent(self, path):
        """The bodies of the requests to this path, as JSON."""
        return [json.loads(body) for _, where, body in self.requests if where == path]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class MailServer:
    """A real SMTP server that puts what it is given into a Maildir."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{self.port}", "-c", "aiosmtpd.handlers.Mailbox", directory],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self.listens, "the SMTP server")

    def listens(self):
        import socket

        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def mails(self):
        return list(Maildir(self.directory))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
