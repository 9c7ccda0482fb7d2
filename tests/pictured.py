"""What every picture must be, for the tests of pictures."""

from xml.etree import ElementTree

from workbook.pictures import Picture

SVG = "http://www.w3.org/2000/svg"


def is_sound(picture: Picture) -> None:
    """It is valid XML, has a name and a description, needs no script and no network, and no small text."""
    root = ElementTree.fromstring(picture.svg)
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{{{SVG}}}title") == picture.title
    assert root.findtext(f"{{{SVG}}}desc") == picture.description
    page = ElementTree.fromstring(picture._repr_html_())
    assert page.find("div[@tabindex='0']").attrib["aria-label"] == picture.title
    assert page.findtext(".//details/pre") == picture.text
    rest = picture._repr_html_().replace(f'xmlns="{SVG}"', "")
    assert not [word for word in ("http", "src=", "href=", "url(", "@import", "<script", " id=") if word in rest]


def texts(picture: Picture) -> list[str]:
    """The lines of text that are drawn, in their order."""
    return [text.text or "" for text in ElementTree.fromstring(picture.svg).iter(f"{{{SVG}}}text")]
