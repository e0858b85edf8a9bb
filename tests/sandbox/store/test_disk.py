"""The state on disk: what was flushed is there again, as it was."""

from __future__ import annotations

from pathlib import Path

from rollway.kube.objects import CONFIG_MAP, SECRET, Obj
from rollway.sandbox.store.disk import Disk
from rollway.sandbox.store.store import Store


def config(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "x"}, "data": data}


def opened(path: Path) -> tuple[Store, Disk]:
    store, disk = Store(), Disk(path)
    disk.restore(store)
    disk.follow(store)
    return store, disk


def test_objects_and_versions_come_back(tmp_path: Path) -> None:
    """With their order of creation, and the version counter where it was: deletions count."""
    store, disk = opened(tmp_path / "state.db")
    for name in ("b", "a", "c"):
        store.create(CONFIG_MAP, config(name))
    disk.flush()
    store.update(CONFIG_MAP, config("b", k="1") | {"metadata": store.get(CONFIG_MAP, "x", "b")["metadata"]})
    store.remove(CONFIG_MAP, "x", "a")
    disk.close()
    again, other = opened(tmp_path / "state.db")
    other.close()

    assert list(again.list(CONFIG_MAP)) == list(store.list(CONFIG_MAP))
    assert again.version == store.version
    assert again.since(store.version - 1) is None


def test_an_object_made_again_is_young_again(tmp_path: Path) -> None:
    """Deleted and created within one batch, it stands last."""
    store, disk = opened(tmp_path / "state.db")
    store.create(CONFIG_MAP, config("a"))
    store.create(CONFIG_MAP, config("b"))
    disk.flush()
    store.remove(CONFIG_MAP, "x", "a")
    store.create(CONFIG_MAP, config("a", k="2"))
    disk.close()
    again, other = opened(tmp_path / "state.db")
    other.close()

    assert list(again.list(CONFIG_MAP)) == list(store.list(CONFIG_MAP))


def test_what_was_not_flushed_is_not_half_there(tmp_path: Path) -> None:
    """A batch is one transaction: a process that dies between two writes leaves both or none."""
    store, disk = opened(tmp_path / "state.db")
    store.create(CONFIG_MAP, config("a"))
    disk.flush()
    store.create(CONFIG_MAP, config("b"))
    store.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "x"}})
    again, other = opened(tmp_path / "state.db")  # as after a kill: nothing was closed
    other.close()
    disk.close()

    assert [obj["metadata"]["name"] for obj in again.list(CONFIG_MAP)] == ["a"]
    assert not list(again.list(SECRET))
