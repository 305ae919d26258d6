"""What a search leaves, in one file for each recipe."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.best_settings import (
    BestSettings,
    SearchResult,
    Trial,
    best_settings_path,
    read_best_settings,
    write_best_settings,
)
from tests.fakes import prepared

ROW = RowKey("toy", "net", "plain", "variant")


def result(method="plain", basis="b", fingerprint="f", penalty=0.1):
    settings = {"training.penalty": penalty, "method.hidden": [8, 4]}
    return SearchResult(
        dataset="toy",
        backbone="net",
        method=method,
        settings=settings,
        objective="logloss",
        value=0.5,
        basis=basis,
        fingerprint=fingerprint,
        seeds=3,
        trials=(
            Trial(settings=settings, state="complete", value=0.4, further=(0.5, 0.6), epochs=3),
            Trial(settings={"training.penalty": 0.5}, state="complete", value=0.4, further=(0.5,), epochs=3),
            Trial(settings={"training.penalty": 1.0}, state="failed", epochs=1),
        ),
    )


def test_results_read_back_and_are_shared_by_recipes(tmp_path):
    assert read_best_settings(tmp_path) == BestSettings()
    write_best_settings(tmp_path, BestSettings(recipe="one", results=(result(),)))
    write_best_settings(tmp_path, BestSettings(recipe="two", results=(result("weighted"),)))
    assert read_best_settings(tmp_path).results == (result(), result("weighted"))
    text = best_settings_path(tmp_path, "one").read_text()
    assert text.startswith("# ctrbench search …/one.toml\n")


def test_a_finalist_was_trained_with_every_seed():
    first, second, failed = result().trials
    assert result().finalists == (first,)
    assert [trial.mean for trial in (first, second, failed)] == [pytest.approx(0.5), pytest.approx(0.45), None]


def test_a_search_is_found_by_its_row_basis_and_data(tmp_path):
    known = BestSettings(results=(result(basis="a"), result(), result(fingerprint="g"), result("weighted")))
    f, g, h = (prepared.manifest().model_copy(update={"fingerprint": each}) for each in "fgh")
    assert known.of(ROW, "b", f) == result()
    assert known.of(ROW, "b", g) == result(fingerprint="g")
    assert known.of(ROW, "b", None) == result()
    assert known.of(ROW, "c", f) is None
    assert known.of(ROW, "b", h) is None
    assert len(known.entries(ROW)) == 3


def test_results_of_other_rows_settings_and_data_are_kept(tmp_path):
    before = (result(), result(basis="a"), result(fingerprint="g"))
    write_best_settings(tmp_path, BestSettings(recipe="one", results=before))
    write_best_settings(tmp_path, BestSettings(recipe="one", results=(result(penalty=0.7),)))
    assert read_best_settings(tmp_path).results == (*before[1:], result(penalty=0.7))


@pytest.mark.parametrize("content", [b"{", b"\xff", b"results = 3", b"recipe = 'one'\nresluts = []"])
def test_a_damaged_file_says_how_to_mend_it(tmp_path, content):
    path = best_settings_path(tmp_path, "one")
    path.parent.mkdir()
    path.write_bytes(content)
    for do in (
        lambda: read_best_settings(tmp_path),
        lambda: write_best_settings(tmp_path, BestSettings(recipe="one", results=(result(),))),
    ):
        with pytest.raises(
            CtrbenchError, match=r"one\.toml: .*; remove it and run: ctrbench search …/one\.toml"
        ) as error:
            do()
        assert "\n" not in str(error.value)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_read(tmp_path):
    (tmp_path / "best_settings").write_text("no folder")
    with pytest.raises(CtrbenchError, match="best_settings: cannot be read"):
        read_best_settings(tmp_path)
    with pytest.raises(CtrbenchError, match="cannot be written"):
        write_best_settings(tmp_path, BestSettings(recipe="one", results=(result(),)))


@pytest.mark.parametrize("name", ["x/../../ESCAPED", "n" * 300, ""])
def test_no_recipe_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(CtrbenchError, match=r"not fit to be the name of a recipe|of a recipe is too long"):
        write_best_settings(tmp_path / "results", BestSettings(recipe=name, results=(result(),)))
    assert list(tmp_path.iterdir()) == []
