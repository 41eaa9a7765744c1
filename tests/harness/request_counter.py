"""An HTTP proxy before a real S3 server that counts the requests, as a bucket's bill would."""

import threading
import urllib.parse

from harness.bad_network import BadNetwork

# A server that does not say whether it refuses to replace objects is asked by each process, by a PUT of this name; AWS is
# known to. Before each PUT it is then asked whether the object is there.
ASKED_OF_OTHERS = ".walkback-conditional-put"


class RequestCounter(BadNetwork):
    """`counts()` since the last `reset()`: put (and POST), list, get (and HEAD), as at AWS; and of packs."""

    def __init__(self, endpoint):
        self.seen = []
        self.guard = threading.Lock()
        super().__init__(endpoint, 0)

    def chosen(self, method):
        return None, 0.0

    def reset(self):
        with self.guard:
            self.seen.clear()

    def forwarded(self, head, body, method):
        target = urllib.parse.urlsplit(head.split(b" ", 2)[1].decode())
        with self.guard:
            self.seen.append((method, target.path, target.query))
        return super().forwarded(head, body, method)

    def pushes(self):
        """Segments that were archived meanwhile."""
        with self.guard:
            return len({path for method, path, _ in self.seen if method == "PUT" and ".index.zst" in path})

    def counts(self):
        with self.guard:
            seen = [one for one in self.seen if ASKED_OF_OTHERS not in one[1]]
        written = {path for method, path, _ in seen if method in ("PUT", "POST")}
        counts = {"put": 0, "list": 0, "get": 0, "pack_put": 0, "pack_get": 0}
        for method, path, query in seen:
            listing = method == "GET" and "list-type" in query
            if method == "DELETE" or (method == "POST" and "delete" in query.split("&")):
                continue
            if method == "HEAD" and path in written:
                continue
            kind = "list" if listing else "put" if method in ("PUT", "POST") else "get"
            counts[kind] += 1
            if kind != "list" and "/packs/" in path:
                counts[f"pack_{kind}"] += 1
        return counts
