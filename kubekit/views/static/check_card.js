
// The check card: one column of findings, the failing ones opened, then the hints that were used.
const CARD = {
  "passed": ["good", "pass"], "partly done": ["wait", "part"], "not attempted": ["off", "todo"], "kit error": ["off", "kit"],
};
const FINDING = { "holds": ["pass", "good"], "does not hold": ["refuse", "refuse"], "not attempted": ["todo", "ink2"] };

function finding(check) {
  const [glyph, hue] = FINDING[check.state];
  const head = h("div", { class: "kk-finding" }, icon(glyph, { title: check.state }),
    h("div", { class: "kk-finding-text" }, h("b", {}, rich(check.title)), check.state === "holds" && check.detail ? h("div", { class: "kk-sub" }, rich(check.detail)) : null),
    h("span", { class: hue, text: check.state }));
  if (check.state === "holds" || !(check.expected || check.observed || check.where)) return head;
  const rows = [["expected", check.expected], ["observed", check.observed, true], ["where to look", check.where]].filter(([, text]) => text);
  const list = h("dl", { class: check.state === "does not hold" ? "kk-evidence t-refuse" : "kk-evidence" },
    rows.map(([name, text, mono]) => [h("dt", { text: name }), h("dd", { class: mono ? "mono" : null }, rich(text))]));
  return [head, list];
}

function drawCard(stage, data) {
  const record = data.exercise;
  const [hue, glyph] = CARD[record.state];
  const counted = record.of ? [h("b", { text: record.holding }), ` of ${record.of} ${record.of === 1 ? "check holds" : "checks hold"}`] : ["nothing was marked"];
  const card = h("div", { class: `kk-card kk-card-${hue}` },
    h("div", { class: "kk-top" }, h("span", { class: `kk-chip kk-state t-${hue}` }, icon(glyph, { size: 15, hue: hue === "off" ? "off" : HUES[glyph] }), record.state), h("span", { class: "kk-sub" }, counted)),
    h("h3", { class: "kk-h3" }, `${record.exercise} ${record.title}`),
    record.checks.map(finding));
  if (record.state === "not attempted" && record.waits_for.length)
    card.append(h("details", { open: true }, h("summary", { text: "what will be checked" }), h("ul", {}, record.waits_for.map((text) => h("li", {}, rich(text))))));
  if (record.report)
    card.append(h("p", { text: "The check itself failed. This is a fault of kubekit, not of your work. Your progress is kept." }),
      h("details", { open: true }, h("summary", { text: "what to report" }), h("pre", { class: "kk-pre", text: `check ${record.report.check}, seed ${record.report.seed}\n${record.report.error}` })));
  if (record.hints.kinds.length && record.state !== "kit error") {
    const used = record.hints.used;
    card.append(h("div", { class: "kk-k", text: used ? `hints: ${used} of ${record.hints.kinds.length} used; a hint costs nothing in practice` : `hints: none used; hint("${record.exercise}") gives the first` }),
      h("div", { class: "kk-hints" }, record.hints.kinds.map((kind, i) => h("span", { class: i < used ? "kk-hint used" : "kk-hint", text: `${i + 1} ${kind}${i < used ? ", used" : ""}` }))),
      ...record.hints.texts.map((text, i) => h("div", { class: "kk-sub" }, `${i + 1}: `, rich(text))));
  }
  stage.append(card);
}

export default { render: (context) => mount(context, drawCard) };
