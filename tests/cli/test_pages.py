import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["recipes/README.md", "results/README.md"])
def test_commands_of_a_page(ctrbench, place, page):
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    assert commands
    for command in commands:
        program, *arguments = command.split()
        assert program == "ctrbench"
        assert ctrbench(*arguments)[0] == 0, command


def test_every_key_of_a_recipe_is_on_its_page():
    from ctrbench.experiments.recipe import Recipe

    page = (ROOT / "recipes" / "README.md").read_text()
    assert [key for key in Recipe.model_fields if key not in ("name", "overrides") and key not in page] == []
