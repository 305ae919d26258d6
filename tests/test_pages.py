"""Every command and every number of the pages: commands are run, reports are compared with the committed records."""

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ctrbench.cli import app
from ctrbench.recipe.read import recipe_names
from ctrbench.recipe.recipe import Recipe
from ctrbench.testing.data import interactions

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "datasets/README.md", "recipes/README.md", "results/README.md", "tests/outside/README.md"]
RAW = os.environ.get("CTRBENCH_RAW")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def commands():
    return [(page, line) for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """An empty folder with a user's own files, and a copy of the archive."""
    folder = tmp_path_factory.mktemp("desk")
    own = interactions().rename(columns={"user": "user_id", "item": "item_id", "label": "clicked", "brand": "category"})
    own.assign(page="feed", advertiser=own["category"]).to_csv(folder / "interactions.csv", index=False)
    own[["user_id", "item_id", "time", "clicked"]].to_csv(folder / "clicks.csv", index=False)
    shutil.copy(ROOT / "datasets" / "example-card.toml", folder / "my-card.toml")
    shutil.copy(ROOT / "datasets" / "minimal-card.toml", folder / "minimal-card.toml")
    shutil.copy(ROOT / "recipes" / "quickstart.toml", folder / "my-recipe.toml")
    for kept in ("records", "best_settings"):
        if (ROOT / "results" / kept).exists():
            shutil.copytree(ROOT / "results" / kept, folder / "results" / kept)
    return folder


def call(desk, command):
    """Runs ``ctrbench ...`` in this process, in the desk's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        patch.setenv("CTRBENCH_DATA", str(desk / "data"))
        patch.setenv("CTRBENCH_RESULTS", str(desk / "results"))
        return CliRunner().invoke(app, shlex.split(command)[1:])


@pytest.fixture(scope="module")
def simulated(desk):
    """What ``my-recipe.toml`` needs, which commands of the recipes' page run."""
    done = call(desk, "ctrbench prepare my-recipe.toml")
    assert done.exit_code == 0, done.exception


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_of_a_page_succeeds(desk, simulated, page, command):
    if command.startswith("make "):
        assert command in (ROOT / ".ci" / "run").read_text().splitlines()
        return
    assert command.startswith("ctrbench ")
    if re.search("prepare (amazon|aqcl|protocol)|(search|run) .*(beauty|aqcl-|schedules)", command) and not RAW:
        pytest.skip("CTRBENCH_RAW is unset: no real data here")
    if re.match("ctrbench prepare (amazon|aqcl|protocol)", command):
        folder = "amazon-beauty" if "amazon" in command else "."
        command += f" --source {Path(str(RAW)).resolve() / folder}"
    done = call(desk, command)
    assert done.exit_code == 0, done.exception


def test_pages_hold_no_command_that_is_not_run():
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) <= {"bash", "python", "toml", "csv", ""}
        assert text.count("```") == 2 * len(blocks(page, "(?:bash|python|toml|csv)"))


def test_every_key_of_a_recipe_is_on_its_page():
    page = (ROOT / "recipes" / "README.md").read_text()
    assert [key for key in Recipe.model_fields if key not in ("name", "overrides") and key not in page] == []


def test_every_recipe_and_card_is_on_its_page():
    page = (ROOT / "recipes" / "README.md").read_text()
    assert [name for name in recipe_names() if name not in page] == []
    page = (ROOT / "datasets" / "README.md").read_text()
    assert [path.name for path in (ROOT / "datasets").glob("*.toml") if path.name not in page] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_link_of_a_page_leads_to_a_file_and_a_heading(page):
    """Links between pages, without the network."""
    here, broken = ROOT / page, []
    for link in re.findall(r"\]\(([^)\s]+)\)", here.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = here.parent / path if path else here
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_page_on_outside_packages_shows_the_package_that_the_tests_install():
    page = (ROOT / "tests" / "outside" / "README.md").read_text("utf-8")
    shown = dict(re.findall(r"^`(\S+)`:\n\n```\w+\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    package = ROOT / "tests" / "outside" / "package"
    files = {str(path.relative_to(package)): path for path in package.rglob("*") if path.suffix in (".py", ".toml")}
    assert set(files) - {"smooth/__init__.py"} == set(shown)
    for name, code in shown.items():
        assert code == files[name].read_text("utf-8"), name
