"""Where a test's repository lies and how it is encrypted: a directory or a real S3 server, plain, age or GPG."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

from harness.trees import snapshot

RADOSGW = Path(__file__).resolve().parent.parent / "s3/radosgw.sh"
# Kinds of repository that the main job passes with. "age" is what `init` makes by default: an owner's key in a file.
KINDS = ("file", "s3-age", "s3-gpg")


# Read by the server's archive_command too, which inherits them from whoever starts the server.
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


class Gateway:
    """A real S3 server (Ceph's), for as long as the tests of this process run."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.endpoint = subprocess.run(
            [RADOSGW, "start", self.directory], check=True, capture_output=True, text=True, timeout=120,
            env={**os.environ, "OWNER": str(os.getpid())},
        ).stdout.strip()  # fmt: skip
        variables = (self.directory / "env").read_text()
        self.variables = dict(
            line.removeprefix("export ").strip().split("=", 1) for line in variables.splitlines() if "=" in line
        )

    def stop(self):
        subprocess.run([RADOSGW, "stop", self.directory], check=True, capture_output=True, timeout=60)
        shutil.rmtree(self.directory, ignore_errors=True)

    def s3cmd(self, *arguments):
        host = self.endpoint.split("://", 1)[1]
        command = ["s3cmd", f"--host={host}", f"--host-bucket={host}", "--no-ssl", "--config=/dev/null",
                   f"--access_key={self.variables['AWS_ACCESS_KEY_ID']}",
                   f"--secret_key={self.variables['AWS_SECRET_ACCESS_KEY']}", *map(str, arguments)]  # fmt: skip
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def make_bucket(self):
        bucket = f"b{uuid.uuid4().hex[:12]}"
        self.s3cmd("mb", f"s3://{bucket}")
        return bucket


class GpgHome:
    """An OpenPGP key of a test's own, without a passphrase."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o700)
        self.gpg("--quick-gen-key", "--passphrase", "", "Ada <ada@example.org>", "default", "default", "never")
        listed = self.gpg("--with-colons", "--list-keys")
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))

    def gpg(self, *arguments):
        return subprocess.run(
            ["gpg", "--batch", "--homedir", self.directory, *arguments], check=True, capture_output=True, text=True,
            timeout=60,
        ).stdout  # fmt: skip

    def stop(self):
        subprocess.run(["gpgconf", "--homedir", self.directory, "--kill", "gpg-agent"], check=False, timeout=30)


class Repository:
    """What `walkback init` is told about one, and what the program's environment must hold for it."""

    def __init__(self, kind, path, gateway=None):
        self.kind = kind
        self.environment = {}
        self.options = []
        self.gpg = None
        self.gateway = gateway if kind.startswith("s3") else None
        self.path = Path(path)
        self.downloads = self.path.parent / f"{self.path.name}.downloads"
        if kind.startswith("s3"):
            self.bucket = gateway.make_bucket()
            self.url = f"s3://{self.bucket}/walkback"
            self.environment = {
                "WALKBACK_S3_ENDPOINT": gateway.endpoint,
                **{name: gateway.variables[name] for name in CREDENTIALS},
            }
        else:
            self.url = f"file://{self.path}"
        if kind == "file":
            self.options = ["--encryption", "none"]
        elif kind.endswith("gpg"):
            self.gpg = GpgHome(self.path.parent / "gnupg")
            self.environment["GNUPGHOME"] = str(self.gpg.directory)
            self.options = ["--recipient", f"gpg:{self.gpg.fingerprint}"]

    def snapshot(self):
        """Every object with a digest of its bytes."""
        if not self.gateway:
            return snapshot(self.path)
        listed = self.gateway.s3cmd("ls", "--recursive", "--list-md5", f"{self.url}/").splitlines()
        rows = [line.split() for line in listed]
        return {row[4].removeprefix(f"{self.url}/"): row[3] for row in rows}

    def fetched(self, name):
        """The object as a file, with stock tools."""
        if not self.gateway:
            return self.path / name
        target = self.downloads / name.replace("/", "_")
        self.downloads.mkdir(exist_ok=True)
        self.gateway.s3cmd("get", "--force", f"{self.url}/{name}", target)
        return target

    def stop(self):
        if self.gpg:
            self.gpg.stop()
