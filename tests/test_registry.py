"""Names and what they stand for, those of other people included."""

import re
import sys

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.registry import Registry, unknown
from tests.fakes.outside import METHOD, install

BASE = "ctrbench.methods.base:Method"


@pytest.fixture
def registry():
    return Registry("method", {"plain": "ctrbench.methods.plain:Plain"}, base=BASE)


@pytest.fixture(autouse=True)
def _forget_modules():
    yield
    for name in ("outside_module", "other_module"):
        sys.modules.pop(name, None)


def test_a_builtin_is_imported_when_it_is_asked_for():
    registry = Registry("thing", {"parser": "html.parser:HTMLParser", "gone": "no_such_module:X"})
    assert registry.names() == registry.builtin() == ["parser", "gone"]
    assert registry.get("parser").__name__ == "HTMLParser"
    with pytest.raises(ImportError):
        registry.get("gone")


def test_unknown_names_get_a_hint(registry):
    with pytest.raises(CtrbenchError, match=r"^unknown method 'plian'; did you mean plain\?$"):
        registry.get("plian")
    assert str(unknown("thing", "x", [])) == "unknown thing 'x'; known: none"
    assert str(unknown("thing", "x", ["b", "a"])) == "unknown thing 'x'; known: a, b"
    assert len(str(unknown("thing", "n" * 10_000, ["a"]))) < 200


def test_the_decorator_adds_a_name_once(registry):
    @registry.register("mine")
    class Mine:
        pass

    assert registry.get("mine") is Mine
    assert registry.names() == ["plain", "mine"]
    assert registry.distribution("mine") is None
    for name in ("mine", "plain"):
        with pytest.raises(ValueError, match=f"method '{name}' is registered already"):
            registry.register(name)


@pytest.mark.parametrize("name", ["x/../../ESCAPED", "..", "", "n" * 300, "a\nb"])
def test_names_that_lead_elsewhere(registry, tmp_path, monkeypatch, name):
    with pytest.raises(CtrbenchError, match=r"to be the name of a method|of a method is too long") as error:
        registry.register(name)
    assert "\n" not in str(error.value)
    if name.strip() and "\n" not in name:
        install(tmp_path, monkeypatch, name=name)
        with pytest.raises(CtrbenchError, match=r"to be the name of a method|of a method is too long"):
            registry.get(name)


def test_an_installed_distribution_adds_a_name(registry, tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, version="1.2")
    assert registry.names() == ["plain", "outside"]
    assert registry.get("outside").__name__ == "Outside"
    assert registry.distribution("outside") == "outside-package 1.2"
    assert registry.distribution("plain") is None
    assert registry.builtin() == ["plain"]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import no_such_thing", r"cannot be loaded (ModuleNotFoundError: No module named 'no_such_thing')"),
        ("raise ImportError('two\\nlines')", "cannot be loaded (ImportError: two lines)"),
        ("x = None.y", "cannot be loaded (AttributeError: 'NoneType' object has no attribute 'y')"),
        ("def f(:", "cannot be loaded (SyntaxError: "),
        ("raise SystemExit(3)", "cannot be loaded (SystemExit: 3)"),
        ("", "cannot be loaded (AttributeError: module 'outside_module' has no attribute 'Outside')"),
        ("Outside = 3", "is no subclass of ctrbench.methods.base.Method"),
        ("class Outside: pass", "is no subclass of ctrbench.methods.base.Method"),
        (f"{METHOD}\nOutside = Outside.__new__(Outside)", "is no subclass of ctrbench.methods.base.Method"),
    ],
)
def test_a_broken_distribution_is_one_line_and_only_where_it_is_used(registry, tmp_path, monkeypatch, source, fault):
    install(tmp_path, monkeypatch, source=source)
    assert registry.names() == ["plain", "outside"]
    assert registry.get("plain").__name__ == "Plain"
    with pytest.raises(CtrbenchError) as error:
        registry.get("outside")
    start = "method 'outside': the entry point outside_module:Outside of outside-package 1.0 "
    assert str(error.value).startswith(start + fault)
    assert str(error.value).endswith("; mend or uninstall that package")
    assert "\n" not in str(error.value)


def test_all_that_are_usable_are_those_of_whole_packages(registry, tmp_path, monkeypatch):
    broken = {"name": "broken", "distribution": "broken", "target": "broken_module:X"}
    install(tmp_path / "broken", monkeypatch, source="raise ImportError('no')", **broken)
    install(tmp_path / "whole", monkeypatch)
    assert registry.names() == ["plain", "outside", "broken"]
    assert {name: each.__name__ for name, each in registry.usable().items()} == {"plain": "Plain", "outside": "Outside"}
    assert list(registry.usable()) == ["plain", "outside"]
    with pytest.raises(CtrbenchError, match=r"cannot be loaded \(ImportError: no\)"):
        registry.get("broken")


def test_without_a_base_class_a_name_stands_for_something_callable(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, kind="thing", source="Outside = 3")
    with pytest.raises(CtrbenchError, match=r"outside-package 1\.0 is not a class or function; mend"):
        Registry("thing").get("outside")
    install(tmp_path / "b", monkeypatch, kind="thing", source="def Outside(): return 7")
    assert Registry("thing").get("outside")() == 7


@pytest.mark.parametrize("name", ["outside", "plain"])
def test_a_name_that_two_packages_register(registry, tmp_path, monkeypatch, name):
    owners = ["ctrbench"] if name == "plain" else []
    for distribution, module in (("first", "outside_module"), ("second", "other_module")):
        install(tmp_path / distribution, monkeypatch, name=name, distribution=distribution, target=f"{module}:Outside")
    with pytest.raises(CtrbenchError) as error:
        registry.get(name)
    found = re.fullmatch(rf"method '{name}': registered by (.*); uninstall one, or change the name", str(error.value))
    assert set(found[1].split(" and ")) == {*owners, "first 1.0", "second 1.0"}
    assert registry.names().count(name) == 1


def test_no_component_is_called_all(registry):
    with pytest.raises(CtrbenchError, match="no method can be called 'all'"):
        registry.register("all")
