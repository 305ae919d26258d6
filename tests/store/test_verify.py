"""Everything that may be wrong with the archive is named in one line."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.places import shipped
from ctrbench.store.archive import Archive
from ctrbench.store.lines import line_of
from ctrbench.store.verify import faults
from tests.fakes import prepared, records

COMMITTED = Archive(shipped("recipes").parent / "results" / "records")


@pytest.fixture
def archive(tmp_path, manifest):
    archive = Archive(tmp_path / "records")
    jobs = [records.config(method, seed) for method in ("plain", "weighted") for seed in range(3)]
    rows = [records.reference(manifest, name) for name in ("popularity", "random")]
    archive.add([records.record(job, manifest) for job in jobs], [records.facts(manifest)], rows)
    return archive


def change(path, do):
    """Changes the lines of a file."""
    lines = path.read_text().splitlines()
    do(lines)
    path.write_text("".join(f"{line}\n" for line in lines))


def found(archive):
    messages = [str(fault) for fault in faults(archive)]
    assert [message for message in messages if "\n" in message or not message.startswith(str(archive.folder))] == []
    return messages


def plain(archive):
    return archive.path("toy", "net", "plain")


def test_an_intact_archive_and_the_committed_one(archive):
    assert found(archive) == []
    assert found(COMMITTED) == []
    assert len(COMMITTED.files()) >= 3


def test_nothing_is_wrong_with_an_archive_that_is_not_there(tmp_path):
    assert found(Archive(tmp_path / "none")) == []


def test_lines_out_of_order_or_twice(archive):
    change(plain(archive), lambda lines: lines.reverse())
    assert found(archive) == [f"{plain(archive)}: its lines are out of order; run: ctrbench results pack"]
    change(plain(archive), lambda lines: lines.extend([lines[0], lines[1]]))
    assert found(archive) == [f"{plain(archive)}: 2 lines are duplicated; run: ctrbench results pack"]
    change(archive.references_path("toy"), lambda lines: lines.reverse())
    change(archive.data_path("toy"), lambda lines: lines.append(lines[0]))
    assert len(found(archive)) == 3
    assert archive.tidy() == [plain(archive), archive.data_path("toy"), archive.references_path("toy")]
    assert found(archive) == []


def test_lines_that_another_program_wrote(archive):
    change(plain(archive), lambda lines: lines.insert(0, json.dumps(json.loads(lines.pop(0)))))
    message = "its lines are not written as this package writes them; run: ctrbench results pack"
    assert found(archive) == [f"{plain(archive)}: {message}"]
    archive.tidy()
    assert found(archive) == []


def test_a_damaged_file_hides_no_other_fault(archive):
    change(plain(archive), lambda lines: lines.insert(1, "{"))
    change(archive.path("toy", "net", "weighted"), lambda lines: lines.reverse())
    change(archive.references_path("toy"), lambda lines: lines.insert(0, "[]"))
    messages = found(archive)
    assert [message.partition(":")[0].rpartition("/")[2] for message in messages] == [
        *("references.jsonl, line 1", "net-plain.jsonl, line 2", "net-weighted.jsonl")
    ]


def test_damaged_facts_are_named_and_so_is_what_needs_them(archive):
    change(archive.data_path("toy"), lambda lines: lines.insert(0, lines.pop()[:-9]))
    messages = found(archive)
    assert messages[0].startswith(f"{archive.data_path('toy')}, line 1: not JSON")
    assert sum("no facts of the data of job" in message for message in messages) == 6
    assert sum("no facts of the data of random of toy" in message for message in messages) == 1


def test_facts_that_are_missing(archive, manifest):
    other = prepared.manifest(items=9)
    record = records.record(records.config(seed=9), other)
    archive.add([record], references=[records.reference(other)])
    fact = "in data.jsonl; restore that file from git"
    assert found(archive) == [
        f"{archive.references_path('toy')}: no facts of the data of random of toy {fact}",
        f"{plain(archive)}: no facts of the data of job {record.identity[:12]} {fact}",
    ]
    archive.data_path("toy").unlink()
    assert len(found(archive)) == 6 + 2 + 2


def test_groups_that_differ_in_number(archive, manifest):
    def shorten(lines):
        document = json.loads(lines[0])
        groups = document["groups"]["click"]["activeness"]
        for each in groups.values():
            each.pop()
        lines[0] = json.dumps(document, separators=(",", ":"))

    change(archive.data_path("toy"), shorten)
    messages = found(archive)
    assert len(messages) == 6 * 4 + 2
    assert all("click" in message and "by activeness does not fit the groups" in message for message in messages)


def test_a_column_without_groups_and_a_task_without_groups(archive, manifest):
    record = records.record(records.config(seed=9), manifest)
    record.tasks["click"].values["auc"]["age"] = [0.5]
    conversion = prepared.manifest(labels=("click", "conversion"))
    two = records.record(records.config(seed=8, settings={"data": {"tasks": ["click", "conversion"]}}), conversion)
    archive.add([record, two], [records.facts(conversion)])
    messages = found(archive)
    cause = "click auc by age does not fit the groups in data.jsonl; restore both files from git"
    assert f"{plain(archive)}: job {record.identity[:12]}: {cause}" in messages
    assert sum(f"job {two.identity[:12]}: conversion" in message for message in messages) == 4
    assert len(messages) == 5


def test_what_lies_in_the_wrong_place(archive):
    line = plain(archive).read_text().splitlines()[0]
    identity = json.loads(line)["identity"]
    weighted = archive.path("toy", "net", "weighted")
    change(weighted, lambda lines: lines.insert(0, line))
    change(plain(archive), lambda lines: lines.pop(0))
    assert f"{weighted}: job {identity[:12]} belongs in {plain(archive)}; move its line there" in found(archive)
    shutil.copytree(archive.folder / "toy", archive.folder / "other")
    messages = found(archive)
    # Of the copy: facts, two reference rows and six records; and the line that was in the wrong file already.
    assert sum("belongs in" in message for message in messages) == 1 + 2 + 6 + 1
    deep = archive.folder / "a" / "b" / "x.jsonl"
    deep.parent.mkdir(parents=True)
    for path in (deep, archive.folder / "x.jsonl"):
        path.write_text("{}\n")
        assert f"{path}: nothing reads a file in this place; move its lines or remove it" in found(archive)


def test_a_line_that_leads_out_of_the_folder(archive, tmp_path):
    document = json.loads(plain(archive).read_text().splitlines()[0])
    document["dataset"] = "x/../../ESCAPED"
    change(plain(archive), lambda lines: lines.append(json.dumps(document)))
    assert "is not fit to be the name of a dataset" in found(archive)[0]
    with pytest.raises(CtrbenchError, match="is not fit to be the name of a dataset"):
        archive.tidy()
    assert [path.name for path in tmp_path.iterdir()] == ["records"]


def test_representations_that_are_missing_or_damaged(archive, manifest, tmp_path):
    record = records.record(records.config(representations=4), manifest)
    archive.add([record])
    path = archive.representations("toy", "net", "plain")
    lacks = f"nothing of job {record.identity[:12]}, which stores representations"
    assert found(archive) == [f"{path}: {lacks}; restore it from git, or repeat the job"]
    h = pa.FixedSizeListArray.from_arrays(pa.array([0.5, 0.25], pa.float32()), 2)
    pq.write_table(pa.table({"row": [7], "h": h}), tmp_path / "h.parquet")
    archive.add_representations(record, tmp_path / "h.parquet")
    assert found(archive) == []
    path.write_bytes(path.read_bytes()[:-9])
    (message,) = found(archive)
    assert message.startswith(f"{path}: cannot be read")


def test_every_changed_digit_of_what_decides_an_identity_is_found(archive):
    record = archive.records("toy", "net", "plain")[0]
    line = line_of(record)
    for old, new in (
        (record.fingerprint[:8], "deadbeef"),
        ('"method":"plain"', '"method":"plane"'),
        ('"seed":0', '"seed":7'),
    ):
        assert old in line
        change(plain(archive), lambda lines, old=old, new=new: lines.insert(0, lines.pop(0).replace(old, new)))
        assert "settings or data do not match job" in found(archive)[0]
        change(plain(archive), lambda lines: lines.insert(0, lines.pop(0) and line))
        assert found(archive) == []


def test_a_file_that_lost_its_lines(archive):
    plain(archive).write_text("")
    assert found(archive) == [f"{plain(archive)}: it is empty; restore it from git"]
