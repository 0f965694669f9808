"""``apim new plugin`` makes a distribution that installs and whose tests pass."""

import argparse
import shutil

import pytest

from apim_core.cli import new
from apim_core.cli.new import KINDS, Names, NewPluginError, create
from apim_core.registry import Registry


def made(name, kind, folder):
    return {
        str(path.relative_to(folder / name)): path.read_text()
        for path in create(name, kind, folder, Registry()).rglob("*")
        if path.is_file()
    }


def refusal(name, folder):
    with pytest.raises(NewPluginError) as error:
        create(name, "policy", folder, Registry())
    return str(error.value)


def command_line(*arguments):
    parser = argparse.ArgumentParser()
    new.add(parser.add_subparsers())
    parsed = parser.parse_args(["new", *arguments])
    return parsed.run(parsed)


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_holds_a_module_tests_and_a_gateway(kind, tmp_path):
    files = ["README.md", "gateway.yaml", "my_policy.py", "pyproject.toml", "tests/test_my_policy.py"]

    assert files == sorted(made("my-policy", kind, tmp_path))


@pytest.mark.parametrize("kind", KINDS)
def test_the_names_of_the_template_are_replaced_everywhere(kind, tmp_path):
    text = "".join(made("business-hours", kind, tmp_path).values())

    assert not [word for word in ("my-plugin", "my_plugin", "MyPlugin") if word in text]
    assert 'business-hours = "business_hours:BusinessHours"' in text


def test_a_name_that_contains_the_templates_own_is_kept(tmp_path):
    assert 'my-plugin-two = "my_plugin_two:MyPluginTwo"' in made("my-plugin-two", "policy", tmp_path)["pyproject.toml"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_distribution_installs_its_tests_pass_and_its_gateway_would_start(kind, tmp_path, environment):
    name = f"new-{kind}"
    environment.run(f"apim new plugin {name} --kind {kind}", tmp_path)
    environment.run(f"pip install -e {name}", tmp_path)
    report = environment.run(f"pytest -q -W error -p no:cacheprovider {name}", tmp_path)

    assert "passed" in report
    assert "skipped" not in report
    environment.run("PARTNER_TOKEN=secret apim check gateway.yaml", tmp_path / name)


def test_a_wheel_brings_the_template_beside_the_command(tmp_path, monkeypatch):
    (tmp_path / "installed").mkdir()
    shutil.copytree(new.template_folder(), tmp_path / "installed" / "template")
    monkeypatch.setattr(new, "files", lambda package: tmp_path / "installed")

    assert tmp_path / "installed" / "template" == new.template_folder()
    assert "class MyPolicy(Policy)" in made("my-policy", "policy", tmp_path)["my_policy.py"]


def test_class_and_module_are_named_after_the_plugin():
    assert ("redact_json", "RedactJson") == (Names("redact-json").module, Names("redact-json").class_name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("MyPolicy", "such as 'my-policy'"),
        ("my_policy", "such as 'my-policy'"),
        ("my policy", "such as 'my-policy'"),
        ("-policy", "such as 'policy'"),
        ("../policy", "such as 'policy'"),
        ("9lives", "such as 'lives'"),
        ("", "hyphens between them"),
        ("é", "hyphens between them"),
    ],
)
def test_a_bad_name_is_refused_with_a_better_one(name, hint, tmp_path):
    text = refusal(name, tmp_path)

    assert "is no name of a plugin" in text
    assert text.endswith(hint)
    assert [] == list(tmp_path.iterdir())


def test_the_name_of_an_installed_plugin_is_refused(tmp_path):
    assert "'keyless' is the name of an installed plugin" in refusal("keyless", tmp_path)


@pytest.mark.parametrize("name", ["json", "class", "attrs", "apim-sdk"])
def test_a_name_that_would_hide_a_module_is_refused(name, tmp_path):
    assert f"take a longer name, such as '{name}-policy'" in refusal(name, tmp_path)


def test_a_folder_that_exists_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "my-policy").mkdir()
    (tmp_path / "my-policy" / "notes").write_text("keep me")

    assert "'my-policy' exists already" in refusal("my-policy", tmp_path)
    assert ["notes"] == [path.name for path in (tmp_path / "my-policy").iterdir()]


def test_the_command_makes_a_policy_in_the_working_folder_and_says_what_to_do_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert 0 == command_line("plugin", "my-policy")
    assert "class MyPolicy(Policy)" in (tmp_path / "my-policy" / "my_policy.py").read_text()
    assert "pip install -e my-policy" in capsys.readouterr().out


def test_the_command_fails_with_one_line_that_says_why(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert 1 == command_line("plugin", "MyPolicy")
    assert "apim new plugin: 'MyPolicy' is no name of a plugin" in capsys.readouterr().err


def test_a_kind_without_a_template_is_refused(capsys):
    with pytest.raises(SystemExit):
        command_line("plugin", "my-policy", "--kind", "importer")

    assert "invalid choice: 'importer'" in capsys.readouterr().err
