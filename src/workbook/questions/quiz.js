// What jupyterquiz leaves to do: real buttons, labels, an announced outcome, and every option explained after a right answer.
// These names shadow the page's own, so that nothing is fetched and nothing is logged.
var MathJax, console = { log: function () {}, error: function () {} };

function workbookButton(label) {
  var button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  while (label.firstChild) button.appendChild(label.firstChild);
  var radio = button.querySelector("input");
  if (radio) radio.remove();
  label.appendChild(button);
}

function workbookNumber(wrapper) {
  var old = wrapper.querySelector("input.Input-text");
  if (!old) return;
  // A copy has none of the listeners that empty the field on focus and refuse a paste.
  var input = old.cloneNode(true);
  old.replaceWith(input);
  input.inputMode = "decimal";
  input.autocomplete = "off";
  var label = wrapper.querySelector("label.InpLabel");
  label.htmlFor = input.id;
  label.textContent = "Your number";
  var button = document.createElement("button");
  button.type = "button";
  button.textContent = "Check";
  function answer() {
    check_numeric(input, { keyCode: 13 });
    input.focus();
  }
  button.onclick = answer;
  input.onkeydown = function (event) {
    if (event.key === "Enter") { event.preventDefault(); answer(); workbookOutcome(wrapper); }
  };
  input.after(button);
}

function workbookOutcome(wrapper) {
  wrapper.querySelectorAll("label.MCButton").forEach(function (label) {
    var chosen = label.classList.contains("correctButton") || label.classList.contains("incorrectButton");
    label.querySelector("button").setAttribute("aria-pressed", String(chosen));
  });
  var feedback = wrapper.querySelector(".Feedback");
  var counted = feedback.dataset.numcorrect > 1;
  var right = counted ? feedback.dataset.answeredcorrect === feedback.dataset.numcorrect : feedback.classList.contains("correct");
  if (right) wrapper.nextElementSibling.hidden = false;
}

function workbookImprove(wrapper, explained) {
  var question = wrapper.firstElementChild.firstElementChild;
  wrapper.setAttribute("role", "group");
  wrapper.setAttribute("aria-labelledby", question.id);
  var feedback = wrapper.querySelector(".Feedback");
  feedback.setAttribute("role", "status");
  wrapper.querySelectorAll("label.MCButton").forEach(workbookButton);
  workbookNumber(wrapper);
  explained.hidden = true;
  wrapper.after(explained);
  wrapper.addEventListener("click", function () { workbookOutcome(wrapper); });
}

window.workbookShowQuizzes = function () {
  while (window.workbookQuizzes && window.workbookQuizzes.length) {
    var next = window.workbookQuizzes.shift(), place = next[0];
    var explained = Array.from(place.querySelectorAll(".workbook-question > details"));
    place.querySelectorAll(".workbook-question").forEach(function (element) { element.remove(); });
    Object.assign(place.dataset, { shufflequestions: "False", shuffleanswers: "False", maxwidth: "720" });
    show_questions(next[1], place);
    place.querySelectorAll(".Quiz").forEach(function (wrapper, index) { workbookImprove(wrapper, explained[index]); });
  }
};
window.workbookShowQuizzes();
