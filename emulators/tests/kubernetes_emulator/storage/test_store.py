"""What a client of an earlier run is told, however the clock has been set since."""

from __future__ import annotations

import pytest
from kubernetes_emulator.errors import ApiError
from kubernetes_emulator.storage.store import Store

KEY = ("", "configmaps")


@pytest.mark.parametrize(("seconds", "size"), [(-300, "old"), (8 * 3600, "large")])
def test_the_revision_of_an_earlier_run_has_expired(seconds: int, size: str) -> None:
    store = Store()
    earlier = store.revision + seconds
    with pytest.raises(ApiError, match=f"too {size} resource version: {earlier} ") as refusal:
        store.changes(KEY, earlier, timeout=60)
    assert refusal.value.code == 410


def test_the_own_revision_is_waited_at() -> None:
    store = Store()
    assert store.changes(KEY, store.revision, timeout=0) == []
