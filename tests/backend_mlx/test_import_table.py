"""The import table of an ELF library: of mlx's own, of one made here for another machine, and of what is none."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from exo_backend_mlx.import_table import ImportTableError, loaded_libraries, replace_imports, slot_offsets

NAMES = b"\0cblas_sgemm\0elsewhere\0"
X86_64, AARCH64 = 62, 183
GLOB_DAT, JUMP_SLOT, AARCH64_JUMP_SLOT = 6, 7, 1026


def elf(machine: int, slots: list[tuple[int, int, int]], *, bits: int = 2) -> bytes:
    """A library of sections only: a symbol table for `NAMES` and relocations (offset, type, symbol)."""
    symbols = b"".join(struct.pack("<IBBHQQ", name, 0, 0, 0, 0, 0) for name in (0, 1, 13))
    relocations = b"".join(struct.pack("<QQq", offset, symbol << 32 | kind, 0) for offset, kind, symbol in slots)
    at_symbols, at_names = 64, 64 + len(symbols)
    at_relocations = at_names + len(NAMES)
    table = at_relocations + len(relocations)
    sections = [(0, 0, 0, 0), (11, at_symbols, len(symbols), 2), (3, at_names, len(NAMES), 0)]
    sections.append((4, at_relocations, len(relocations), 1))
    headers = b"".join(
        struct.pack("<IIQQQQIIQQ", 0, kind, 0, 0, at, size, link, 0, 0, 0) for kind, at, size, link in sections
    )
    start = struct.pack(
        "<4sBBBBQHHIQQQIHHHHHH", b"\x7fELF", bits, 1, 1, 0, 0, 3, machine, 1, 0, 0, table, 0, 64, 0, 0, 64, 4, 0
    )
    return start + symbols + NAMES + relocations + headers


@pytest.mark.parametrize(("machine", "kind"), [(X86_64, JUMP_SLOT), (X86_64, GLOB_DAT), (AARCH64, AARCH64_JUMP_SLOT)])
def test_slots_are_found_by_name(machine: int, kind: int, tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    library.write_bytes(elf(machine, [(0x1000, kind, 2), (0x2008, kind, 1)]))
    assert slot_offsets(library, {"cblas_sgemm", "absent"}) == {"cblas_sgemm": 0x2008}
    assert slot_offsets(library, {"elsewhere"}) == {"elsewhere": 0x1000}


def test_relocations_of_other_kinds_are_no_slots(tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    library.write_bytes(elf(X86_64, [(0x2008, AARCH64_JUMP_SLOT, 1), (0x2008, 8, 1)]))
    assert slot_offsets(library, {"cblas_sgemm"}) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"no library at all, but long enough to hold a header of sixty-four bytes and more",
        b"\x7fELF",
        elf(X86_64, [(8, JUMP_SLOT, 1)])[:200],
        elf(X86_64, [(8, JUMP_SLOT, 1)], bits=1),
        elf(40, [(8, JUMP_SLOT, 1)]),
        elf(X86_64, [(8, JUMP_SLOT, 2**30)]),
    ],
    ids=["text", "short", "cut", "32 bits", "ARM 32", "symbol out of the file"],
)
def test_what_cannot_be_read_is_refused(content: bytes, tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    library.write_bytes(content)
    with pytest.raises(ImportTableError, match="not an ELF library"):
        slot_offsets(library, {"cblas_sgemm"})


def test_a_library_that_is_not_loaded_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(ImportTableError, match="is not loaded"):
        replace_imports(tmp_path / "lib.so", {"cblas_sgemm": 1}, current={"cblas_sgemm": 1})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_this_process_is_seen() -> None:
    assert any(path.name.startswith("libc") for path in loaded_libraries())


REFUSALS = """
import mlx.core
from exo_backend_mlx.import_table import *
library = next(path for path in loaded_libraries() if path.name == "libmlx.so")
for names, current in ((["cblas_sgemm"], 1), (["no_such_function"], 1)):
    try:
        replace_imports(library, {name: 4096 for name in names}, current={name: current for name in names})
    except ImportTableError as error:
        print(error)
import mlx.core as mx
print((mx.ones((2, 3)) @ mx.ones((3, 2))).tolist())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mlx links a BLAS on Linux")
def test_a_name_that_mlx_does_not_import_changes_nothing() -> None:
    ran = subprocess.run([sys.executable, "-c", REFUSALS], capture_output=True, text=True, check=True)
    assert "does not import no_such_function" in ran.stdout
