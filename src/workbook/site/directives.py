"""The book's own directives: pages made from the course's files, so that they cannot differ from them."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.parsers import Parser
from sphinx.util.docutils import SphinxDirective

from workbook.authored import authored
from workbook.checking.exercise import exercises_of
from workbook.course import Course
from workbook.questions.bank import LETTERS, LEVELS, Option, Question, load, plain
from workbook.questions.shown import verdict

if TYPE_CHECKING:
    from lakehouse.sources import Column, Defect, Table

DESCRIPTION = 160
DIAGRAM = re.compile(r"book/images/[^/]+\.svg$")
TRY_FIRST = "Try the exercise first: a solution that you have read is one that you can no longer find for yourself."

# Derived file, source, command; the page "Contributing" shows it.
DERIVED = (
    ("exercises/<stem>.ipynb", "solutions/<stem>.py", "make sync"),
    ("solutions/<stem>.ipynb", "solutions/<stem>.py", "make sync"),
    ("chapters/<stem>.ipynb", "chapters/<stem>.md", "make sync"),
    ("environment.yml", "requirements.lock", "make sync"),
    ("work/<stem>.ipynb", "exercises/<stem>.ipynb", "make start, workbook update"),
    ("book/status.json", "a full run of the tests", "make test-full"),
    ("_build/html/", "book/, chapters/, solutions/, _config.yml, _toc.yml", "make site"),
)


class CourseDirective(SphinxDirective):
    """A directive that reads the course that is being built."""

    @property
    def course(self) -> Course:
        return Course(Path(self.env.srcdir))


class InterviewTopics(CourseDirective):
    """A table of the topics, with a link to the questions of each and their numbers by level."""

    def run(self) -> list[nodes.Node]:
        rows = []
        for stem in self.course.stems:
            levels = [question.level for question in load(self.course, stem)]
            link = nodes.reference("", chapter_title(self.course, stem), refuri=f"questions/{stem}.html", internal=True)
            rows.append([[link], *([nodes.Text(str(levels.count(level)))] for level in LEVELS)])
        return [table(["Topic", *(level.capitalize() for level in LEVELS)], rows)]


class BankParser(Parser):
    """A page of questions, made from a file of the bank: with a control to choose by level."""

    supported = ("questions",)

    def parse(self, text: str, document: nodes.document) -> None:
        course, stem = Course(Path(self.env.srcdir)), PurePath(self.env.docname).name
        questions = load(course, stem)
        section = nodes.section(ids=[f"questions-{stem[:2]}"])
        section += nodes.title(text=f"Questions: {chapter_title(course, stem)}")
        section += nodes.paragraph(text=f"{len(questions)} questions. Answer each aloud, then unfold.")
        section += [_html(_control()), *map(_question, questions)]
        document += section


def _control() -> str:
    levels = "".join(f'<option value="{level}">{level.capitalize()}</option>' for level in LEVELS)
    return (
        '<form class="wb-filter" hidden>'
        f'<label>Level <select name="level"><option value="">All levels</option>{levels}</select></label>'
        '<p role="status"></p></form>'
    )


def _question(question: Question) -> nodes.container:
    box = nodes.container(classes=["wb-question", f"wb-level-{question.level}"], ids=[f"question-{question.id}"])
    label = nodes.paragraph(classes=["wb-label"])
    label += nodes.Text(f"{question.level.capitalize()} · objective {question.objective}")
    several = " (More than one is right.)" if len(question.right) > 1 else ""
    box += [label, *_paragraphs(question.text + several)]
    if question.code:
        box += nodes.literal_block(question.code, question.code, language="python")
    box += _bullets([f"{letter}. {item}" for letter, item in zip(LETTERS, question.items, strict=False)])
    if question.kind != "numeric":
        items = (nodes.list_item("", *_offered(question, option)) for option in question.options)
        box += nodes.bullet_list("", *items)
    box += _html(f"<details><summary>Answer<span class='visually-hidden'> of {question.id}</span></summary>")
    for option in question.options:
        first, *rest = _offered(question, option)
        first.insert(0, nodes.strong(text=f"{verdict(option)}: "))
        first["classes"].append("wb-option")
        box += [first, *rest, *_paragraphs(option.because)]
    if question.source:
        box += nodes.paragraph("", "", nodes.reference("", "Documentation", refuri=question.source))
    box += _html("</details>")
    return box


def _offered(question: Question, option: Option) -> list[nodes.paragraph]:
    """An option as paragraphs; of what a program might print, one a line."""
    if question.kind != "predict-output":
        return _paragraphs(option.text)
    return [nodes.paragraph("", "", nodes.literal(text=line)) for line in plain(option.text).splitlines()]


def _bullets(texts: list[str]) -> list[nodes.Node]:
    if not texts:
        return []
    return [nodes.bullet_list("", *(nodes.list_item("", *_paragraphs(text)) for text in texts))]


def _paragraphs(text: str, *classes: str) -> list[nodes.paragraph]:
    """Markdown-light as paragraphs: `code` and **strong**."""
    return [nodes.paragraph("", "", *_inline(part), classes=list(classes)) for part in text.split("\n\n")]


def _inline(text: str) -> Iterator[nodes.Node]:
    for part in re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", " ".join(text.split())):
        if part.startswith("`"):
            yield nodes.literal(text=part.strip("`"))
        elif part.startswith("**"):
            yield nodes.strong(text=part.strip("*"))
        elif part:
            yield nodes.Text(part)


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


class ExercisesByChapter(CourseDirective):
    """A section a chapter: how to open its exercises, and a table of them with links to the solutions."""

    def run(self) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for stem in self.course.stems:
            if self.course.solution_source(stem).is_file():
                found.append(self._chapter(stem))
        return found or [nodes.paragraph(text="There are no exercises yet.")]

    def _chapter(self, stem: str) -> nodes.section:
        section = nodes.section(ids=[f"exercises-{stem[:2]}"])
        section += nodes.title(text=f"{int(stem[:2])}. {chapter_title(self.course, stem)}")
        section += _paragraphs(
            f"Open `work/{stem}.ipynb` in JupyterLab. Check all of it with `workbook check {stem[:2]}`."
        )
        objectives = self.course.objectives(stem) if self.course.chapter_source(stem).is_file() else {}
        solved = f"solutions/{stem}" in self.env.found_docs
        rows = []
        for number, title, objective in exercises(self.course, stem):
            name: list[nodes.Node] = [nodes.Text(f"{number} · {title}")]
            if solved:
                address = f"../solutions/{stem}.html#{_anchor(number, title)}"
                name = [nodes.reference("", f"{number} · {title}", refuri=address, internal=True)]
            rows.append([name, list(_inline(f"{objective} {objectives.get(objective, '')}".strip()))])
        section += table(["Exercise, with its solution folded", "Objective"], rows)
        return section


def exercises(course: Course, stem: str) -> list[tuple[str, str, str]]:
    """Number, title and objective of each exercise of a chapter; the objective is empty where none is checked yet."""
    checks = exercises_of(course, stem) if course.checks(stem).is_file() else []
    objectives = {exercise.name: exercise.objective for exercise in checks}
    return [(item.number, item.title, objectives.get(item.name, "")) for item in authored(course, stem)]


def _anchor(number: str, title: str) -> str:
    """The anchor of an exercise's heading on the page of solutions, as docutils makes it."""
    return str(nodes.make_id(f"Exercise {number} · {title}"))


class DerivedFiles(CourseDirective):
    """The table: derived file, its source, the command that makes it."""

    def run(self) -> list[nodes.Node]:
        rows = [
            [list(_inline(f"`{derived}`")), list(_inline(source)), list(_inline(f"`{command}`"))]
            for derived, source, command in DERIVED
        ]
        return [table(["Derived file", "Source", "Command"], rows)]


class CourseStatus(CourseDirective):
    """What the last full run found: versions, and each notebook's time and result."""

    def run(self) -> list[nodes.Node]:
        return status(self.course.root / "book" / "status.json")


def status(path: Path) -> list[nodes.Node]:
    """The date, the versions and the notebooks of the file, or a sentence that says that there is none."""
    if not path.is_file():
        return [nodes.paragraph(text="There was no full run yet: make test-full makes one.")]
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    versions = [[[nodes.Text(name)], [nodes.Text(version)]] for name, version in found["versions"].items()]
    notebooks = [
        [[nodes.literal(text=run["path"])], [nodes.Text(f"{run['seconds']:.0f} s")], [nodes.Text(run["result"])]]
        for run in found["notebooks"]
    ]
    return [
        nodes.paragraph(text=f"Last full run: {found['date']}."),
        table(["Part", "Version"], versions),
        table(["Notebook", "Time", "Result"], notebooks),
    ]


class DataDictionary(CourseDirective):
    """Every table of the course's data, from the declarations that make it: facts, columns, planted defects."""

    def run(self) -> list[nodes.Node]:
        from lakehouse.sources import dictionary

        return [_described(declared) for declared in dictionary()]


def _described(declared: "Table") -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(f"table-{declared.name}")])
    section += nodes.title(text=declared.name)
    section += _paragraphs(
        f"**Source:** {declared.source}; {declared.delivered}.\n\n"
        f"**Grain:** {declared.grain}.\n\n**Key:** {', '.join(f'`{name}`' for name in declared.key)}."
    )
    columns = [
        [[nodes.literal(text=column.name)], [nodes.Text(_type(column))], list(_inline(_meaning(column)))]
        for column in declared.columns
    ]
    section += table(["Column", "Type", "Meaning"], columns)
    section += _paragraphs("What is planted, and how often on the first day that has it, at scale 1:")
    planted = [
        [
            [nodes.literal(text=defect.name)],
            [nodes.literal(text=defect.column)] if defect.column else [nodes.Text("the line")],
            list(_inline(defect.meaning)),
            [nodes.Text(str(_planted(declared.name, defect)))],
            [nodes.Text(f"{defect.first_day}–{defect.last_day}")],
        ]
        for defect in declared.defects
    ]
    section += table(["Name", "Column", "Meaning", "Count", "Days"], planted)
    return section


def _type(column: "Column") -> str:
    kinds = [_kind(str(column.type)), *(f"{_kind(str(t))} from day {d}" for d, t in sorted(column.later_types.items()))]
    return ", ".join(kinds) + (", nullable" if column.nullable else "")


def _kind(arrow: str) -> str:
    """The name of an Arrow type as Spark has it."""
    names = {"int64": "bigint", "bool": "boolean", "date32[day]": "date"}
    return names.get(arrow, re.sub(r"^timestamp.*", "timestamp", arrow).replace("decimal128", "decimal"))


def _meaning(column: "Column") -> str:
    since = f" Delivered from day {column.since} on." if column.since else ""
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.meaning}{unit}.{since}"


def _planted(name: str, defect: "Defect") -> int:
    from lakehouse.sources import Shop

    manifest = Shop().manifest(defect.first_day)
    return next((entry.count for entry in manifest if (entry.table, entry.name) == (name, defect.name)), 0)


def table(head: list[str], rows: list[list[list[nodes.Node]]]) -> nodes.container:
    """A table of cells, each a list of inline nodes, in a box that scrolls on a narrow screen."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    titles = nodes.row()
    titles += [nodes.entry("", nodes.paragraph(text=title)) for title in head]
    body = nodes.tbody()
    for cells in rows:
        row = nodes.row()
        row += [nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells]
        body += row
    group += [nodes.thead("", titles), body]
    return nodes.container("", nodes.table("", group), classes=["wb-table"])


def chapter_title(course: Course, stem: str) -> str:
    """The title of a chapter; made from its stem as long as the chapter is not written."""
    if course.chapter_source(stem).is_file():
        return course.title(stem)
    return stem[3:].replace("_", " ").capitalize()


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Give the page a description for search engines: its first paragraph, or the book's title."""
    first = next((node.astext() for node in doctree.findall(nodes.paragraph)), "") if doctree else ""
    text = " ".join(first.split()) or f"{page.capitalize()} in the {app.config.html_title}"
    short = text if len(text) <= DESCRIPTION else text[: DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
    context["metatags"] = context.get("metatags", "") + f'<meta name="description" content="{html.escape(short)}" />'


def warn_of_solutions(app: Sphinx, doctree: nodes.document) -> None:
    """Warn on each page of solutions, as a search may lead right to it, and say what is folded there."""
    if not app.env.docname.startswith("solutions/"):
        return
    title = next(iter(doctree.findall(nodes.title)))
    title.parent.insert(title.parent.index(title) + 1, nodes.warning("", nodes.paragraph(text=TRY_FIRST)))
    for cell in doctree.findall(nodes.container):
        if "prompt_show" in cell:
            cell["prompt_show"], cell["prompt_hide"] = "Show the solution", "Hide the solution"


def inline_diagrams(app: Sphinx, doctree: nodes.document) -> None:
    """Put the book's own SVG diagrams into the page itself, so that they take the colours of its theme.

    An image is cut off from the page's style sheet. The title and the description are those of the file.
    """
    for image in list(doctree.findall(nodes.image)):
        if DIAGRAM.match(image["uri"]):
            svg = (Path(app.srcdir) / image["uri"]).read_text(encoding="utf-8")
            image.replace_self(_html(svg.replace("<svg ", '<svg class="wb-diagram" ', 1)))


def name_folds(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Let a folded cell be named by what it shows, which is what people say to a computer that listens.

    MyST-NB gives each the same other name.
    """
    named = '<summary aria-label="Toggle hidden content">'
    context["body"] = context.get("body", "").replace(named, "<summary>")


def defer_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let a page show before its scripts run. Not the options, which the page reads at once, nor any of the search."""
    for script in context["script_files"]:
        # Sphinx hands the same objects to each page, so both cases are set.
        if page == "search" or not script.filename or script.filename.endswith("documentation_options.js"):
            script.attributes.pop("defer", None)
        else:
            script.attributes["defer"] = "defer"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives with Sphinx."""
    app.add_directive("interview-topics", InterviewTopics)
    app.add_source_suffix(".yml", "questions")
    app.add_source_parser(BankParser)
    app.add_directive("exercises-by-chapter", ExercisesByChapter)
    app.add_directive("derived-files", DerivedFiles)
    app.add_directive("course-status", CourseStatus)
    app.add_directive("data-dictionary", DataDictionary)
    app.connect("doctree-read", warn_of_solutions)
    app.connect("doctree-read", inline_diagrams, priority=900)  # once the paths of images are known
    app.connect("html-page-context", describe)
    app.connect("html-page-context", name_folds)
    app.connect("html-page-context", defer_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
