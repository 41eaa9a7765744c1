"""The layer check finds what it is there for, and our own tree passes it."""

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def check(src):
    return subprocess.run([CHECKOUT / "tools/check-layers", src], capture_output=True, text=True, timeout=60)


@pytest.fixture
def tree(tmp_path):
    def write(name, *includes):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f'#include "{include}"\n' for include in includes))
        return tmp_path

    return write


def test_our_own_tree_points_down_only():
    result = check(CHECKOUT / "src")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "file, include",
    [
        ("base/result.h", "pg/types.h"),
        ("store/file_store.cc", "repo/pack.h"),
        ("repo/pack.h", "pg/types.h"),
        ("catalog/listing.h", "pipeline/copy_in.h"),
        ("restore/plan.cc", "archive/wal_get.h"),
        ("config/config.h", "pg/types.h"),
        ("main.cc", "restore/recover.h"),
    ],
)
def test_an_include_that_points_up_is_found(tree, file, include):
    result = check(tree(file, include))
    assert result.returncode == 1
    assert f"{file}:1:" in result.stderr and include in result.stderr


@pytest.mark.parametrize(
    "file, include",
    [
        ("wal/reader.cc", "pg/types.h"),
        ("restore/plan.cc", "catalog/listing.h"),
        ("app/wire.cc", "store/file_store.h"),
        ("main.cc", "app/main.h"),
    ],
)
def test_an_include_that_points_down_passes(tree, file, include):
    result = check(tree(file, include))
    assert result.returncode == 0, result.stderr


def test_a_module_nobody_placed_is_found(tree):
    assert "shortcuts" in check(tree("shortcuts/all.h", "base/result.h")).stderr


def test_an_include_without_its_module_is_found(tree):
    assert "names no module" in check(tree("pg/types.cc", "types.h")).stderr
