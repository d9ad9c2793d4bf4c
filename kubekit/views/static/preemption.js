// Preemption: a real table, a column a node, a row a rule; candidates fall out where a rule prefers others. Below it
// the victims' leaving, on one axis from the choice until the pod is bound.
function victimList(node) {
  if (!node.victims.length) return h("span", { class: "refuse", text: node.why || "no victims" });
  const items = node.victims.map((one) => h("li", {}, one.violates.length ? icon("warn", { size: 13, title: `violates ${one.violates.join(", ")}` }) : icon("run", { size: 11 }),
    h("code", { text: middle(one.pod.split("/").pop(), 13), title: one.pod }), h("span", { class: "ink2", text: ` ${one.priority}` })));
  return h("ul", {}, items, node.more ? h("li", { class: "ink2", text: `and ${node.more} more` }) : null);
}

function ruleCell(cell, node, at, reached, win) {
  const cls = `kk-nd${win ? " kk-win" : ""}`;
  if (!cell) return h("td", { class: cls }, h("span", { class: "kk-sr", text: "not reached" }));
  if (!reached) return h("td", { class: `${cls} kk-ln` });
  if (cell.verdict === "refuse") return h("td", { class: `${cls} kk-ln kk-up` }, h("span", { class: "kk-v t-refuse" }, icon("refuse", { size: 14 }), cell.text));
  return h("td", { class: `${cls} kk-ln` }, h("span", { class: "kk-v", text: cell.text }));
}

function timeRow(row, at) {
  const begun = at >= row.since, over = row.over !== null && at >= row.over;
  const parts = [];
  if (begun) {
    if (row.until !== null && row.until !== undefined) parts.push(h("i", { class: "kk-grace", style: `left:${row.start}%;width:${Math.max(0.6, row.until - row.start)}%` }));
    if (over || row.over === null) parts.push(h("i", { class: row.kind === "victim" ? "kk-leave" : "kk-wait", style: `left:${row.start}%;width:${Math.max(0.6, row.end - row.start)}%` }));
    if (over && row.kind === "pod") parts.push(h("span", { class: "kk-at", style: `left:${row.end}%` }, icon("run", { size: 13, title: "bound" })));
  }
  return h("div", { class: "kk-trow" }, h("b", { title: row.pod, text: middle(row.pod.split("/").pop(), 22) }), h("div", { class: "kk-line" }, parts), h("span", { class: "ink2", text: over ? row.text : begun ? row.begun : "not yet" }));
}

function drawPreemption(stage, data, cursor, api) {
  const stop = data.records[cursor], at = stop.row - 1, finished = at >= data.rules.length;
  const wins = (node) => finished && node.name === data.chosen;
  const now = (index) => (index === at ? "kk-now" : null);
  const head = h("tr", {}, h("th", { scope: "col", class: "kk-corner ink2", text: "candidate nodes" }), data.nodes.map((node) =>
    api.mark(h("th", { scope: "col", class: `kk-nd${wins(node) ? " kk-win" : ""}` }, wins(node) ? [icon("lead", { size: 14 }), " "] : null, h("b", { text: middle(node.name, 12) })), `${node.name}, ${node.card.sub}`, () => node.card)));
  const victims = h("tr", { class: "kk-vic" }, h("th", { scope: "row" }, "would have to go", h("small", { text: "most important first, with priority" })), data.nodes.map((node) =>
    h("td", { class: `kk-nd${wins(node) ? " kk-win" : ""}${node.victims.length ? " kk-ln kk-down" : ""}` }, victimList(node))));
  const rows = data.rules.map((rule, index) => {
    const line = h("tr", { class: now(index) }, h("th", { scope: "row" }, h("span", { class: "ink2", text: `${index + 1}  ` }), rule.name),
      data.nodes.map((node, i) => ruleCell(rule.cells[i], node, index, at >= index, wins(node))));
    line.addEventListener("click", () => api.go(index + 1));
    return api.mark(line, `rule ${index + 1}, ${rule.name}: ${rule.why}`, () => ({ title: rule.name, sub: `rule ${index + 1}`, parts: [{ name: "came out", text: rule.why },
      { name: "what it saw", facts: data.nodes.map((node, i) => [node.name, rule.cells[i]?.text || "not reached"]) }] }));
  });
  const last = data.chosen ? h("tr", { class: "kk-sep" }, h("th", { scope: "row", text: "nominated" }), data.nodes.map((node) => h("td", { class: `kk-nd${wins(node) ? " kk-win kk-last" : ""}` }, wins(node) ? h("b", { class: "chosen", text: "chosen" }) : null))) : null;
  const columns = h("colgroup", {}, h("col", { style: "width:216px" }), data.nodes.map(() => h("col", { style: "min-width:118px" })));
  stage.append(h("table", { class: "kk-pe", style: `min-width:${216 + 118 * data.nodes.length}px` }, h("caption", { class: "kk-sr", text: data.title }), columns, h("thead", {}, head), h("tbody", {}, victims, rows, last)));
  if (data.times.length) {
    stage.append(h("div", { class: "kk-times", role: "group", "aria-label": "From the choice until the pod is bound" },
      h("div", { class: "kk-k", text: finished ? "until the pod is bound (dashed: the grace that was given)" : "what follows the choice" }), data.times.map((row) => timeRow(row, stop.row))));
  }
}

export default { render: (context) => mount(context, drawPreemption) };
