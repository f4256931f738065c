"""A hub on this machine: it speaks as much of the Hugging Face Hub's HTTP as huggingface-hub uses for models.

The first word of a path names who asks (`HF_ENDPOINT=http://127.0.0.1:PORT/alpha`), so that it is known who got what.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from exo_core.frozen import JsonObject
from exo_core.model_files import hashes

LFS_SUFFIX = ".safetensors"
BLOCK = 64 * 1024
Fault = Literal["429", "500", "403", "cut", "reset", "stall", "whole"]
"""What happens to a file's request once; `cut`: half of the bytes come, `whole`: Range is ignored."""


@dataclass
class Served:
    """A request for bytes of a file, and how many were handed to the network."""

    client: str
    repository: str
    path: str
    wanted: str | None
    sent: int = 0


@dataclass
class Published:
    """A repository. `gated`: the one token that opens it."""

    folder: Path
    commits: dict[str, str]
    gated: str | None = None


@dataclass
class LocalHub:
    """What it has, what it was asked, and what it shall do wrong."""

    port: int = 0
    repositories: dict[str, Published] = field(default_factory=dict[str, Published])
    served: list[Served] = field(default_factory=list[Served])
    listed: list[str] = field(default_factory=list[str])
    """Revisions of repositories that were asked for."""
    faults: list[tuple[str, Fault]] = field(default_factory=list[tuple[str, Fault]])
    """Ends of paths, and what happens to the next request for such a file."""
    listing_faults: list[int] = field(default_factory=list[int])
    """Statuses that the next listings are answered with."""
    resolved: list[str] = field(default_factory=list[str])
    """Paths of files that the hub itself was asked for."""
    saw_a_token: bool = False
    """Whether a token came to where large files lie."""
    bytes_per_s: float | None = None
    """Of each connection."""

    def endpoint(self, client: str) -> str:
        """HF_ENDPOINT for somebody."""
        return f"http://127.0.0.1:{self.port}/{client}"

    def publish(self, name: str, folder: Path, *, gated: str | None = None) -> str:
        """Offer a folder's files as they are now; the commit."""
        contents = "".join(f"{path.name}{hash_of(path)}" for path in sorted(folder.iterdir()) if path.is_file())
        commit = hashlib.sha1(contents.encode(), usedforsecurity=False).hexdigest()
        known = self.repositories.get(name)
        commits = {**(known.commits if known else {}), "main": commit, commit: commit}
        self.repositories[name] = Published(folder=folder, commits=commits, gated=gated)
        return commit

    def sent_to(self, client: str, suffix: str = "") -> int:
        """Bytes of files whose names end so."""
        return sum(item.sent for item in self.served if item.client == client and item.path.endswith(suffix))

    # answers ---------------------------------------------------------------------------------------------------------

    def listing(self, request: Request) -> Response:
        name, revision = f"{request.path_params['org']}/{request.path_params['name']}", request.path_params["revision"]
        self.listed.append(f"{name}@{revision}")
        if self.listing_faults:
            return _error(self.listing_faults.pop(0))
        found = self.repositories.get(name)
        if found is None:
            return _error(401, "RepoNotFound", "Repository not found")
        if revision not in found.commits:
            return _error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        files = [_sibling(path, found.folder) for path in sorted(found.folder.rglob("*")) if path.is_file()]
        return JSONResponse({"id": name, "modelId": name, "sha": found.commits[revision], "siblings": files})

    def tree(self, request: Request) -> Response:
        """All files as huggingface-hub lists them before it fetches a whole repository."""
        found = self.repositories[f"{request.path_params['org']}/{request.path_params['name']}"]
        files = [_leaf(path, found.folder) for path in sorted(found.folder.rglob("*")) if path.is_file()]
        return JSONResponse(files)

    async def file(self, request: Request) -> Response:
        words = request.path_params
        name, path = f"{words['org']}/{words['name']}", words["path"]
        self.resolved.append(path)
        found = self.repositories[name]
        if words["revision"] not in found.commits:
            return _error(404, "RevisionNotFound", "no such commit")
        if found.gated is not None and request.headers.get("Authorization") != f"Bearer {found.gated}":
            status = 403 if "Authorization" in request.headers else 401
            return _error(status, "GatedRepo", f"Access to model {name} is restricted.")
        file = found.folder / path
        if not file.is_file():
            return _error(404, "EntryNotFound", f"{path} does not exist")
        about = {"X-Repo-Commit": found.commits[words["revision"]]}
        if path.endswith(LFS_SUFFIX):
            about |= {"X-Linked-Size": str(file.stat().st_size), "X-Linked-ETag": f'"{hash_of(file)}"'}
            return RedirectResponse(f"http://localhost:{self.port}/{words['client']}/cdn/{name}/{path}", 302, about)
        return await self._content(request, name, path, {**about, "ETag": f'"{git_hash_of(file)}"'})

    async def stored(self, request: Request) -> Response:
        """Where large files lie: on another host, which must not get to see tokens."""
        words = request.path_params
        self.saw_a_token |= "Authorization" in request.headers
        return await self._content(request, f"{words['org']}/{words['name']}", words["path"], {})

    async def _content(self, request: Request, name: str, path: str, headers: Mapping[str, str]) -> Response:
        fault = self._fault(path)
        if fault in ("403", "429", "500"):
            return _error(int(fault), retry_after="0" if fault == "429" else None)
        file, wanted = self.repositories[name].folder / path, request.headers.get("Range")
        size = file.stat().st_size
        start, end = (0, size) if wanted is None or fault == "whole" else _range(wanted)
        served = Served(request.path_params["client"], name, path, wanted)
        self.served.append(served)
        told = {**headers, "Content-Length": str(end - start), "Accept-Ranges": "bytes"}
        if wanted is not None and fault != "whole":
            told["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        body = self._body(file, start, end, served, fault)
        return StreamingResponse(body, 206 if "Content-Range" in told else 200, told)

    async def _body(
        self, file: Path, start: int, end: int, served: Served, fault: Fault | None
    ) -> AsyncGenerator[bytes]:
        size = end - start
        stop = start + (size // 2 if fault in ("cut", "stall") else 0 if fault == "reset" else size)
        with file.open("rb") as content:
            content.seek(start)
            while (here := content.tell()) < stop:
                block = content.read(min(BLOCK, stop - here))
                yield block
                served.sent += len(block)
                if self.bytes_per_s is not None:
                    await asyncio.sleep(len(block) / self.bytes_per_s)
        if fault == "stall":
            await asyncio.sleep(3600)
        if stop < end:
            message = "cut, as the test asked for"
            raise ConnectionAbortedError(message)

    def _fault(self, path: str) -> Fault | None:
        for item in self.faults:
            if path.endswith(item[0]):
                self.faults.remove(item)
                return item[1]
        return None


def hash_of(path: Path) -> str:
    """SHA-256; read once while the file stays as it is."""
    return _hashes(path, path.stat().st_mtime_ns)[0]


def git_hash_of(path: Path) -> str:
    """Git's SHA-1, in the same way."""
    return _hashes(path, path.stat().st_mtime_ns)[1]


@cache
def _hashes(path: Path, mtime_ns: int) -> tuple[str, str]:
    del mtime_ns
    return hashes.hash_of(path), hashes.git_hash_of(path)


def _range(wanted: str) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
    assert found is not None, wanted
    return int(found[1]), int(found[2]) + 1


def _error(status: int, code: str = "", message: str = "", retry_after: str | None = None) -> Response:
    headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return JSONResponse({"error": message or str(status)}, status, headers)


def _sibling(path: Path, folder: Path) -> JsonObject:
    name, size = path.relative_to(folder).as_posix(), path.stat().st_size
    about: JsonObject = {"rfilename": name, "size": size, "blobId": git_hash_of(path)}
    if name.endswith(LFS_SUFFIX):
        about["lfs"] = {"size": size, "sha256": hash_of(path), "pointerSize": 134}
    return about


def _leaf(path: Path, folder: Path) -> JsonObject:
    name, size = path.relative_to(folder).as_posix(), path.stat().st_size
    about: JsonObject = {"type": "file", "path": name, "size": size, "oid": git_hash_of(path)}
    if name.endswith(LFS_SUFFIX):
        about["lfs"] = {"oid": hash_of(path), "size": size, "pointerSize": 134}
    return about


@contextmanager
def running_hub() -> Generator[LocalHub]:
    """A hub that serves while the context is open, in a thread of its own."""
    hub = LocalHub()
    routes = [
        Route("/{client}/api/models/{org}/{name}/revision/{revision}", hub.listing),
        Route("/{client}/api/models/{org}/{name}/tree/{revision}", hub.tree),
        Route("/{client}/cdn/{org}/{name}/{path:path}", hub.stored),
        Route("/{client}/{org}/{name}/resolve/{revision}/{path:path}", hub.file),
    ]
    settings = uvicorn.Config(
        Starlette(routes=routes), host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=0
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, name="local hub")
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        hub.port = server.servers[0].sockets[0].getsockname()[1]
        yield hub
    finally:
        server.should_exit = True
        thread.join(timeout=10)
