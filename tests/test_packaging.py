"""The wheels hold what they need, and each domain works alone, in an environment with nothing else."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = os.environ.get("UV", "uv")
PLUGINS = ("claims", "iot", "transactions")


def run(*command, **options):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build the wheels of core and of every plugin."""
    folder = tmp_path_factory.mktemp("wheels")
    run(UV, "build", "--all-packages", "--wheel", "--python", sys.executable, "--out-dir", folder, cwd=ROOT)
    return folder


def only_wheel(folder, distribution):
    """Find a wheel by its distribution's name."""
    (wheel,) = folder.glob(f"{distribution}-[0-9]*.whl")
    return wheel


def contents(folder, distribution):
    with zipfile.ZipFile(only_wheel(folder, distribution)) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_of_core_holds_the_kernel_and_the_data(wheels):
    names = contents(wheels, "riskloom")
    source = ROOT / "core" / "src"
    shipped = {
        path.relative_to(source).as_posix()
        for path in (source / "riskloom").rglob("*")
        if path.is_file() and path.suffix not in {".pyc"}
    }
    assert shipped <= names
    assert {"riskloom/stream/jars/riskloom-kernel.jar", "riskloom/py.typed"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


@pytest.mark.parametrize("name", PLUGINS)
def test_the_wheel_of_a_plugin_holds_schema_types_and_licence(wheels, name):
    names = contents(wheels, f"riskloom_{name}")
    assert {f"riskloom_{name}/schema.avsc", f"riskloom_{name}/py.typed"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


@pytest.fixture(scope="module")
def scripts(wheels, tmp_path_factory):
    """Make an environment with core and nothing else of ours: Spark's gigabyte is installed once."""
    folder = tmp_path_factory.mktemp("alone")
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]["constraint-dependencies"]
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins))
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    # By its address: a released version of the same name must not take its place.
    core = f"riskloom[testing] @ {only_wheel(wheels, 'riskloom').as_uri()}"
    run(UV, "pip", "install", "--quiet", "--python", scripts / "python", "--constraint", constraints, core)
    return scripts


@pytest.fixture(params=PLUGINS)
def plugin(request, wheels, scripts):
    """Install one plugin for the time of a test."""
    name = f"riskloom-{request.param}"
    wheel = f"{name} @ {only_wheel(wheels, name.replace('-', '_')).as_uri()}"
    run(UV, "pip", "install", "--quiet", "--python", scripts / "python", wheel)
    yield request.param
    run(UV, "pip", "uninstall", "--quiet", "--python", scripts / "python", name)


def test_a_plugin_works_alone(plugin, scripts, tmp_path):
    clean = {
        variable: value for variable, value in os.environ.items() if not variable.startswith(("PYTHON", "VIRTUAL"))
    }
    listed = json.loads(run(scripts / "riskloom", "domains", "list", "--json", cwd=tmp_path, env=clean))
    assert [domain["name"] for domain in listed["domains"]] == [plugin]
    assert listed["problems"] == []
    (tmp_path / "test_domain.py").write_text(
        f"from riskloom.testing import DomainSuite\n\n\nclass TestDomain(DomainSuite):\n    domain = {plugin!r}\n"
    )
    clean["RISKLOOM_HOME"] = str(tmp_path / "home")
    assert "15 passed" in run(scripts / "python", "-m", "pytest", "-q", "test_domain.py", cwd=tmp_path, env=clean)
    make = (
        f"import riskloom_{plugin}.plugin as plugin, importlib, numpy\n"
        "module, _, factory = plugin.riskloom_event_domain().generator.partition(':')\n"
        "generator = getattr(importlib.import_module(module), factory)(seed=1)\n"
        "print(generator.batch(1_760_000_000_000 + numpy.arange(100)).num_rows)"
    )
    assert run(scripts / "python", "-c", make, cwd=tmp_path, env=clean) == "100\n"
