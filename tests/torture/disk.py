"""What a disk would hold if the power went at any moment: a model of it, fed with system calls.

strace writes down what a server asks of the kernel, in order. From that record the disk is built as
of any call: what was synced is there, and of all the rest as much as one likes to believe. A sync
of a file brings its bytes to the disk, not its name; a name needs a sync of the folder (POSIX,
`fsync`; Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

CALLS = (
    "openat,write,pwrite64,writev,sendto,sendmsg,ftruncate,fallocate,fsync,fdatasync,rename,"
    "renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir"
)
STRACE = (
    *("strace", "-f", "-qq", "-y", "-xx", "-s", "4000000"),
    *("-e", f"trace={CALLS}", "-e", "signal=none", "-o"),
)

Belief = Literal["synced", "some", "all"]
"""What survives: what was synced; of the rest every piece or none, by chance; all of it."""

_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?(?: .*)?")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_HANDLE = re.compile(r"(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that has succeeded. path: of its descriptor, or the first that it names.

    numbers: its plain arguments. data: what it writes or sends. has_begun: it is only under way.
    """

    name: str
    path: str
    data: bytes = b""
    target: str = ""
    numbers: tuple[int, ...] = ()
    flags: str = ""
    has_begun: bool = False


def calls(record: Path) -> Iterator[Call]:
    """Those of a record, in the order in which they ended; a sync is told of twice.

    What a sync promises is what was written before it began.
    """
    begun: dict[str, str] = {}
    for line in record.read_text().splitlines():
        if found := _BEGUN.match(line):
            begun[found[1]] = found[3]
            if found[2] in ("fsync", "fdatasync"):
                yield Call(found[2], _handle(found[3]), has_begun=True)
            continue
        if found := _RESUMED.match(line):
            line = f"{found[1]} {found[2]}({begun.pop(found[1], '')}{found[3]}"
            was_told = True
        else:
            was_told = False
        if (found := _LINE.match(line)) and int(found[4]) >= 0:
            call = _call(found[2], found[3], found[5] or "")
            if call.name in ("fsync", "fdatasync") and not was_told:
                yield Call(call.name, call.path, has_begun=True)
            yield call


def _call(name: str, arguments: str, result: str) -> Call:
    texts = [_bytes(text) for text in _TEXT.findall(arguments)]
    numbers = tuple(int(n) for n in re.findall(r"(?<=, )(\d+)(?=,|$)", arguments))
    match name:
        case "openat":
            return Call(name, _bytes(result).decode(), flags=arguments)
        case "write" | "pwrite64" | "writev" | "sendto" | "sendmsg":
            return Call(name, _handle(arguments), b"".join(texts), numbers=numbers)
        case "rename" | "renameat" | "renameat2":
            return Call(name, texts[0].decode(), target=texts[1].decode())
        case "mkdir" | "mkdirat" | "unlink" | "unlinkat" | "rmdir":
            return Call(name, texts[0].decode())
        case _:
            return Call(name, _handle(arguments), numbers=numbers)


def _handle(arguments: str) -> str:
    found = _HANDLE.match(arguments)
    return _bytes(found[1]).decode() if found else ""


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(slots=True, eq=False)
class _File:
    """synced: the bytes on the disk. since: writes and truncations that may be lost."""

    synced: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)
    begun: int = 0
    position: int = 0

    def content(self, belief: Belief, chance: random.Random) -> bytes:
        content = bytearray(self.synced)
        for offset, data in self.since:
            if belief == "synced" or (belief == "some" and chance.random() < 0.5):
                continue
            _apply(content, offset, data)
        return bytes(content)

    def sync(self) -> None:
        content = bytearray(self.synced)
        for offset, data in self.since[: self.begun]:
            _apply(content, offset, data)
        self.synced = bytes(content)
        del self.since[: self.begun]
        self.begun = 0


@dataclass(slots=True, eq=False)
class _Folder:
    names: dict[str, _Node] = field(default_factory=dict)
    synced: dict[str, _Node] = field(default_factory=dict)
    begun: dict[str, _Node] = field(default_factory=dict)

    def sync(self) -> None:
        self.synced = self.begun


_Node = _File | _Folder


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    """None: cut off there, or filled up with zeros to there."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


class Disk:
    """The file system below one folder, which was there and empty in the beginning."""

    def __init__(self, root: Path) -> None:
        self._root = PurePosixPath(root)
        self._top = _Folder()

    def do(self, call: Call) -> None:
        """Take one call into account; those elsewhere change nothing."""
        path = PurePosixPath(call.path)
        if not path.is_relative_to(self._root) or path == self._root.parent:
            return
        match call.name:
            case "openat":
                self._open(path, call.flags)
            case "mkdir" | "mkdirat":
                self._folder(path.parent).names.setdefault(path.name, _Folder())
            case "unlink" | "unlinkat" | "rmdir":
                self._folder(path.parent).names.pop(path.name, None)
            case "rename" | "renameat" | "renameat2":
                node = self._folder(path.parent).names.pop(path.name)
                target = PurePosixPath(call.target)
                self._folder(target.parent).names[target.name] = node
            case _:
                self._change(self._find(path), call)

    def _open(self, path: PurePosixPath, flags: str) -> None:
        if path == self._root:
            return
        names = self._folder(path.parent).names
        if "O_CREAT" in flags and path.name not in names:
            names[path.name] = _File()
        node = names.get(path.name)
        if isinstance(node, _File):
            node.position = 0
            if "O_TRUNC" in flags:
                node.since.append((0, None))

    def _change(self, node: _Node | None, call: Call) -> None:
        match node, call.name:
            case _Folder(), _ if call.has_begun:
                node.begun = dict(node.names)
            case _File(), "fsync" | "fdatasync" if call.has_begun:
                node.begun = len(node.since)
            case _File() | _Folder(), "fsync" | "fdatasync":
                node.sync()
            case _File(), "pwrite64":
                node.since.append((call.numbers[-1], call.data))
            case _File(), "write":
                node.since.append((node.position, call.data))
                node.position += len(call.data)
            case _File(), "ftruncate":
                node.since.append((call.numbers[-1], None))
            case _:
                pass

    def write(self, target: Path, belief: Belief, chance: random.Random) -> None:
        """Make below `target` what the disk holds now."""
        _write(self._top, target, belief, chance)

    def _find(self, path: PurePosixPath) -> _Node | None:
        node: _Node | None = self._top
        for name in path.relative_to(self._root).parts:
            node = node.names.get(name) if isinstance(node, _Folder) else None
        return node

    def _folder(self, path: PurePosixPath) -> _Folder:
        found = self._find(path)
        assert isinstance(found, _Folder), path
        return found


def _write(folder: _Folder, target: Path, belief: Belief, chance: random.Random) -> None:
    names = folder.synced if belief == "synced" else folder.names
    if belief == "some":
        both = {**folder.synced, **folder.names}
        names = {
            name: both[name] for name in both if name in folder.synced or chance.random() < 0.5
        }
    for name, node in names.items():
        if isinstance(node, _Folder):
            (target / name).mkdir()
            _write(node, target / name, belief, chance)
        else:
            (target / name).write_bytes(node.content(belief, chance))
