"""Where a loaded ELF library keeps the addresses of the functions it imports, and how one is replaced.

A shared library calls an imported function through a slot: eight bytes that the dynamic linker fills with the
function's address. The relocation table in the library's file says where each slot is (System V ABI, chapter 5).
The file is read, not the memory, so that anything unexpected is a Python error and never a bad memory access. Linux,
64-bit, little-endian, x86-64 and aarch64; everything else raises `ImportTableError`.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exo_core.errors import ExoError

_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_RELOCATION_SECTION = 4
# Machine number in the ELF header to the relocation types of an imported address (GLOB_DAT, JUMP_SLOT).
_SLOT_RELOCATIONS = {62: (6, 7), 183: (1025, 1026)}
_PROT_READ, _PROT_WRITE = 1, 2


class ImportTableError(ExoError):
    """The library is not laid out as this code understands; nothing was changed."""


@dataclass(frozen=True)
class FileMapping:
    """One line of /proc/self/maps that maps a file."""

    start: int
    end: int
    writable: bool
    file_offset: int


def slot_offsets(library: Path, names: Collection[str]) -> dict[str, int]:
    """Where the slots of imported functions lie, as offsets from the library's load address.

    Names that the library does not import are left out.
    """
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        try:
            return dict(_slots(image, names))
        except (struct.error, IndexError, ValueError) as error:
            message = f"{library} is not an ELF library that can be read: {error}"
            raise ImportTableError(message) from error


def _slots(image: mmap.mmap, names: Collection[str]) -> Iterator[tuple[str, int]]:
    types = _slot_relocation_types(image)
    sections = list(_sections(image))
    for kind, offset, size, link in sections:
        if kind != _RELOCATION_SECTION or not link:
            continue
        _, symbols_at, _, strings_section = sections[link]
        strings_at = sections[strings_section][1]
        for place, info, _ in _RELOCATION.iter_unpack(image[offset : offset + size]):
            if info & 0xFFFFFFFF in types:
                name = _symbol_name(image, symbols_at + (info >> 32) * _SYMBOL.size, strings_at)
                if name in names:
                    yield name, place


def _slot_relocation_types(image: mmap.mmap) -> tuple[int, int]:
    magic, bits, order = image[:4], image[4], image[5]
    (machine,) = struct.unpack_from("<H", image, 18)
    if magic != b"\x7fELF" or bits != 2 or order != 1 or machine not in _SLOT_RELOCATIONS:
        message = f"not a 64-bit little-endian x86-64 or aarch64 ELF file (machine {machine})"
        raise ValueError(message)
    return _SLOT_RELOCATIONS[machine]


def _sections(image: mmap.mmap) -> Iterator[tuple[int, int, int, int]]:
    """Type, file offset, size and linked section of every section."""
    (table,) = struct.unpack_from("<Q", image, 40)
    entry_size, count = struct.unpack_from("<HH", image, 58)
    for index in range(count):
        _, kind, _, _, offset, size, link, _, _, _ = _SECTION_HEADER.unpack_from(image, table + index * entry_size)
        yield kind, offset, size, link


def _symbol_name(image: mmap.mmap, symbol_at: int, strings_at: int) -> str:
    start = strings_at + _SYMBOL.unpack_from(image, symbol_at)[0]
    return image[start : image.find(b"\0", start)].decode("ascii", "replace")


def loaded_libraries() -> dict[Path, list[FileMapping]]:
    """The files mapped into this process and where."""
    found: dict[Path, list[FileMapping]] = {}
    for line in Path("/proc/self/maps").read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            start, end = (int(word, 16) for word in fields[0].split("-"))
            mapping = FileMapping(start, end, "w" in fields[1], int(fields[2], 16))
            found.setdefault(Path(fields[5]), []).append(mapping)
    return found


def replace_imports(library: Path, functions: Mapping[str, int], *, current: Mapping[str, int]) -> None:
    """Make a loaded library call other functions: `functions` maps imported names to new addresses.

    `current` holds the addresses the names resolve to now; a slot that holds neither that nor a place in the library
    itself (a slot not yet bound) is taken as a sign that the file was misread. All slots are checked before the first
    is written. Raises `ImportTableError`.
    """
    mappings = loaded_libraries().get(library)
    if not mappings:
        message = f"{library} is not loaded"
        raise ImportTableError(message)
    offsets = slot_offsets(library, functions.keys())
    missing = sorted(functions.keys() - offsets.keys())
    if missing:
        message = f"{library} does not import {', '.join(missing)}"
        raise ImportTableError(message)
    base = min(mapping.start for mapping in mappings if mapping.file_offset == 0)
    for name, offset in offsets.items():
        _check_slot(name, base + offset, mappings, current[name])
    for name, offset in offsets.items():
        _write_slot(base + offset, functions[name], mappings)


def _mapping_of(address: int, mappings: list[FileMapping]) -> FileMapping | None:
    return next((mapping for mapping in mappings if mapping.start <= address < mapping.end), None)


def _check_slot(name: str, slot: int, mappings: list[FileMapping], current: int) -> None:
    if slot % 8 or _mapping_of(slot, mappings) is None:
        message = f"the slot of {name} does not lie in the library"
        raise ImportTableError(message)
    value = ctypes.c_uint64.from_address(slot).value
    if value != current and _mapping_of(value, mappings) is None:
        message = f"the slot of {name} holds {value:#x}, which is not {name}"
        raise ImportTableError(message)


def _write_slot(slot: int, address: int, mappings: list[FileMapping]) -> None:
    mapping = _mapping_of(slot, mappings)
    writable = mapping is not None and mapping.writable
    if not writable:
        _protect(slot, _PROT_READ | _PROT_WRITE)
    ctypes.c_uint64.from_address(slot).value = address
    if not writable:
        _protect(slot, _PROT_READ)


def _protect(address: int, protection: int) -> None:
    page = address - address % mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(mmap.PAGESIZE), protection):
        message = f"the import table cannot be made writable (errno {ctypes.get_errno()})"
        raise ImportTableError(message)
