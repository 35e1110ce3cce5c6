"""The documentation is true: files exist, commands run, settings and links are real."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.script import ACTIONS

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    """Paths in back-ticks that look like ours, and relative links."""
    text = page.read_text()
    named = re.findall(r"`((?:protocol|firmware|gateway|central|simulator|deploy|tests|docs)/[\w./-]*)`", text)
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not (page.parent / link).exists()]
    assert missing == []


def test_the_commands_for_a_new_city_run(tmp_path: Path) -> None:
    """The block of operations.md, as it stands, ends with a check that finds no error."""
    block = re.search(r"## A new city\n\n```sh\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
    assert block is not None
    ring = [[-68.85, -32.93], [-68.84, -32.93], [-68.84, -32.92], [-68.85, -32.92], [-68.85, -32.93]]
    (tmp_path / "villa.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    for line in block[1].strip().splitlines():
        if line == "sereno-central check":
            settings = tmp_path / "central.toml"
            settings.write_text(settings.read_text().replace('process = "S01"', 'process = "devices/S01"'))
        done = subprocess.run(
            ["bash", "-c", f"{BIN}/{line}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"


def test_every_make_target_of_the_readme_exists() -> None:
    """And the two commands are among them."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text())) - {"and"}
    assert {"demo", "test", "check", "bench", "prove"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_every_action_of_a_drill_is_documented() -> None:
    """In operations.md, by its name."""
    text = (ROOT / "docs" / "operations.md").read_text()
    assert [action for action in ACTIONS if f"`{action}`" not in text] == []


def test_the_sample_settings_of_central_name_every_option() -> None:
    """Each option of the model stands in the printed sample with a comment above it."""
    from central.settings import SAMPLE, Settings

    lines = SAMPLE.splitlines()
    for name in Settings.model_fields:
        found = [index for index, line in enumerate(lines) if re.match(rf"#?{name} = ", line)]
        assert len(found) == 1, name
        assert lines[found[0] - 1].startswith("# "), name


def test_the_protocol_page_has_the_numbers_of_the_source() -> None:
    """Sizes of frames in docs/protocol.md are those that the code makes."""
    from protocol import countersign
    from protocol.messages import ACK, BEAT, COMMAND, HELLO, TIME

    text = (ROOT / "docs" / "protocol.md").read_text()
    for layout in (COMMAND, ACK, HELLO, TIME, BEAT):
        row = re.search(rf"^\| {layout.name}[ (].*$", text, re.MULTILINE)
        assert row is not None, layout.name
        assert f"| {layout.kind} |" in row[0]
        assert f"| {layout.size} |" in row[0]
    assert f"| {countersign.SIZE} |" in text
