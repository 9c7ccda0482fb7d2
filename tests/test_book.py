"""The site, driven in a real browser: what a reader can see, reach, press and find."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from urllib.parse import urldefrag, urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, Request

from conftest import COURSE
from lakehouse.sources import dictionary
from workbook.course import Course
from workbook.errors import CourseError
from workbook.questions import bank
from workbook.site.build import build
from workbook.site.directives import status
from workbook.site.serve import serving

MOST_BYTES = 300_000
WIDTHS = (1280, 360)  # at which axe looks at the pages
# Of WCAG 2.2, levels A and AA, and what else is known to help.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# A rule of level A too (2.5.3, Label in Name), which axe leaves out unless it is named.
BY_NAME = "label-content-name-mismatch"
QUIZ = "chapters/01_environment_setup.html"


@dataclass
class Site:
    """The built site: its folder, its address while the tests run, and its pages as paths from the root."""

    folder: Path
    address: str
    pages: list[str] = field(default_factory=list)

    def html(self, page: str) -> BeautifulSoup:
        return BeautifulSoup((self.folder / page).read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="session")
def book(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of this repository, built once and served on a free port."""
    folder = build(course.root, tmp_path_factory.mktemp("site") / "html")
    pages = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html") if "_static" not in path.parts)
    pages.remove("index.html")  # leads on to the landing page
    with serving(folder) as address:
        yield Site(folder, address, pages)


@pytest.fixture
def page(browser: Browser, book: Site) -> Iterator[Page]:
    """An empty tab of a wide window; addresses are paths from the site's root."""
    context = browser.new_context(base_url=book.address, viewport={"width": 1280, "height": 800}, color_scheme="light")
    yield context.new_page()
    context.close()


def about(page: str) -> str:
    """The stem that a page belongs to; empty for the pages around the lessons."""
    return PurePath(page).stem if page.startswith(("chapters/", "exercises/", "solutions/")) else ""


def check_by_axe(browser: Browser, book: Site, stem: str, width: int) -> None:
    """Look at all pages that belong to a stem."""
    # Less motion: colours that are still changing have no contrast that could be measured.
    size = {"width": width, "height": 800}
    context = browser.new_context(base_url=book.address, viewport=size, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    pages, found = [name for name in book.pages if about(name) == stem], {}
    assert pages
    for name in pages:
        page.goto(name)
        found[name, "light"] = _axe(page)
        # A theme changes colours and nothing else; a small screen changes places and no colour.
        if width > 360:
            page.emulate_media(color_scheme="dark")
            page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
            found[name, "dark"] = _axe(page, "color-contrast", "link-in-text-block")
            page.emulate_media(color_scheme="light")
    context.close()
    assert {place: faults for place, faults in found.items() if faults} == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_on_any_page_around_the_lessons_in_either_theme(
    browser: Browser, book: Site, width: int
) -> None:
    check_by_axe(browser, book, "", width)


@pytest.mark.slow_proof("pages")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("stem", COURSE.stems)
def test_axe_finds_nothing_on_any_page_of_a_lesson_in_either_theme(
    browser: Browser, book: Site, stem: str, width: int
) -> None:
    check_by_axe(browser, book, stem, width)


def _axe(page: Page, *rules: str) -> list[tuple[str, str]]:
    """What axe finds on the page, by all rules or by these: rule and place."""
    every = {"runOnly": {"type": "tag", "values": RULES}, "rules": {BY_NAME: {"enabled": True}}}
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else every)}
    violations = Axe().run(page, options=options).response["violations"]
    return [(fault["id"], node["html"][:120]) for fault in violations for node in fault["nodes"]]


def test_no_page_is_wider_than_a_small_screen(browser: Browser, book: Site) -> None:
    context = browser.new_context(base_url=book.address, viewport={"width": 360, "height": 800})
    page = context.new_page()
    wide = []
    for name in book.pages:
        page.goto(name)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(name)
    context.close()
    assert wide == []


def test_no_page_asks_another_host_or_reports_an_error_or_weighs_too_much(page: Page, book: Site) -> None:
    requests: list[Request] = []
    errors: list[str] = []
    page.on("requestfinished", lambda request: requests.append(request))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    _forget_what_was_loaded(page)
    heavy = {}
    for name in [*book.pages, "search.html?q=table", "index.html"]:  # last, because it leads on by itself
        requests.clear()
        page.goto(name, wait_until="networkidle")
        sent = [request for request in requests if not request.url.startswith("data:")]
        assert {request.url for request in sent if not request.url.startswith(book.address)} == set(), name
        weight = sum(sum(request.sizes().values()) for request in sent)
        if weight > MOST_BYTES:
            heavy[name] = weight
    assert errors == []
    assert heavy == {}


def _forget_what_was_loaded(page: Page) -> None:
    """Let the browser load all of each page, as if it were the first."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})


def test_the_site_works_when_it_is_opened_from_disk(page: Page, book: Site) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((book.folder / "index.html").as_uri())
    page.wait_for_url("file://**/book/index.html")
    page.get_by_role("link", name="Interview preparation").first.click()
    page.locator("article").get_by_role("link", name="Environment setup").click()
    page.get_by_label("Level").select_option("associate")
    assert 0 < page.locator(".wb-question:visible").count() == page.locator(".wb-level-associate").count()
    page.goto((book.folder / QUIZ).as_uri())
    quiz = page.locator(".workbook-quiz .Quiz", has=page.locator(".MultipleChoiceQn")).first
    _buttons(quiz, right=True).click()
    assert quiz.get_by_role("status").inner_text().startswith("Right. ")
    assert errors == []


@pytest.mark.parametrize(
    "name", ["solutions/01_environment_setup.html", "book/questions/01_environment_setup.html", QUIZ]
)
def test_on_paper_everything_is_unfolded(page: Page, name: str) -> None:
    page.goto(name)
    folds = page.locator("article details")
    inner = folds.locator("> :not(summary)")
    assert inner.count() >= folds.count() > 0
    assert inner.first.is_hidden()
    page.emulate_media(media="print")
    assert [place.inner_text()[:60] for place in inner.all() if place.is_hidden()] == []
    scrolled = "boxes => boxes.filter(box => box.scrollHeight > box.clientHeight + 1).length"
    assert page.locator("article details pre").evaluate_all(scrolled) == 0


def test_every_internal_link_leads_to_a_page_and_an_anchor(book: Site) -> None:
    anchors = {name: {tag["id"] for tag in book.html(name).find_all(id=True)} for name in [*book.pages, "index.html"]}
    broken = []
    for name in book.pages:
        for link in book.html(name).find_all("a", href=True):
            target, anchor = urldefrag(urljoin(f"/{name}", link["href"]))
            if re.match(r"[a-z]+:", link["href"]):
                continue
            target = target.lstrip("/")
            known = anchors.get(target, set() if (book.folder / target).is_file() else None)
            if known is None or (anchor and anchor not in known):
                broken.append((name, link["href"]))
    assert broken == []


def test_every_page_has_a_title_a_description_and_a_language(book: Site) -> None:
    for name in book.pages:
        html = book.html(name)
        assert html.title and html.title.text.strip(), name
        assert html.find("meta", attrs={"name": "description"})["content"].strip(), name
        assert html.html["lang"] == "en", name
        assert html.find("link", rel="icon")["href"].endswith("favicon.svg"), name


def test_the_root_leads_to_the_landing_page_that_says_how_to_start(page: Page) -> None:
    page.goto("index.html")
    page.wait_for_url("**/book/index.html")
    assert page.get_by_role("heading", level=1).inner_text() == "Lakehouse Workbook"
    start = page.locator("article").get_by_text("make start").first.bounding_box()
    assert start and start["y"] + start["height"] < 800


def test_the_button_switches_the_theme(page: Page) -> None:
    page.goto("book/index.html")
    seen = set()
    for _ in range(3):
        page.locator("button.theme-switch-button").click()
        seen.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(seen) == 2


def test_the_keyboard_reaches_the_skip_link_first_and_the_search(page: Page) -> None:
    page.goto("book/index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    page.wait_for_url("**#main-content")
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.id") == "search-input"
    page.keyboard.type("executor")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=executor")


def test_the_search_finds_a_word_of_the_glossary(page: Page) -> None:
    page.goto("search.html?q=quarantine")
    result = page.locator("ul.search li a", has_text="Glossary").first
    result.wait_for()
    result.click()
    assert "book/glossary.html" in page.url
    assert "quarantine" in page.locator("article").inner_text().lower()


# The quiz of chapter 1.


def _choice(page: Page):
    """The first question of the chapter with one right option."""
    page.goto(QUIZ)
    quiz = page.locator(".workbook-quiz .Quiz", has=page.locator(".MultipleChoiceQn")).first
    quiz.wait_for()
    return quiz


def _buttons(quiz, right: bool):
    return quiz.locator(f"label[data-correct={str(right).lower()}] button")


def test_a_wrong_option_shows_why_and_tells_a_screen_reader(page: Page) -> None:
    quiz = _choice(page)
    _buttons(quiz, right=False).first.click()
    assert quiz.get_by_role("status").inner_text().startswith("Not right. ")
    assert len(quiz.get_by_role("status").inner_text()) > len("Not right. ") + 20
    assert _buttons(quiz, right=False).first.get_attribute("aria-pressed") == "true"
    assert quiz.locator("xpath=following-sibling::details[1]").is_hidden()


def test_the_right_option_opens_the_explanation_of_every_option(page: Page) -> None:
    quiz = _choice(page)
    _buttons(quiz, right=True).click()
    assert quiz.get_by_role("status").inner_text().startswith("Right. ")
    explained = quiz.locator("xpath=following-sibling::details[1]")
    explained.locator("summary").click()
    assert explained.locator("li:visible").count() == quiz.locator("label").count()


def test_a_quiz_is_answered_by_keyboard(page: Page) -> None:
    quiz = _choice(page)
    _buttons(quiz, right=False).first.focus()
    page.keyboard.press("Space")
    assert quiz.get_by_role("status").inner_text().startswith("Not right. ")
    page.keyboard.press("Shift+Tab")
    for _ in range(quiz.get_by_role("button").count() + 1):
        if page.evaluate("document.activeElement.parentElement.dataset.correct") == "true":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert quiz.get_by_role("status").inner_text().startswith("Right. ")


def test_a_question_is_a_group_named_by_its_text(page: Page) -> None:
    quiz = _choice(page)
    asked = quiz.locator("> div").first.inner_text().splitlines()[0]
    assert page.get_by_role("group", name=asked).count() == 1


def test_a_number_is_checked_by_button_and_by_enter(page: Page) -> None:
    page.goto(QUIZ)
    quiz = page.locator(".workbook-quiz .Quiz", has=page.locator(".NumericQn")).first
    quiz.wait_for()
    answers = quiz.locator("input").evaluate("input => JSON.parse(input.dataset.answers)")
    right = next(answer["value"] for answer in answers if answer.get("correct"))
    field_ = quiz.get_by_label("Your number")
    field_.fill("123456")
    quiz.get_by_role("button", name="Check").click()
    assert quiz.get_by_role("status").inner_text().startswith("Not right. ")
    field_.fill(str(right))
    field_.press("Enter")
    assert quiz.get_by_role("status").inner_text().startswith("Right. ")


def test_without_scripts_the_questions_unfold(browser: Browser, book: Site) -> None:
    context = browser.new_context(base_url=book.address, java_script_enabled=False)
    page = context.new_page()
    page.goto(QUIZ)
    question = page.locator(".workbook-quiz .workbook-question").first
    assert question.locator("details li").first.is_hidden()
    question.locator("summary").click()
    assert question.locator("details li").first.is_visible()
    context.close()


# The other pages.


def test_interview_questions_are_chosen_by_topic_and_level(page: Page, course: Course) -> None:
    levels = [question.level for question in bank.load(course, "02_data_ingestion")]
    page.goto("book/interview.html")
    page.locator("article").get_by_role("link", name="Data ingestion").click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Questions: Data ingestion")
    assert page.locator(".wb-question:visible").count() == len(levels)
    assert page.get_by_role("status").inner_text() == f"{len(levels)} questions"
    page.get_by_label("Level").select_option("interview")
    shown = levels.count("interview")
    assert page.locator(".wb-question.wb-level-interview:visible").count() == shown
    assert page.locator(".wb-question:visible").count() == shown
    assert page.get_by_role("status").inner_text() == f"{shown} questions"


def test_a_solution_is_shown_after_a_click_and_a_warning(page: Page) -> None:
    page.goto("book/exercises.html")
    page.locator("article a[href*='solutions/01']").first.click()
    assert "Try the exercise first" in page.locator("article .warning").inner_text()
    answer = page.locator("details.hide.above-input").first
    assert answer.locator("pre").first.is_hidden()
    answer.get_by_text("Show the solution").click()
    assert answer.locator("pre").first.is_visible()


def test_each_exercise_of_the_course_is_on_the_exercises_page(book: Site, course: Course) -> None:
    text = book.html("book/exercises.html").find("article").get_text().replace("’", "'")
    for stem in course.stems:
        headings = re.findall(
            r"^# ## Exercise (\d+\.\d+ · .+)$", course.solution_source(stem).read_text(), re.MULTILINE
        )
        assert headings
        assert [heading for heading in headings if heading not in text] == []


def test_the_data_page_describes_every_table_and_every_column(book: Site) -> None:
    article = book.html("book/data.html").find("article")
    assert article is not None
    names = {code.get_text() for code in article.find_all("code")}
    for declared in dictionary():
        assert article.find(id=f"table-{declared.name.replace('_', '-')}"), declared.name
        assert {column.name for column in declared.columns} | {defect.name for defect in declared.defects} <= names


def test_the_status_page_shows_versions_and_each_notebook(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    assert "no full run yet" in status(path)[0].astext()
    run = {"path": "chapters/01_environment_setup.ipynb", "seconds": 41.6, "result": "passed"}
    path.write_text(json.dumps({"date": "2026-02-03", "versions": {"Spark": "4.2.0"}, "notebooks": [run]}))
    text = " ".join(" ".join(node.astext().split()) for node in status(path))
    assert text == (
        "Last full run: 2026-02-03. Part Version Spark 4.2.0 "
        "Notebook Time Result chapters/01_environment_setup.ipynb 42 s passed"
    )


# The build.


def test_a_fault_in_a_page_stops_the_build_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: start\n", encoding="utf-8")
    (tmp_path / "_config.yml").write_text("title: A book\nonly_build_toc_files: true\n", encoding="utf-8")
    (tmp_path / "start.md").write_text("# Start\n\nSee [the end](nowhere.md).\n", encoding="utf-8")
    out = tmp_path / "out" / "html"
    out.mkdir(parents=True)
    (out / "index.html").write_text("the site of yesterday", encoding="utf-8")
    with pytest.raises(CourseError, match=r"start\.md:3: WARNING: .*nowhere"):
        build(tmp_path, out)
    assert (out / "index.html").read_text(encoding="utf-8") == "the site of yesterday"
    assert [path.name for path in out.parent.iterdir()] == ["html"]
