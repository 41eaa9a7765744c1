"""Relation pages from outside, as a disk or a stray program would change them."""

import struct

PAGE = 8192
# checksumBaseOffsets, src/include/storage/checksum_impl.h
OFFSETS = (
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
)  # fmt: skip


def checksum(page, block):
    """pg_checksum_page() of src/include/storage/checksum_impl.h."""
    words = struct.unpack("<2048I", page[:8] + b"\0\0" + page[10:])
    sums = list(OFFSETS)
    for at in range(0, 2048 + 64, 32):
        for lane in range(32):
            mixed = sums[lane] ^ (words[at + lane] if at < 2048 else 0)
            sums[lane] = (mixed * 16777619 & 0xFFFFFFFF) ^ (mixed >> 17)
    result = 0
    for value in sums:
        result ^= value
    return (result ^ block) % 65535 + 1


def change_a_row(file, block, with_checksum=True):
    """One bit within the last row of a page; its checksum holds again afterwards."""
    with open(file, "r+b") as relation:
        relation.seek(block * PAGE)
        page = bytearray(relation.read(PAGE))
        assert struct.unpack_from("<H", page, 16)[0] == PAGE, "not a table's page"
        page[PAGE - 9] ^= 1
        if with_checksum:
            struct.pack_into("<H", page, 8, checksum(bytes(page), block))
        relation.seek(block * PAGE)
        relation.write(page)


def different_pages(one, other):
    """Block numbers; the shorter file's end counts as a difference."""
    a, b = one.read_bytes(), other.read_bytes()
    return [at // PAGE for at in range(0, max(len(a), len(b)), PAGE) if a[at : at + PAGE] != b[at : at + PAGE]]
