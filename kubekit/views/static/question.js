
// A question: its answers are toggle buttons; the chosen one is pressed, and told right or not where it is judged.
function drawQuestion(stage, data, cursor, api) {
  stage.classList.add("kk-answers");
  stage.setAttribute("aria-label", "Answers");
  stage.removeAttribute("tabindex");
  data.choices.forEach((choice, i) => {
    const number = i + 1, chosen = data.chosen === number;
    const judged = data.right !== null && data.right !== undefined;
    const glyph = judged && number === data.right ? "pass" : judged && chosen ? "refuse" : chosen ? "want" : "slot";
    stage.append(h("button", { class: "kk-answer", type: "button", "aria-pressed": String(chosen), onclick: () => api.send({ action: "answer", arguments: { number } }) },
      icon(glyph, { size: 16 }), h("span", {}, rich(choice))));
  });
}

export default { render: (context) => mount(context, drawQuestion) };
