import shutil
import threading
import time

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.execution.shipment import DataShipment, cache_folder


class Objects:
    """An object store that counts what is fetched."""

    def __init__(self):
        self.stored, self.fetched = [], 0

    def put(self, array):
        self.stored.append(array)
        return len(self.stored) - 1

    def get(self, reference):
        self.fetched += 1
        return self.stored[reference]


@pytest.fixture
def objects():
    return Objects()


@pytest.fixture
def shipment(data_folder, objects):
    return DataShipment.pack(data_folder / "small", objects.put)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_dataset_arrives_whole_and_once(shipment, objects, data_folder, tmp_path):
    data = shipment.unpack(tmp_path / "cache", objects.get)
    assert contents(data / "small") == contents(data_folder / "small")
    assert objects.fetched == len(shipment.files) == 4
    assert shipment.unpack(tmp_path / "cache", objects.get) == data
    assert objects.fetched == 4
    assert [path.name for path in data.iterdir()] == ["small"]


def test_workers_of_one_node_fetch_once(shipment, objects, tmp_path):
    def slowly(reference):
        time.sleep(0.05)
        return objects.get(reference)

    workers = [threading.Thread(target=shipment.unpack, args=(tmp_path, slowly)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert objects.fetched == 4


@pytest.mark.parametrize(
    "damage", ["a file is gone", "a file was changed", "the manifest is gone", "the folder is empty"]
)
def test_a_copy_that_is_not_intact_is_fetched_again(shipment, objects, data_folder, tmp_path, damage):
    folder = shipment.unpack(tmp_path, objects.get) / "small"
    if damage == "a file is gone":
        (folder / "rows.parquet").unlink()
    elif damage == "a file was changed":
        (folder / "rows.parquet").write_bytes(b"other")
    elif damage == "the manifest is gone":
        (folder / "manifest.json").unlink()
    else:
        shutil.rmtree(folder)
        folder.mkdir()
    shipment.unpack(tmp_path, objects.get)
    assert contents(folder) == contents(data_folder / "small")


def test_data_that_change_on_their_way_are_refused_and_leave_nothing(shipment, objects, tmp_path):
    objects.stored[0] = objects.stored[0][:-1]
    with pytest.raises(CtrbenchError, match="changed"):
        shipment.unpack(tmp_path, objects.get)
    assert list((tmp_path / shipment.fingerprint).iterdir()) == []


def test_data_that_changed_since_they_were_prepared_are_not_sent(data_folder, objects, tmp_path):
    folder = shutil.copytree(data_folder / "small", tmp_path / "small")
    (folder / "users.parquet").write_bytes(b"other")
    with pytest.raises(CtrbenchError, match=r"users\.parquet: changed"):
        DataShipment.pack(folder, objects.put)
    assert objects.stored == []


def test_a_manifest_cannot_name_files_outside_the_folder(data_folder, objects, tmp_path):
    folder = shutil.copytree(data_folder / "small", tmp_path / "small")
    (folder / "users.parquet").rename(tmp_path / "users.parquet")
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"users.parquet": "', '"../users.parquet": "', 1))
    with pytest.raises(CtrbenchError, match="is not a file name"):
        DataShipment.pack(folder, objects.put)
    assert objects.stored == []


def test_a_cache_that_cannot_be_written(shipment, objects, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CtrbenchError, match=r"node .*file/cache: cannot be written .*; set CTRBENCH_CACHE"):
        shipment.unpack(tmp_path / "file" / "cache", objects.get)


def test_the_cache_lies_where_the_node_says_or_among_temporary_files(monkeypatch, tmp_path):
    monkeypatch.setenv("CTRBENCH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("CTRBENCH_CACHE")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_folder().parent == tmp_path
