"""What every test relies on."""

import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest

# A shell starts background jobs with Ctrl-C switched off, and everything they start inherits that. Tests press Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_game_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has Minecraft may have named it in the environment: tests bring their own."""
    for name in ("GHOSTKEYS_MINERL_PYTHON", "GHOSTKEYS_MINECRAFT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def cache_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing goes to the user's cache folder; what one test keeps, no other finds."""
    monkeypatch.setenv("GHOSTKEYS_CACHE", str(tmp_path_factory.getbasetemp() / f"cache-{uuid4().hex}"))


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a bucket on an S3-compatible server on this machine."""
    server_module = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="clips")
        yield "s3://clips"
    server.stop()
