
// The control loop: a column a reconcile, a row a question. The stage is a real table; the window follows the cursor.
const LOOP_ROWS = [["events", "heard from the API"], ["desired", "what should be"], ["observed", "from the cache"], ["difference", "desired − observed"], ["action", "through the API"]];

function marks(glyph, count, most) {
  if (count > most) return null;
  return h("span", { class: "kk-marks" }, Array.from({ length: count }, () => icon(glyph, { size: 15 })));
}

function countCell(column, at, data) {
  const [desired, observed, difference] = column.counts;
  const value = column.counts[at];
  const text = [column.desired, column.observed, column.difference][at];
  if (value === null) return h("td", { class: "kk-words" }, text || "–");
  let drawn;
  if (at === 0) drawn = marks("want", desired, data.marks);
  else if (at === 1) drawn = marks("run", observed, data.marks);
  else if (difference > 0 && desired <= data.marks) drawn = h("span", { class: "kk-marks" }, Array.from({ length: desired }, (_, i) => icon(i < desired - difference ? "slot" : "missing", { size: 15 })));
  else if (difference < 0) drawn = marks("surplus", -difference, data.marks);
  else drawn = marks("slot", desired, data.marks);
  return h("td", {}, h("div", { class: "kk-counted" }, drawn || h("span", {}), h("b", { class: at === 2 ? (difference === 0 ? "good" : "wait") : null, text })));
}

function drawLoop(stage, data, cursor, api) {
  const all = data.columns, start = Math.max(0, Math.min(cursor - Math.floor(data.window / 2), all.length - data.window));
  const shown = all.slice(start, start + data.window), current = all[cursor];
  const at = (column) => (column === current ? "kk-now" : null);
  const head = h("tr", {}, h("td", { class: "kk-corner", text: start ? `${start} before` : "" }), shown.map((column) => {
    const cell = h("th", { scope: "col", class: at(column) }, h("b", { text: seconds(column.t) }), h("span", { class: "kk-sub", text: column.refused ? "refused" : column.actions.length ? "acted" : "in sync" }));
    api.mark(cell, `reconcile at ${seconds(column.t)}`, () => column.card);
    cell.addEventListener("click", () => api.go(all.indexOf(column)));
    return cell;
  }));
  const body = LOOP_ROWS.map(([name, sub], row) => h("tr", {}, h("th", { scope: "row" }, h("b", { text: name }), h("span", { class: "kk-sub", text: sub })),
    shown.map((column) => {
      let cell;
      if (row === 0) cell = h("td", { class: "kk-words heard", text: column.heard });
      else if (row < 4) cell = countCell(column, row - 1, data);
      else cell = h("td", {}, column.actions.length ? [column.actions.slice(0, 4).map((action) => h("div", { class: `kk-act ${action.verdict === "refuse" ? "refuse" : ""}`, title: action.full }, icon(action.verdict === "refuse" ? "refuse" : "pass", { size: 13 }), " ", action.text)), column.actions.length > 4 ? h("div", { class: "kk-sub", text: `and ${column.actions.length - 4} more` }) : null] : h("span", { class: "ink2", text: "nothing to do" }));
      cell.className = [cell.className, at(column) || ""].join(" ").trim();
      return cell;
    })));
  stage.append(h("table", { class: "kk kk-loop" }, h("caption", { class: "kk-sr", text: data.title }), h("thead", {}, head), h("tbody", {}, body)));
  const queue = current.queue;
  const rows = [["key", current.key], ["waiting behind it", queue.waiting.length ? queue.waiting.join(", ") : "nothing"], ["failures", queue.failures ? `${queue.failures}${queue.retry ? `: next try in ${queue.retry} s` : ""}` : "none"]];
  if (queue.expectations) rows.push(["expectations", typeof queue.expectations === "string" ? queue.expectations : Object.entries(queue.expectations).map(([name, value]) => `${value} ${name}`).join(", ")]);
  const steps = current.actions.map((action) => stepRow({ asked: `\`${action.full}\``, verdict: action.verdict, reason: action.reason }));
  api.below.append(h("div", { class: "kk-lo kk-two" },
    h("div", { class: "kk-panel" }, h("h3", { class: "kk-h3", text: "work queue" }), h("dl", { class: "kk-facts" }, rows.map(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })]))),
    h("div", { class: "kk-panel kk-tall" }, h("h3", { class: "kk-h3", text: `reconcile at ${seconds(current.t)} by ${current.controller}` }), steps.length ? steps : h("div", { class: "ink2", text: "No request was needed." }),
      current.error ? [h("div", { class: "kk-k", text: "came out: an error" }), h("pre", { class: "kk-pre", text: current.error })] : null,
      current.events.map((event) => [h("div", { class: "kk-k", text: `came out: event ${event.type} ${event.reason}` }), h("pre", { class: "kk-pre", text: event.message })]))));
}

export default { render: (context) => mount(context, drawLoop) };
