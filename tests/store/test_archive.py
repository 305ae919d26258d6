"""The committed files: what is written comes back, byte for byte."""

import json
import math
import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.store.archive import Archive
from ctrbench.store.lines import line_of, parse_record, plain, read_lines
from ctrbench.store.record import DataFacts, FurtherModel, Groups, Record
from ctrbench.training.history import EpochMetrics
from tests.fakes import prepared, records


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "records")


@pytest.fixture
def made(manifest):
    """Records of two rows and three seeds, in no order."""
    jobs = [
        records.config(method, seed, settings={"training": {"epochs": epochs}})
        for method, epochs, seed in (
            ("plain", 4, 2),
            ("weighted", 2, 0),
            ("plain", 2, 1),
            ("plain", 4, 0),
            ("plain", 2, 0),
        )
    ]
    return [records.record(job, manifest) for job in jobs]


def contents(archive):
    return {path.relative_to(archive.folder).as_posix(): path.read_bytes() for path in archive.folder.rglob("*.*")}


def test_records_and_facts_read_back(archive, made, manifest):
    archive.add(made, [records.facts(manifest)], [records.reference(manifest)])
    assert sorted(contents(archive)) == [
        "toy/data.jsonl",
        "toy/net-plain.jsonl",
        "toy/net-weighted.jsonl",
        "toy/references.jsonl",
    ]
    found = archive.records("toy", "net", "plain")
    assert {each.identity: each for each in found} == {r.identity: r for r in made if r.method == "plain"}
    assert archive.records("toy", "net", "weighted") == [r for r in made if r.method == "weighted"]
    assert archive.facts("toy") == [records.facts(manifest)]
    assert archive.references("toy") == [records.reference(manifest)]
    assert (archive.records("toy", "net", "other"), archive.records("other", "net", "plain")) == ([], [])
    assert (archive.facts("other"), archive.references("other")) == ([], [])
    assert archive.datasets() == ["toy"]
    assert sorted(r.identity for r in archive.all_records()) == sorted(r.identity for r in made)


def test_lines_are_sorted_by_settings_then_seed(archive, made):
    archive.add(made)
    lines = [json.loads(line) for line in archive.path("toy", "net", "plain").read_text().splitlines()]
    assert [(line["settings"]["training"]["epochs"], line["seed"]) for line in lines] == [
        (2, 0),
        (2, 1),
        (4, 0),
        (4, 2),
    ]


def test_bytes_do_not_depend_on_the_order_in_which_records_came(archive, made, manifest, tmp_path):
    archive.add(
        made, [records.facts(manifest)], [records.reference(manifest, name) for name in ("random", "popularity")]
    )
    other = Archive(tmp_path / "other")
    other.add(references=[records.reference(manifest, "popularity")])
    for record in random.Random(0).sample(made, len(made)):
        other.add([record], [records.facts(manifest)])
    other.add(references=[records.reference(manifest, "random")])
    assert contents(other) == contents(archive)


def test_what_was_read_is_written_the_same(archive, made, manifest):
    archive.add(made, [records.facts(manifest)], [records.reference(manifest)])
    before = contents(archive)
    archive.add(list(archive.all_records()), archive.facts("toy"), archive.references("toy"))
    assert contents(archive) == before
    assert archive.tidy() == []
    assert contents(archive) == before


def test_numbers_survive_exactly_and_are_as_short_as_they_can_be(archive, manifest):
    numbers = [0.1, 1 / 3, math.nextafter(0.5, 1), 5e-324, 0.7842495704126557, 1.0, 0.0, 1e-7, 0.30000000000000004]
    values = {
        "auc": {"overall": [0.5], "activeness": numbers[:3]},
        "ne": {"overall": [1e300], "activeness": [None, *numbers[3:5]]},
    }
    job = records.config(settings={"method": {"weight": 0.1 + 0.2, "tau": 1e-300}})
    record = records.record(job, manifest)
    tasks = {"click": record.tasks["click"].model_copy(update={"values": values})}
    epochs = tuple(
        EpochMetrics(
            epoch=place + 1,
            loss=number,
            parts={"click": number, "codebook": -number},
            validation={"click": {"auc": None, "logloss": number}},
            seconds=1.5,
            cpu_seconds=2.25,
            rows_per_second=number,
        )
        for place, number in enumerate(numbers)
    )
    record = record.model_copy(update={"tasks": tasks, "epochs": epochs})
    archive.add([record])
    (found,) = archive.records("toy", "net", "plain")
    assert found == record
    assert found.epochs == epochs
    text = archive.path("toy", "net", "plain").read_text()
    assert f'"loss":{json.dumps(numbers, separators=(",", ":"))}' in text
    assert '"epoch":' not in text


def test_a_line_leaves_out_what_equals_a_default_and_no_more(manifest):
    record = records.record(records.config(), manifest)
    document = plain(record)
    lacking = set(Record.model_fields) - set(document)
    assert lacking == {
        "settings",
        "judged_on",
        "representations",
        "attention_rows",
        "plugins",
        "algorithm_version",
        "cohorts",
        "cohort_fingerprint",
        "further_models",
        "weights",
    }
    assert parse_record(json.loads(line_of(record)), "here") == record
    full = records.record(
        records.config(settings={"training": {"epochs": 2}}, representations=3),
        prepared.manifest(cohorts=(prepared.AGES,)),
        cohorts=("age_group",),
    )
    assert set(plain(full)) >= {"settings", "representations", "cohorts", "cohort_fingerprint"}
    assert parse_record(plain(full), "here") == full


def test_the_epochs_of_further_models_are_stored_by_column_too(manifest):
    second = FurtherModel(best_epoch=1, epochs=records.record(records.config(), manifest).epochs)
    job = records.config(settings={"training": {"models": 2}})
    record = records.record(job, manifest, further_models=(second,))
    document = json.loads(line_of(record))
    (stored,) = document["further_models"]
    assert stored["epochs"]["loss"] == [epoch.loss for epoch in second.epochs]
    assert parse_record(document, "here") == record
    document["further_models"][0]["best_epoch"] = 1 + len(record.epochs)
    with pytest.raises(CtrbenchError, match="best epoch"):
        parse_record(document, "here")
    del document["further_models"]
    with pytest.raises(CtrbenchError, match="the looks of 1 models where 2 were trained"):
        parse_record(document, "here")


def test_the_version_of_a_line_that_names_none_never_changes(manifest, monkeypatch):
    """Else every committed record would be another one as soon as the algorithm version is counted up."""
    line = line_of(records.record(records.config(), manifest))
    assert "algorithm_version" not in line
    monkeypatch.setattr("ctrbench.store.identity.ALGORITHM_VERSION", 3)
    assert parse_record(json.loads(line), "here").algorithm_version == 2
    newer = records.config().identity(manifest.fingerprint, version=3)
    record = records.record(records.config(), manifest, algorithm_version=3, identity=newer)
    assert '"algorithm_version":3' in line_of(record)
    assert parse_record(json.loads(line_of(record)), "here") == record


def test_parts_of_the_loss_may_begin_or_end_with_an_epoch(manifest):
    record = records.record(records.config(), manifest)
    parts = [{"click": 1.0}, {"click": 0.9, "codebook": 0.5}, {"codebook": 0.4, "click": 0.8}, {"click": 0.7}]
    epochs = tuple(
        EpochMetrics(**{**vars(epoch), "parts": own}) for epoch, own in zip(record.epochs, parts, strict=True)
    )
    record = record.model_copy(update={"epochs": epochs})
    assert parse_record(json.loads(line_of(record)), "here").epochs == epochs


@pytest.mark.parametrize(
    "title", ["a\u2028b", "a\x85b", "a\x1cb\x0bc", "a\nb\r\nc", "ä€😀", 'a "quoted" \\ text', "\ufeffx"]
)
def test_any_text_survives(archive, title):
    manifest = prepared.manifest(title=title)
    archive.add([records.record(records.config(), manifest)], [records.facts(manifest)])
    assert [facts.title for facts in archive.facts("toy")] == [title]
    assert len(archive.records("toy", "net", "plain")) == 1
    assert archive.tidy() == []


def test_a_record_of_the_same_identity_is_replaced(archive, made):
    archive.add(made)
    again = made[0].model_copy(update={"best_epoch": 2})
    archive.add([again])
    found = archive.records("toy", "net", "plain")
    assert len(found) == 4
    assert [each for each in found if each.identity == again.identity] == [again]


def test_facts_and_reference_values_of_the_same_data_are_put_together(archive, manifest):
    facts, more = records.facts(manifest), records.facts(manifest, ["conversion given click"])
    extra = Groups(names=["a", "b"], rows=[20, 10], positives=[5, 10])
    wider = facts.model_copy(update={"groups": {"click": {"age*brand": extra}}})
    archive.add(facts=[facts])
    archive.add(facts=[more, wider])
    (found,) = archive.facts("toy")
    assert set(found.groups) == {"click", "conversion given click"}
    assert set(found.groups["click"]) == {"overall", "activeness", "age*brand"}
    row = records.reference(manifest)
    archive.add(references=[row])
    archive.add(references=[row.model_copy(update={"values": {"auc": {"overall": [0.6]}, "gauc": {"overall": [0.7]}}})])
    (found,) = archive.references("toy")
    assert found.values["auc"] == {"overall": [0.6], "activeness": [0.5, 0.5, 0.5]}
    assert found.values["gauc"] == {"overall": [0.7]}


def test_facts_that_disagree_are_refused(archive, manifest):
    facts = records.facts(manifest)
    other = Groups(names=["overall"], rows=[31], positives=[15])
    archive.add(facts=[facts])
    before = contents(archive)
    with pytest.raises(
        CtrbenchError, match=r"toy: two sets of groups for column 'overall' of data .*remove the records"
    ):
        archive.add(facts=[facts.model_copy(update={"groups": {"click": {"overall": other}}})])
    assert contents(archive) == before


def test_a_changed_card_lies_in_the_folder_of_its_card(archive):
    names = ("toy", "toy@ties=apart")
    for name in names:
        manifest = prepared.manifest(name)
        archive.add(
            [records.record(records.config(dataset=name), manifest)],
            [records.facts(manifest)],
            [records.reference(manifest)],
        )
    assert sorted(contents(archive)) == ["toy/data.jsonl", "toy/net-plain.jsonl", "toy/references.jsonl"]
    for name in names:
        assert [record.dataset for record in archive.records(name, "net", "plain")] == [name]
        assert [facts.dataset for facts in archive.facts(name)] == [name]
        assert [row.dataset for row in archive.references(name)] == [name]
    assert archive.datasets() == list(names)


def test_names_with_dashes_that_share_a_file_are_kept_apart(archive, manifest):
    one, other = records.config("deep-plain", backbone="wide"), records.config("plain", backbone="wide-deep")
    archive.add([records.record(job, manifest) for job in (one, other)])
    assert len(contents(archive)) == 1
    for job in (one, other):
        assert [found.config for found in archive.records("toy", job.backbone, job.method)] == [job]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("name", ["x/../../ESCAPED", "../x", "n" * 300, "", "a\nb", "/x"])
def test_no_name_leads_out_of_the_folder(archive, place, name):
    names = ["toy", "net", "plain"]
    names[place] = name
    with pytest.raises(CtrbenchError, match=r"is not fit to be the name|is too long"):
        archive.path(*names)
    with pytest.raises(CtrbenchError, match=r"is not fit to be the name|is too long"):
        archive.representations(*names)


def test_removed_records_take_their_representations_along(archive, made, tmp_path):
    archive.add(made)
    plain_records = [record for record in made if record.method == "plain"]
    for place, record in enumerate(plain_records):
        pq.write_table(table(place), tmp_path / "h.parquet")
        archive.add_representations(record, tmp_path / "h.parquet")
    for record in plain_records[:-1]:
        archive.remove(("toy", "net", "plain"), record.identity)
        assert record not in archive.records("toy", "net", "plain")
        assert archive.read_representations(record) is None
    last = plain_records[-1]
    assert archive.read_representations(last)["row"].to_pylist() == [len(plain_records) - 1, 9]
    archive.remove(("toy", "net", "plain"), last.identity)
    assert not archive.path("toy", "net", "plain").exists()
    assert not archive.representations("toy", "net", "plain").exists()
    archive.remove(("toy", "net", "plain"), last.identity)


def table(first):
    h = pa.FixedSizeListArray.from_arrays(pa.array([0.1, 0.2, 1 / 3, first], pa.float32()), 2)
    return pa.table(
        {
            "row": [first, 9],
            "click_length": pa.array([1, 2], pa.int32()),
            "codeword": pa.array([None, 3], pa.int32()),
            "h": h,
        }
    )


def test_representations_survive_exactly_and_are_replaced(archive, made, tmp_path):
    for place, record in enumerate(made[:3]):
        pq.write_table(table(place), tmp_path / "h.parquet")
        archive.add_representations(record, tmp_path / "h.parquet")
    assert archive.read_representations(made[0]) == table(0)
    pq.write_table(table(7), tmp_path / "h.parquet")
    archive.add_representations(made[0], tmp_path / "h.parquet")
    assert archive.read_representations(made[0]) == table(7)
    assert archive.read_representations(made[2]) == table(2)
    assert archive.represented(("toy", "net", "plain")) == {made[0].identity, made[2].identity}
    assert archive.represented(("toy", "net", "other")) == set()
    assert archive.read_representations(made[3]) is None
    damaged = archive.representations("toy", "net", "plain")
    damaged.write_bytes(b"PAR1")
    with pytest.raises(
        CtrbenchError, match=f"{re.escape(str(damaged))}: cannot be read .*restore it from git, or repeat its jobs"
    ):
        archive.read_representations(made[0])


DAMAGE = {
    "truncated": (lambda line: line[: len(line) // 2], "line 2: not JSON"),
    "blank": (lambda line: "", "line 2: not JSON"),
    "conflict": (lambda line: "<<<<<<< HEAD", "line 2: not JSON"),
    "a list": (lambda line: "[]", "line 2: not a record"),
    "a number": (lambda line: "3", "line 2: not a record"),
    "nested": (lambda line: "[" * 10**5, "line 2: not JSON"),
    "a byte": (lambda line: line.replace('"seed":1', '"seed":8'), "line 2: settings or data do not match job"),
    "a value": (lambda line: line.replace('"ne":{"overall":[1.0]', '"ne":{"overall":[-1.0]'), "line 2: .*bounds"),
    "an epoch": (lambda line: line.replace('"seconds":[1.0,', '"seconds":['), "line 2: not a record"),
    "a key": (lambda line: line.replace('"best_epoch":1', '"best_epohc":1'), "line 2: unknown key 'best_epohc'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_line_is_one_line(archive, made, kind):
    damage, message = DAMAGE[kind]
    archive.add(made)
    path = archive.path("toy", "net", "plain")
    lines = path.read_text().splitlines()
    assert damage(lines[1]) != lines[1]
    lines[1] = damage(lines[1])
    path.write_text("\n".join(lines) + "\n")
    for read in (lambda: archive.records("toy", "net", "plain"), lambda: list(archive.all_records()), archive.tidy):
        with pytest.raises(CtrbenchError, match=f"{re.escape(str(path))}, {message}") as error:
            read()
        assert "\n" not in str(error.value)
    with pytest.raises(CtrbenchError):
        archive.add([made[0]])
    assert path.read_text() == "\n".join(lines) + "\n"


def test_a_file_that_is_not_utf_8_or_has_a_byte_order_mark(archive, made):
    archive.add(made)
    path = archive.path("toy", "net", "plain")
    content = path.read_bytes()
    for bad, message in ((b"\xff" + content, "cannot be read"), (b"\xef\xbb\xbf" + content, "line 1: not JSON")):
        path.write_bytes(bad)
        with pytest.raises(CtrbenchError, match=f"{message}.*restore the file from git") as error:
            archive.records("toy", "net", "plain")
        assert "\n" not in str(error.value)
    path.write_bytes(content.replace(b"\n", b"\r\n"))
    assert len(archive.records("toy", "net", "plain")) == 4


def test_values_that_do_not_fit_their_groups_end_in_one_line(manifest):
    entry = records.entry(records.config(), manifest)
    entry.record.tasks["click"].values["auc"]["activeness"].pop()
    with pytest.raises(
        CtrbenchError, match=r"toy: click by activeness has 3 groups in data.jsonl and another number in a"
    ):
        entry.record.groups(entry.facts, "click", "activeness")
    assert entry.record.groups(entry.facts, "click", "unknown") == []


def test_rows_of_a_record(manifest):
    entry = records.entry(records.config(), manifest, auc=0.75)
    rows = list(entry.record.rows(entry.facts))
    identity = entry.record.identity
    assert rows[0] == (identity, "click", "overall", "overall", "auc", 0.75)
    assert (identity, "click", "activeness", "highly-active", "logloss", 0.25) in rows
    assert len(rows) == 4 * (1 + 3)


def test_read_lines_of_a_file_that_is_not_there(tmp_path):
    assert read_lines(tmp_path / "none.jsonl", DataFacts) == []
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(CtrbenchError, match="it is empty; restore it from git"):
        read_lines(tmp_path / "empty.jsonl", DataFacts)
