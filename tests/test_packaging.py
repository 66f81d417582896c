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


def contents(folder, distribution):
    (wheel,) = folder.glob(f"{distribution}-[0-9]*.whl")
    with zipfile.ZipFile(wheel) as archive:
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


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_works_alone(wheels, tmp_path, name):
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]["constraint-dependencies"]
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(pins))
    environment = tmp_path / "venv"
    run(UV, "venv", "--quiet", "--python", sys.executable, environment)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    # From the folder alone come riskloom's own: a released version of the same name must not take their place.
    own = [f"riskloom[testing] @ {next(wheels.glob('riskloom-[0-9]*.whl')).as_uri()}"]
    own += [f"riskloom-{name} @ {next(wheels.glob(f'riskloom_{name}-[0-9]*.whl')).as_uri()}"]
    run(UV, "pip", "install", "--quiet", "--python", python, "--constraint", constraints, *own)
    clean = {
        variable: value for variable, value in os.environ.items() if not variable.startswith(("PYTHON", "VIRTUAL"))
    }
    listed = json.loads(run(scripts / "riskloom", "domains", "list", "--json", cwd=tmp_path, env=clean))
    assert [domain["name"] for domain in listed["domains"]] == [name]
    assert listed["problems"] == []
    (tmp_path / "test_domain.py").write_text(
        f"from riskloom.testing import DomainSuite\n\n\nclass TestDomain(DomainSuite):\n    domain = {name!r}\n"
    )
    clean["RISKLOOM_HOME"] = str(tmp_path / "home")
    assert "15 passed" in run(python, "-m", "pytest", "-q", "test_domain.py", cwd=tmp_path, env=clean)
    make = (
        f"import riskloom_{name}.plugin as plugin, importlib, numpy\n"
        "module, _, factory = plugin.riskloom_event_domain().generator.partition(':')\n"
        "generator = getattr(importlib.import_module(module), factory)(seed=1)\n"
        "print(generator.batch(1_760_000_000_000 + numpy.arange(100)).num_rows)"
    )
    assert run(python, "-c", make, cwd=tmp_path, env=clean) == "100\n"
