"""The one module that touches huggingface-hub: listing a repository, and reading ranges of its files.

huggingface-hub knows the addresses, tokens, redirects, proxies and error codes of the hub. Its own download is not
used: it brings whole files into a cache, and exo brings tensors to places that it chooses. It takes half a second to
import, so this module is imported when the hub is first asked.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import cast, final

from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import (
    build_hf_headers,  # pyright: ignore[reportUnknownVariableType]  one argument is a bare dict; not used here
    get_async_session,
    hf_raise_for_status,
    parse_ratelimit_headers,
)

from exo_core import __version__
from exo_core.manifests import ManifestFile
from exo_core.model_files.byte_ranges import ByteRange
from exo_source_huggingface.hub_problems import PASSING, HubProblem
from exo_source_huggingface.repository import Repository

_HttpError = cast("type[Exception]", HfHubHTTPError.__bases__[0])
"""Of the HTTP library beneath, which is another one since huggingface-hub 2."""
logging.getLogger(_HttpError.__module__.partition(".")[0]).setLevel(logging.WARNING)
"""It tells of every request, with addresses that are signed."""
READING_TIMEOUT_S = 10.0
"""For a connection, and between two blocks."""


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT, or the public one."""
    return constants.ENDPOINT


def list_repository(repository: Repository, timeout_s: float) -> tuple[str, list[ManifestFile]]:
    """The commit that the revision means now, and all its files. Blocks. Raises `HubProblem`."""
    api = HfApi(library_name="exo", library_version=__version__)
    try:
        found = api.model_info(
            repository.name, revision=repository.wanted_revision, files_metadata=True, timeout=timeout_s
        )
    except (OSError, _HttpError) as problem:
        raise _problem_of(problem) from problem
    if found.sha is None or found.siblings is None:
        raise HubProblem(kind="odd", detail="no commit, or no files")
    return found.sha, [_described(sibling) for sibling in found.siblings]


def _described(sibling: RepoSibling) -> ManifestFile:
    return ManifestFile(
        path=sibling.rfilename,
        size=sibling.size or 0,
        sha256=sibling.lfs.sha256 if sibling.lfs is not None else None,
        git_sha1=sibling.blob_id if sibling.lfs is None else None,
    )


@final
class HubFiles:
    """Files of one commit, read by ranges."""

    def __init__(self, repository: Repository, commit: str) -> None:
        """Blocks: it reads the certificates of authorities."""
        self._repository = repository
        self._commit = commit
        self.session = get_async_session()
        self._stored: dict[str, str] = {}
        """By path: where the hub has a large file stored, as it said at the first request. Such addresses expire."""

    async def read(self, file: ManifestFile, wanted: ByteRange) -> AsyncGenerator[bytes]:
        """The bytes of a range, as they come. Raises `HubProblem`."""
        stored = self._stored.get(file.path)
        if stored is not None:
            try:
                async with aclosing(self._read(stored, _headers(), file, wanted)) as blocks:
                    async for block in blocks:
                        yield block
            except HubProblem as problem:
                if problem.kind in PASSING:
                    raise
                self._stored.pop(file.path, None)
            else:
                return
        address = hf_hub_url(self._repository.name, file.path, revision=self._commit)
        async with aclosing(self._read(address, _headers(get_token()), file, wanted)) as blocks:
            async for block in blocks:
                yield block

    async def _read(
        self, address: str, headers: dict[str, str], file: ManifestFile, wanted: ByteRange
    ) -> AsyncGenerator[bytes]:
        headers["Range"] = f"bytes={wanted.start}-{wanted.end - 1}"
        try:
            async with self.session.stream(
                "GET", address, headers=headers, timeout=READING_TIMEOUT_S, follow_redirects=True
            ) as response:
                hf_raise_for_status(response)
                if response.history:
                    self._stored[file.path] = str(response.url)
                skipped = _bytes_before(response.status_code, response.headers.get("Content-Range"), file, wanted)
                left = wanted.size
                async for block in response.aiter_bytes():
                    useful = block[skipped : skipped + left]
                    skipped, left = max(0, skipped - len(block)), left - len(useful)
                    if useful:
                        yield useful
                    if left == 0:
                        return
        except (OSError, _HttpError) as problem:
            raise _problem_of(problem) from problem
        raise HubProblem(kind="unreachable", detail=f"{file.path} ended early")


def _headers(token: str | None = None) -> dict[str, str]:
    """Of a request for bytes as they are. Without a token none is sent, even if one is known."""
    made = build_hf_headers(token=token or False, library_name="exo", library_version=__version__)
    return made | {"Accept-Encoding": "identity"}


@asynccontextmanager
async def opened_files(repository: Repository, commit: str) -> AsyncGenerator[HubFiles]:
    """The files of one commit. Connections are made as they are needed, and kept while the context is open."""
    files = await asyncio.to_thread(HubFiles, repository, commit)
    async with files.session:
        yield files


def _bytes_before(status: int, content_range: str | None, file: ManifestFile, wanted: ByteRange) -> int:
    """How many bytes come before the wanted ones: a server may send the whole file. Raises `HubProblem`."""
    if status == 200:
        return wanted.start
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range or "")
    if found is None or int(found[1]) != wanted.start or found[2] not in ("*", str(file.size)):
        detail = f"{file.path} has {file.size} bytes and {wanted.start} on were asked for; it sent {content_range}"
        raise HubProblem(kind="odd", detail=detail)
    return 0


def _problem_of(problem: Exception) -> HubProblem:
    """What a failed request means."""
    detail = str(problem).strip().partition("\n")[0] or type(problem).__name__
    if isinstance(problem, OfflineModeIsEnabled):
        return HubProblem(kind="offline", detail="HF_HUB_OFFLINE is set")
    if isinstance(problem, GatedRepoError):
        return HubProblem(kind="gated", detail=detail)
    if isinstance(problem, RepositoryNotFoundError):
        return HubProblem(kind="missing", detail=detail)
    if isinstance(problem, RevisionNotFoundError):
        return HubProblem(kind="revision", detail=detail)
    if isinstance(problem, EntryNotFoundError):
        return HubProblem(kind="file", detail=detail)
    if isinstance(problem, DisabledRepoError):
        return HubProblem(kind="forbidden", detail="it is disabled there")
    if isinstance(problem, HfHubHTTPError):
        return _problem_of_status(problem)
    return HubProblem(kind="unreachable", detail=detail)


def _problem_of_status(problem: HfHubHTTPError) -> HubProblem:
    status, said = problem.response.status_code, problem.server_message or "no reason given"
    if status == 429 or status >= 500:
        return HubProblem(kind="busy", detail=f"status {status}", wait_s=_seconds_to_wait(problem))
    if status == 401:
        return HubProblem(kind="token", detail=said)
    if status == 403:
        return HubProblem(kind="forbidden", detail=said)
    return HubProblem(kind="odd", detail=f"status {status}: {said}")


def _seconds_to_wait(problem: HfHubHTTPError) -> float | None:
    headers = problem.response.headers
    limits = parse_ratelimit_headers(headers)
    if limits is not None and limits.remaining == 0:
        return float(limits.reset_in_seconds) + 1
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None
