"""What a directory holds, so that a test can show that nothing in it changed."""

import hashlib
import os
from pathlib import Path


def snapshot(root):
    """Every path below `root`: for a file its digest, for a symlink its target, for a directory 'dir'."""
    root = Path(root)
    found = {}
    for directory, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(directory) / name
            key = str(path.relative_to(root))
            if path.is_symlink():
                found[key] = f"-> {os.readlink(path)}"
            elif path.is_dir():
                found[key] = "dir"
            elif path.is_file():
                found[key] = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                found[key] = "special"
    return found


def files_below(root):
    """Every file by its path below `root`, those behind links to tablespaces too."""
    root = Path(root)
    return {
        str((Path(directory) / name).relative_to(root)): Path(directory) / name
        for directory, _, files in os.walk(root, followlinks=True)
        for name in files
    }


# What `recover` may add to a repository: a record of the attempt, and a claim on a timeline's number.
RECORDS = ("events", "timelines")


def only_wal_was_added(before, after):
    """What a running server does meanwhile is no change: its archiver adds segments, and nothing else moves."""
    gone = {name for name in before if after.get(name) != before[name]}
    added = {name for name in after.keys() - before.keys() if "wal" not in Path(name).parts}
    return not gone and not added


def archive_snapshot(repository):
    """A repository without its records of attempts."""
    return {
        name: digest
        for name, digest in snapshot(repository).items()
        if digest != "dir" and not any(part in RECORDS for part in Path(name).parts)
    }


class damaged:
    """One byte of a file is another while this holds."""

    def __init__(self, path, at, flip):
        self.path, self.at, self.flip = path, at, flip

    def _apply(self):
        self.path.chmod(0o600)
        with open(self.path, "r+b") as file:
            file.seek(self.at)
            byte = file.read(1)[0]
            file.seek(self.at)
            file.write(bytes([byte ^ self.flip]))

    def __enter__(self):
        self._apply()

    def __exit__(self, *_):
        self._apply()
