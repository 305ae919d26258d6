import os
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ctrbench.cli.prepare import prepare
from ctrbench.data.schema import Manifest, read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.places import shipped

CARD = """name = "my-data"
title = "My clicks"
format = "table"
sources = [{ file = "interactions.csv" }]
split = { rule = "leave-last-out" }
"""
INTERACTIONS = "user,item,time\nu,a,1\nu,b,2\nu,c,3\nv,d,4\n"
RUNNER = CliRunner(env={"COLUMNS": "200"})


def output(tmp_path: Path, *arguments: str) -> str:
    app = typer.Typer()
    app.command()(prepare)
    result = RUNNER.invoke(
        app, [*arguments, "--data", str(tmp_path / "data")], catch_exceptions=False, standalone_mode=False
    )
    return result.output


@pytest.fixture
def mine(tmp_path: Path) -> list[str]:
    (tmp_path / "card.toml").write_text(CARD)
    (tmp_path / "interactions.csv").write_text(INTERACTIONS)
    return ["my-data", "--card", str(tmp_path / "card.toml"), "--source", str(tmp_path / "interactions.csv")]


def test_own_data_are_prepared_and_described(tmp_path: Path, mine: list[str]) -> None:
    shown = output(tmp_path, *mine)
    assert (tmp_path / "data" / "my-data" / "manifest.json").is_file()
    for text in (
        "My clicks: prepared in",
        "last click test",
        "activeness by click length L: non-active L <= 2, slightly-active L <= 2, highly-active above (100.0% / ",
        "negatives: 1 per",
        "items drawn by training popularity to the power 0 (uniform)",
    ):
        assert text in shown
    run = "next: ctrbench run --dataset my-data --method plain,aqcl --seeds 1 --set training.epochs=1 --data "
    assert run in shown
    assert "already prepared" in output(tmp_path, *mine)
    assert "already prepared" not in output(tmp_path, *mine, "--force")


def test_the_documented_example_card_works(tmp_path: Path) -> None:
    lines = ["user_id,item_id,time,clicked,category,page,age,advertiser"]
    lines += [
        f"{user},{item},2020-01-{day:02d},{(user + item + day) % 2},c{item % 2},p{day % 2},{20 + user},x{item % 3}"
        for day in range(1, 25)
        for user in range(5)
        for item in range(3)
    ]
    (tmp_path / "interactions.csv").write_text("\n".join(lines))
    card, source = shipped("datasets") / "example-card.toml", tmp_path / "interactions.csv"
    shown = output(tmp_path, "my-data", "--card", str(card), "--source", str(source))
    assert "impressions that were not clicked" in shown


@pytest.mark.parametrize("option", ["--scale", "--seed", "--jobs"])
def test_simulation_options_are_refused_for_real_data(tmp_path: Path, mine: list[str], option: str) -> None:
    with pytest.raises(CtrbenchError, match=f"{option} is for simulated data only"):
        output(tmp_path, *mine, option, "1")


def test_a_source_is_refused_for_simulated_data(tmp_path: Path) -> None:
    with pytest.raises(CtrbenchError, match="no files; leave out --source"):
        output(tmp_path, "oncold-sim", "--source", str(tmp_path))


def test_a_name_that_is_not_the_cards(tmp_path: Path, mine: list[str]) -> None:
    with pytest.raises(CtrbenchError, match="the card describes 'my-data', not 'other'; pass my-data"):
        output(tmp_path, "other", *mine[1:])


def test_a_misspelt_dataset(tmp_path: Path) -> None:
    with pytest.raises(CtrbenchError, match="did you mean amazon-beauty"):
        output(tmp_path, "amazon-beuty")


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe ``both`` of shipped datasets: ``mine``, also with changes, and ``other``; a folder for their files."""
    for folder in ("datasets", "recipes", "raw"):
        (tmp_path / folder).mkdir()
    for name in ("mine", "other"):
        (tmp_path / "datasets" / f"{name}.toml").write_text(CARD.replace("my-data", name).replace("My clicks", name))
    recipe = (
        'datasets = ["mine", "mine@ties=apart", "other"]\ntitle = "Both"\nbackbones = ["din"]\nmethods = ["plain"]\n'
    )
    (tmp_path / "recipes" / "both.toml").write_text(recipe)
    monkeypatch.setattr("ctrbench.places.shipped", lambda kind: tmp_path / kind)
    return tmp_path / "raw"


def prepared(tmp_path: Path) -> dict[str, Manifest]:
    return {name.name: read_manifest(name) for name in sorted((tmp_path / "data").iterdir())}


def test_all_datasets_of_a_recipe_are_prepared_from_folders_of_their_cards_names(tmp_path: Path, both: Path) -> None:
    for name, more in (("mine", ""), ("other", "w,e,5\nw,f,6\n")):
        (both / name).mkdir()
        (both / name / "interactions.csv").write_text(INTERACTIONS + more)
    shown = output(tmp_path, "both", "--source", str(both))
    found = prepared(tmp_path)
    assert list(found) == ["mine", "mine@ties=apart", "other"]
    assert [manifest.interactions for manifest in found.values()] == [4, 4, 6]
    assert [line.partition(": prepared in")[0] for line in shown.splitlines() if ": prepared in" in line] == [
        *("mine", "mine, ties=apart", "other")
    ]
    assert output(tmp_path, "both", "--source", str(both)).count("already prepared") == 3
    assert [line.partition(" --data")[0] for line in shown.splitlines() if "next:" in line] == [
        "next: ctrbench run both"
    ]


def test_a_folder_without_such_folders_serves_all(tmp_path: Path, both: Path) -> None:
    (both / "interactions.csv").write_text(INTERACTIONS)
    output(tmp_path, "both", "--source", str(both))
    assert [manifest.interactions for manifest in prepared(tmp_path).values()] == [4, 4, 4]


def test_a_changed_dataset_is_prepared_by_its_name(tmp_path: Path, both: Path) -> None:
    (both / "interactions.csv").write_text(INTERACTIONS.replace("u,b,2", "u,b,1"))
    for name in ("mine", "mine@ties=apart@negatives.seed=3"):
        output(tmp_path, name, "--source", str(both))
    plain, changed = prepared(tmp_path).values()
    assert (changed.name, changed.title) == ("mine@ties=apart@negatives.seed=3", "mine, ties=apart, negatives.seed=3")
    assert plain.fingerprint != changed.fingerprint


def test_a_card_goes_before_a_recipe_of_its_name(tmp_path: Path, both: Path) -> None:
    (both / "interactions.csv").write_text(INTERACTIONS)
    (tmp_path / "card.toml").write_text(CARD.replace("my-data", "both"))
    output(tmp_path, "both", "--card", str(tmp_path / "card.toml"), "--source", str(both))
    assert list(prepared(tmp_path)) == ["both"]


def test_a_recipe_of_a_dataset_without_a_card_prepares_nothing(tmp_path: Path, both: Path) -> None:
    (both / "interactions.csv").write_text(INTERACTIONS)
    recipe = tmp_path / "recipes" / "both.toml"
    recipe.write_text(recipe.read_text().replace('"other"', '"othr"'))
    with pytest.raises(CtrbenchError, match="unknown dataset 'othr'; did you mean other"):
        output(tmp_path, "both", "--source", str(both))
    assert not (tmp_path / "data").exists()


def test_a_recipe_of_all_that_is_prepared_prepares_what_it_names(tmp_path: Path, both: Path) -> None:
    (both / "interactions.csv").write_text(INTERACTIONS)
    recipe = tmp_path / "recipes" / "both.toml"
    recipe.write_text(recipe.read_text().replace('"other"', '"all"'))
    output(tmp_path, "both", "--source", str(both))
    assert list(prepared(tmp_path)) == ["mine", "mine@ties=apart"]
    recipe.write_text(recipe.read_text().replace('"mine", "mine@ties=apart", ', ""))
    with pytest.raises(CtrbenchError, match="both: the recipe uses all prepared datasets; name the dataset to prepare"):
        output(tmp_path, "both", "--source", str(both))


@pytest.mark.parametrize("scale", ["nan", "inf", "1e300", "0", "-1"])
def test_a_scale_that_cannot_be(tmp_path: Path, scale: str) -> None:
    with pytest.raises(CtrbenchError, match=f"oncold-sim: --scale {scale.replace('1e300', '1e.300')} is not above 0"):
        output(tmp_path, "oncold-sim", "--scale", scale)
    with pytest.raises(CtrbenchError, match="scale: input should be"):
        output(tmp_path, f"oncold-sim@scale={scale}")


def test_a_scale_that_the_name_says_is_not_given_twice(tmp_path: Path) -> None:
    with pytest.raises(
        CtrbenchError, match=r"oncold-sim@scale=0\.004: the dataset's name sets the scale; leave out --scale"
    ):
        output(tmp_path, "quickstart", "--scale", "0.0005")
    output(tmp_path, "oncold-sim@scale=0.0005", "--seed", "1")
    (manifest,) = prepared(tmp_path).values()
    assert (manifest.name, manifest.users) == ("oncold-sim@scale=0.0005", 454)


def test_a_recipe_by_its_path_leaves_simulated_data_without_the_source(tmp_path: Path, both: Path) -> None:
    (both / "interactions.csv").write_text(INTERACTIONS)
    recipe = tmp_path / "recipes" / "both.toml"
    path = tmp_path / "elsewhere.toml"
    path.write_text(recipe.read_text().replace('"other"', '"oncold-sim@scale=0.0005"'))
    shutil.copy(Path(__file__).parents[2] / "datasets" / "oncold-sim.toml", tmp_path / "datasets")
    output(tmp_path, str(path), "--source", str(both))
    assert prepared(tmp_path)["oncold-sim@scale=0.0005"].users == 454


def test_every_world_of_a_recipe_is_prepared(tmp_path: Path, both: Path) -> None:
    path = tmp_path / "worlds.toml"
    path.write_text(
        'datasets = ["oncold-sim@scale=0.0005"]\nworlds = true\nseeds = 2\ntitle = "Two worlds"\nbackbones = ["din"]\n'
        'methods = ["plain"]\n'
    )
    shutil.copy(Path(__file__).parents[2] / "datasets" / "oncold-sim.toml", tmp_path / "datasets")
    output(tmp_path, str(path))
    one, other = prepared(tmp_path).values()
    with pytest.raises(CtrbenchError, match="the dataset's name sets the seed; leave out --seed"):
        output(tmp_path, str(path), "--seed", "7")
    assert prepared(tmp_path)["oncold-sim@scale=0.0005"] == one
    assert (one.name, other.name) == ("oncold-sim@scale=0.0005", "oncold-sim@scale=0.0005@seed=1")
    assert one.fingerprint != other.fingerprint
    path.write_text(path.read_text().replace("oncold-sim@scale=0.0005", "mine"))
    with pytest.raises(CtrbenchError, match="worlds = true needs simulated data, and mine is real"):
        output(tmp_path, str(path), "--source", str(both))


def test_cards_are_listed_but_not_the_documented_example(ctrbench, place: Path) -> None:
    _, out, _ = ctrbench("list", "datasets")
    listed = [line.partition("\t")[0] for line in out.splitlines()]
    assert {"amazon-beauty", "oncold-sim", "toy"} <= set(listed)
    assert not {"example-card", "my-data"} & set(listed)


@pytest.mark.skipif("CTRBENCH_RAW" not in os.environ, reason="CTRBENCH_RAW names no folder of raw data")
def test_table_1_stands_beside_the_published_row(tmp_path: Path) -> None:
    shown = output(tmp_path, "amazon-beauty", "--source", str(Path(os.environ["CTRBENCH_RAW"]) / "amazon-beauty"))
    here, published = (next(line for line in shown.splitlines() if key in line) for key in ("here", "published"))
    assert here.split()[1:] == ["22,363", "12,101", "198,502"]
    assert published.split()[-3:] == ["22,363", "12,101", "198,502"]


def test_an_error_is_one_line_and_nothing_before_it(ctrbench, tmp_path: Path, mine: list[str]) -> None:
    missing = tmp_path / "no-card.toml"
    assert ctrbench("prepare", "my-data", "--card", missing) == (1, "", f"error: {missing}: no such card file\n")
    status, out, err = ctrbench("prepare", *mine[:-1], tmp_path / "gone.csv", "--data", tmp_path / "data")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("error: ")
