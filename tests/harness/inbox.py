"""Who receives alerts in a test: an HTTP server on loopback, and Debian's SMTP server (python3-aiosmtpd)."""

import json
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from mailbox import Maildir

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult

from harness.cluster import free_port


def tell(wb, **keys):
    """In the section that `init` left for it."""
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    text = wb.config.read_text()
    assert "\n[alert]\n" in text
    wb.config.write_text(text.replace("\n[alert]\n", f"\n[alert]\n{lines}"))
    wb.config.chmod(0o600)


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

            do_GET = do_HEAD = do_POST = answer

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


class Silence:
    """A server that takes connections and never says a word."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def stop(self):
        self.socket.close()


class Mailboxes(Mailbox):
    """But for one that it does not have."""

    unknown = None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address == self.unknown:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class MailServer:
    """A real SMTP server that puts what it is given into a Maildir, and may ask who sends."""

    def __init__(self, directory, user=None, password=None, certificate=None):
        self.directory = directory
        self.logins = []
        tls = None
        if certificate:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(certificate, certificate.with_suffix(".key"))

        def log_in(_server, _session, _envelope, _mechanism, given):
            known = (given.login.decode(), given.password.decode()) == (user, password)
            self.logins.append(known)
            return AuthResult(success=known, handled=False)

        self.mailbox = Mailboxes(directory)
        self.controller = Controller(
            self.mailbox, hostname="127.0.0.1", port=free_port(), authenticator=log_in if user else None,
            auth_required=user is not None, auth_require_tls=tls is not None, tls_context=tls,
        )  # fmt: skip
        self.controller.start()
        self.url = f"smtp://127.0.0.1:{self.controller.port}"
        self.running = True

    def mails(self):
        return list(Maildir(self.directory))

    def stop(self):
        if self.running:
            self.controller.stop()
        self.running = False


def make_certificate(path):
    """For 127.0.0.1, signed by itself; its key lies beside."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=walkback test",
         "-addext", "subjectAltName=IP:127.0.0.1", "-out", path, "-keyout", path.with_suffix(".key")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return path
