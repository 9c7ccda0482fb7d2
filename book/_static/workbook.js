// Two things that HTML alone cannot do: reach a table that scrolls by keyboard, and choose among the questions.

function reachScrollable() {
  document.querySelectorAll(".pst-scrollable-table-container, .cell_output, pre").forEach(function (box) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  });
}

function chooseQuestions() {
  var form = document.querySelector("form.wb-filter");
  if (!form) return;
  form.hidden = false;
  function choose() {
    var level = form.level.value, shown = 0;
    document.querySelectorAll(".wb-question").forEach(function (question) {
      question.hidden = Boolean(level) && !question.classList.contains("wb-level-" + level);
      if (!question.hidden) shown += 1;
    });
    form.querySelector("[role=status]").textContent = shown + (shown === 1 ? " question" : " questions");
  }
  form.addEventListener("change", choose);
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  choose();
}

document.addEventListener("DOMContentLoaded", chooseQuestions);
window.addEventListener("load", reachScrollable);
window.addEventListener("resize", reachScrollable);
