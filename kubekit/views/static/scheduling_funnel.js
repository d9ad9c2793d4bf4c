
// The scheduling funnel: a real table. A column a node, a row a plugin; rows appear as the cursor reaches them, and
// nodes fall out where they are refused. The score rows are a heat map in one of three forms.
const FORM_WORDS = { raw: "raw", normalized: "scaled to 100", weighted: "weighted" };

function chips(name, items, more, glyph) {
  if (!items.length && !more) return [];
  return [h("span", { class: "ink2", text: name }), items.map((text) => h("span", { class: "kk-chip" }, glyph ? icon(glyph, { size: 12 }) : null, h("code", { text }))),
    more ? h("span", { class: "ink2", text: `and ${more} more` }) : null];
}

function queueLine(queue) {
  return h("div", { class: "kk-q" }, h("b", { text: "queue" }),
    h("span", { class: "kk-chip t-chosen" }, icon("next", { size: 12, hue: "" }), "popped: ", h("code", { text: queue.pod }), ` priority ${queue.priority}`),
    chips("activeQ", queue.active, queue.more[0]), chips("backoffQ", queue.backoff, queue.more[1], "wait"), chips("unschedulable", queue.pool, queue.more[2], "wait"));
}

// Where in the funnel each node is after a row: still in it, or out.
function lanes(rows) {
  const out = new Set();
  return rows.map((row) => row.cells.map((cell, at) => {
    const was = out.has(at);
    if (cell === "refuse" || cell === "out") out.add(at);
    return was ? "gone" : cell;
  }));
}

function filterCell(kind, cell, reached, win) {
  const cls = `kk-nd${win ? " kk-win" : ""}`;
  if (!reached || kind === "gone") return h("td", { class: cls }, h("span", { class: "kk-sr", text: kind === "gone" ? "out" : "not reached" }));
  if (cell === "refuse") return h("td", { class: `${cls} kk-ln kk-up` }, icon("refuse", { size: 18 }), h("span", { class: "kk-sr", text: "refused" }));
  if (cell === "out") return h("td", { class: `${cls} kk-ln kk-up` }, icon("skip", { size: 16 }), h("span", { class: "kk-sr", text: "not looked at" }));
  return h("td", { class: `${cls} kk-ln` }, h("i", { class: "kk-ok" }), h("span", { class: "kk-sr", text: "passes" }));
}

function scoreCell(row, at, form, reached, win) {
  const value = row.values[form][at], cls = `kk-nd kk-sc${win ? " kk-win" : ""}`;
  if (!reached || value === null || value === undefined) return h("td", { class: cls });
  // Ink density is quantity: of the most that this plugin may give, in whichever form is shown.
  const most = form === "weighted" ? row.most : form === "normalized" ? 100 : Math.max(1, ...row.values.raw.map((one) => Math.abs(one || 0)));
  const share = Math.round(4 + 34 * Math.min(1, Math.max(0, value) / most));
  return h("td", { class: cls }, h("span", { style: `background:color-mix(in srgb,var(--kk-ink) ${share}%,var(--kk-paper))`, text: String(value) }));
}

function drawFunnel(stage, data, cursor, api) {
  const stop = data.records[cursor], at = stop.row, form = api.keep.form || "weighted";
  const filters = data.rows.filter((row) => row.stage === "filter"), scores = data.rows.filter((row) => row.stage === "score");
  const where = lanes(filters), finished = at >= data.rows.length;
  const wins = (node) => finished && node.name === data.picked;
  const now = (index) => (index === at ? "kk-now" : null);
  const alive = data.nodes.map((_, i) => !where.some((row) => row[i] === "refuse" || row[i] === "out"));
  const reachedScores = at >= filters.length;

  const few = data.nodes.length <= 8, width = few ? 78 : 58;
  const head = h("tr", {}, h("th", { scope: "col", class: "kk-corner ink2", text: "allocatable cpu, memory" }), data.nodes.map((node) =>
    h("th", { scope: "col", class: `kk-nd${wins(node) ? " kk-win" : ""}`, title: node.name }, h("b", { text: middle(node.name, few ? 9 : 7) }), h("span", { text: node.cpu }), h("span", { text: node.memory }))), h("th", {}));
  const section = (text, last, lane) => h("tr", { class: "kk-sec" }, h("th", { scope: "rowgroup", text }), data.nodes.map((node, i) => h("td", { class: `kk-nd${lane(i) ? " kk-ln" : ""}${wins(node) ? " kk-win" : ""}` })), h("td", { text: last }));
  const rowOf = (row, index, cells) => {
    const line = h("tr", { class: now(index) }, h("th", { scope: "row" }, row.name, row.weight ? h("span", { class: "ink2", text: ` ×${row.weight}` }) : null), cells,
      h("td", { class: "kk-why" }, at >= index ? h(row.stage === "filter" && !row.quiet ? "b" : "span", { class: row.stage === "filter" && !row.quiet ? "refuse" : "ink2", text: row.why }) : null));
    line.addEventListener("click", () => api.go(index + 1));
    return api.mark(line, `${row.stage} ${row.name}`, () => null);
  };
  const body = h("tbody", {}, section("filter: who could run it?", "why not", () => true),
    filters.map((row, index) => rowOf(row, index, data.nodes.map((node, i) => filterCell(where[index][i], row.cells[i], at >= index, wins(node))))));
  if (scores.length) {
    body.append(section("score: who should? (stronger is better)", "how", (i) => alive[i] && reachedScores));
    scores.forEach((row, n) => body.append(rowOf(row, filters.length + n, data.nodes.map((node, i) => scoreCell(row, i, form, at >= filters.length + n, wins(node))))));
  }
  if (data.picked) {
    const tall = (total) => (data.end.most ? Math.max(2, Math.round((26 * total) / data.end.most)) : 2);
    body.append(h("tr", { class: "kk-sep" }, h("th", { scope: "row", text: data.end.most ? "total" : "pick" }), data.nodes.map((node, i) => {
      const total = data.end.totals[i], win = wins(node);
      if (!finished || total === null) return h("td", { class: `kk-nd kk-tot${win ? " kk-win kk-last" : ""}` });
      return h("td", { class: `kk-nd kk-tot${win ? " kk-win kk-last" : ""}` }, h("span", { class: "kk-bar", style: `height:${tall(total)}px${win ? ";background:var(--kk-chosen)" : ""}` }), h("b", { class: win ? "chosen" : null, text: String(total) }));
    }), h("td", { class: "kk-why" }, finished ? [icon("lead", { size: 16 }), " ", h("b", { class: "chosen", text: `${data.picked} is picked` })] : null)));
  }
  const columns = h("colgroup", {}, h("col", { style: "width:256px" }), data.nodes.map(() => h("col", { style: `width:${width}px` })), h("col", { style: "min-width:200px" }));
  stage.append(queueLine(data.queue), h("table", { class: "kk-fn", style: `min-width:${456 + width * data.nodes.length}px` }, h("caption", { class: "kk-sr", text: data.title }), columns, h("thead", {}, head), body));
  if (data.forms.length) {
    const buttons = data.forms.map((name) => h("button", { class: "kk-btn", type: "button", "aria-pressed": String(name === form), onclick: () => { api.keep.form = name; api.repaint(); } }, FORM_WORDS[name]));
    api.below.append(h("div", { class: "kk-forms", role: "group", "aria-label": "scores shown" }, h("span", { class: "ink2", text: "scores:" }), buttons));
  }
  if (data.message.length) {
    api.below.append(h("div", { class: "kk-message mono", "aria-label": "FailedScheduling message" }, data.message.map((part) =>
      part.stop === null || part.stop === undefined ? part.text : h("button", { class: "kk-link t-refuse", type: "button", text: part.text, onclick: () => api.go(part.stop) }))));
  }
}

export default { render: (context) => mount(context, drawFunnel) };
