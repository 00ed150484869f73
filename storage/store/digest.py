"""What is read of an object against the digests that came with it."""

from __future__ import annotations

import re

import urllib3

from storage.canonical import Corrupt

DIGEST = "x-amz-meta-sha256"  # kept with every object, and given back with it
_MD5_ETAG = re.compile(r"[0-9a-f]{32}")
_OTHER_ETAGS = {  # with these keys an ETag is no MD5
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
}


def check(
    name: str, sha256: str, md5: str, wanted: str | None, headers: urllib3.HTTPHeaderDict
) -> None:
    """
    Args:
        wanted: the SHA-256 that the caller knows from elsewhere.

    Raises:
        Corrupt: what was read is not that, or not what was written.
    """
    kept = headers.get(DIGEST)
    for digest in (wanted, kept):
        _compare(name, sha256, digest)
    if wanted is None and kept is None:
        _compare_etag(name, md5, headers)


def _compare(name: str, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted:
        raise Corrupt(f"{name}: has SHA-256 {found[:12]}…, not {wanted[:12]}…: altered or damaged")


def _compare_etag(name: str, md5: str, headers: urllib3.HTTPHeaderDict) -> None:
    """For objects whose SHA-256 the server forgot (rclone does when it starts anew).

    The ETag of an object that came in one part is its MD5: what the server meant to send.
    """
    etag = headers.get("etag", "").strip('"')
    if any(key in headers for key in _OTHER_ETAGS) or not _MD5_ETAG.fullmatch(etag):
        return
    if etag != md5:
        raise Corrupt(f"{name}: has MD5 {md5[:12]}…, not {etag[:12]}…: altered or damaged")
