"""Every command and every number of the pages: commands are run, tables are compared with the committed records."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ctrbench.experiments.recipe import Recipe, recipe_names

from ctrbench.methods import METHODS
from ctrbench.testing.data import interactions
from ctrbench.testing.runs import start
from ctrbench.training.fit import train_epoch

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "datasets/README.md", "recipes/README.md", "results/README.md"]
RAW = os.environ.get("CTRBENCH_RAW")
REPORTS = sorted(path.stem for path in (ROOT / "results" / "reports").glob("*.md"))


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def commands():
    return [(page, line) for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """An empty folder with a user's own files, and a copy of the committed results."""
    folder = tmp_path_factory.mktemp("desk")
    own = interactions().rename(columns={"user": "user_id", "item": "item_id", "label": "clicked", "brand": "category"})
    own.assign(page="feed", advertiser=own["category"]).to_csv(folder / "interactions.csv", index=False)
    shutil.copy(ROOT / "datasets" / "example-card.toml", folder / "my-card.toml")
    shutil.copy(ROOT / "recipes" / "quickstart.toml", folder / "my-recipe.toml")
    for kept in ("runs", "references", "found"):
        if (ROOT / "results" / kept).exists():
            shutil.copytree(ROOT / "results" / kept, folder / "results" / kept)
    return folder


def call(desk, command):
    environment = os.environ | {"CTRBENCH_DATA": str(desk / "data"), "CTRBENCH_RESULTS": str(desk / "results")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        command, shell=True, cwd=desk, env=environment, capture_output=True, text=True, timeout=150, check=False
    )


@pytest.fixture(scope="module")
def simulated(desk):
    """What ``my-recipe.toml`` needs, which commands of the recipes' page run."""
    done = call(desk, "ctrbench prepare my-recipe.toml")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_of_a_page_succeeds(desk, simulated, page, command):
    if command.startswith("make "):
        assert command in (ROOT / ".ci" / "run").read_text().splitlines()
        return
    assert command.startswith("ctrbench ")
    if re.search("beauty|aqcl-table|protocol", command) and not RAW:
        pytest.skip("CTRBENCH_RAW is unset: no real data here")
    if re.match("ctrbench prepare (amazon|aqcl|protocol)", command):
        folder = "amazon-beauty" if "amazon" in command else "."
        command += f" --source {Path(str(RAW)).resolve() / folder}"
    done = call(desk, command)
    assert done.returncode == 0, done.stderr


def test_pages_hold_no_command_that_is_not_run():
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) <= {"bash", "python", ""}
        assert text.count("```") == 2 * len(blocks(page, "(?:bash|python)"))


def test_the_method_of_the_readme_trains(feed):
    (code,) = blocks("README.md", "python")
    try:
        exec(code, {})
        run = start("din", "smooth", feed.prepared)
        assert set(train_epoch(run, 1)[2]) == {"click", "pull"}
    finally:
        METHODS._loaded.pop("smooth", None)


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


@pytest.mark.parametrize("recipe", REPORTS)
@pytest.mark.parametrize("ending", ["md", "csv", "tex"])
def test_a_committed_report_is_what_its_records_say(tmp_path, recipe, ending):
    """Without the data: from the records alone."""
    formats = {"md": "markdown", "csv": "csv", "tex": "latex"}
    (tmp_path / "results").symlink_to(ROOT / "results")
    done = call(tmp_path, f"ctrbench report {recipe} --format {formats[ending]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (ROOT / "results" / "reports" / f"{recipe}.{ending}").read_text("utf-8").strip()


def test_the_readmes_table_is_the_reports():
    text = (ROOT / "README.md").read_text("utf-8")
    tables = re.findall(r"<!-- table: (\S+) -->\n+((?:\|.*\n)+)", text)
    assert tables

    def cells(line):
        return [cell.strip() for cell in line.strip("|").split("|")]

    for recipe, table in tables:
        report = (ROOT / "results" / "reports" / f"{recipe}.md").read_text("utf-8").splitlines()
        known = [cells(line) for line in report if line.startswith("|")]
        for line in table.splitlines():
            assert set(line) <= set("|:- ") or cells(line) in known, line
