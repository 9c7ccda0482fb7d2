"""The drawn diagrams of the lessons: readable on a telephone, described, and in the colours of the page."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
SVG = "{http://www.w3.org/2000/svg}"
DIAGRAMS = sorted((ROOT / "book" / "images").glob("*.svg"))
NARROWEST = 328  # what a page of 360 pixels leaves for its text


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_a_diagram_is_named_and_described_by_its_own_elements(path: Path) -> None:
    root = ElementTree.parse(path).getroot()
    title, description = root.findall(f"{SVG}title") + root.findall(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text and len(description.text or "") > 100


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_no_text_is_smaller_than_twelve_pixels_on_a_telephone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    width = float(ElementTree.fromstring(text).get("viewBox", "").split()[2])
    sizes = [float(size) for size in re.findall(r"(?:font|font-size): ([\d.]+)px", text)]
    assert sizes and min(sizes) * NARROWEST / width >= 12


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_every_colour_is_one_of_the_theme(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    colours = re.findall(r"(?:fill|stroke)(?:: |=\")([^;\"]+)", text)
    assert [colour for colour in colours if not colour.startswith(("var(--pst-color-", "none"))] == []


def test_no_two_diagrams_share_an_id() -> None:
    ids = [found for path in DIAGRAMS for found in re.findall(r' id="([^"]+)"', path.read_text(encoding="utf-8"))]
    assert len(ids) == len(set(ids)) > 0


def test_a_diagram_becomes_part_of_the_page_and_other_images_stay(tmp_path: Path) -> None:
    (tmp_path / "book" / "images").mkdir(parents=True)
    (tmp_path / "book" / "images" / "01_a.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><desc>Ours</desc></svg>'
    )
    (tmp_path / "other.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><desc>Theirs</desc></svg>')
    (tmp_path / "index.md").write_text("# Page\n\n![ours](book/images/01_a.svg)\n\n![theirs](other.svg)\n")
    settings = {"extensions": ["myst_parser", "workbook.site.directives"], "html_theme": "basic"}
    folders = (str(tmp_path), None, str(tmp_path / "out"), str(tmp_path / "trees"))
    Sphinx(*folders, "html", settings, status=None).build()
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert '<svg class="wb-diagram" xmlns="http://www.w3.org/2000/svg"><desc>Ours</desc></svg>' in page
    assert "Theirs" not in page and '<img alt="theirs"' in page
