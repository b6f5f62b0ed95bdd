"""What every test relies on."""

import signal
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
