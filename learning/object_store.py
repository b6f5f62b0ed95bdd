"""Where shards are kept: a folder, or a bucket of an S3-compatible object store."""

import shutil
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlparse

from env.errors import GhostkeysError

MISSING = ("404", "NoSuchKey", "NotFound")


class Store(Protocol):
    """Files in one place, without folders among them."""

    def names(self) -> list[str]:
        """The files that are there."""

    def read(self, name: str) -> bytes | None:
        """A file's content; None if it is not there."""

    def take(self, file: Path) -> None:
        """Stores a local file under its name; it is no longer at its old place."""

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""


class Folder:
    """A folder as a store."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """The files that are there."""
        return sorted(each.name for each in self.path.iterdir() if each.is_file()) if self.path.is_dir() else []

    def read(self, name: str) -> bytes | None:
        """A file's content; None if it is not there."""
        path = self.path / name
        return path.read_bytes() if path.is_file() else None

    def take(self, file: Path) -> None:
        """Moves a local file here."""
        self.path.mkdir(parents=True, exist_ok=True)
        shutil.move(file, self.path / file.name)

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        (self.path / name).unlink(missing_ok=True)


class Bucket:
    """What begins with one prefix in a bucket of an object store; credentials and endpoint as boto3 finds them."""

    def __init__(self, url: str) -> None:
        parsed = urlparse(url)
        self.url = url.rstrip("/")
        self._bucket = parsed.netloc
        self._prefix = parsed.path.strip("/")
        self._client = _boto3().client("s3")

    def names(self) -> list[str]:
        """The objects that are there."""
        prefix = f"{self._prefix}/" if self._prefix else ""
        pages = self._client.get_paginator("list_objects_v2")
        try:
            found = [
                entry["Key"].removeprefix(prefix)
                for page in pages.paginate(Bucket=self._bucket, Prefix=prefix)
                for entry in page.get("Contents", [])
            ]
        except Exception as error:
            raise self._explained(error) from error
        return sorted(name for name in found if "/" not in name)

    def read(self, name: str) -> bytes | None:
        """An object's content; None if it is not there."""
        try:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"].read()
        except Exception as error:
            if _code(error) in MISSING:
                return None
            raise self._explained(error) from error
        return content

    def take(self, file: Path) -> None:
        """Uploads a local file and removes it."""
        try:
            self._client.upload_file(str(file), self._bucket, self._key(file.name))
        except Exception as error:
            raise self._explained(error) from error
        file.unlink()

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))
        except Exception as error:
            raise self._explained(error) from error

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _explained(self, error: Exception) -> Exception:
        """What boto3 raises for a fault of the store, as one line; a bug stays what it is."""
        if not type(error).__module__.startswith(("botocore.", "boto3.")):
            return error
        return GhostkeysError(
            f"{self.url}: {error} Expected a bucket that can be reached; credentials and endpoint are those of the AWS "
            "tools (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...)."
        )


def is_url(place: str) -> bool:
    """Whether a place is an address rather than a path."""
    return "://" in place


def store_at(place: str) -> Store:
    """The store at a folder's path or an s3:// address. Raises `GhostkeysError` for another address."""
    if not is_url(place):
        return Folder(Path(place))
    parsed = urlparse(place)
    if parsed.scheme != "s3" or not parsed.netloc:
        raise GhostkeysError(f"{place}: expected a folder, or s3://BUCKET/PREFIX.")
    return Bucket(place)


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _boto3() -> Any:
    try:
        import boto3
    except ImportError:
        raise GhostkeysError('object stores need boto3: pip install "ghostkeys[shards]".') from None
    return boto3
