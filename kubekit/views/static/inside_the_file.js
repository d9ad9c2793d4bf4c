
// Inside the file: every page in its place, and the tree that a search goes down. A stop of the stepper is a page.
const sheet = (extra = {}) => s("rect", { x: 1.5, y: 1.5, width: 13, height: 13, rx: 2, fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.3, ...extra });
const lettered = (letter) => () => [sheet(), s("text", { x: 8, y: 12.2, class: "mid b", text: letter })];
Object.assign(GLYPHS, {
  page_meta: lettered("M"), page_branch: lettered("B"), page_leaf: lettered("L"), page_freelist: lettered("F"),
  page_current: () => [sheet({ stroke: "var(--kk-chosen)", "stroke-width": 2 }), s("text", { x: 8, y: 12.2, class: "mid b", text: "M" })],
  page_free: () => [sheet({ stroke: "var(--kk-off)", "stroke-dasharray": "2.5 2" })],
  page_overflow: () => [s("rect", { x: 0, y: 3.5, width: 16, height: 9, rx: 2, fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.3 }), p("M6 4.5v7", { stroke: "var(--kk-edge)", "stroke-width": 1 })],
  page_fill: () => [sheet(), s("rect", { x: 2, y: 8, width: 12, height: 6, fill: "var(--kk-edge)", opacity: 0.45 })],
});
const BOX_W = 98, BOX_H = 42, STEP_Y = 62, SIDE = 26;

function drawFile(stage, data, cursor, api) {
  const record = data.records[cursor], cells = new Map(data.cells.map((cell) => [cell.id, cell])), at = record.page;
  const onPath = new Map(data.records.map((one, i) => [one.page, i]));
  api.pick = (text, button) => { const [main, sub] = text.replace("(t)", "").split(".").map(Number); api.act({ name: "find", arguments: { main, sub: sub || 0 } }, button); };
  const card = (id) => (onPath.has(id) && onPath.get(id) === cursor ? record.card : data.cards[id] || (onPath.has(id) ? data.records[onPath.get(id)].card : { title: `page ${id}`, sub: cells.get(id)?.name, parts: [{ name: "elements", text: "not carried along: search for a revision in it" }] }));
  const act = (element, id) => element.addEventListener("click", () => { if (onPath.has(id)) api.go(onPath.get(id)); });

  // The strip: a cell a page, in the order of the file.
  const dense = data.cells.length > 400;
  const strip = h("div", { class: `kk-pages${dense ? " dense" : ""}` }, data.cells.map((cell) => {
    const cls = ["kk-cell", `kk-${cell.kind}`, cell.wrong ? "wrong" : "", cell.current ? "current" : "", cell.step !== undefined ? "path" : "", cell.id === at ? "here" : ""].join(" ");
    const wide = dense ? 12 : 26, element = h("div", { class: cls, title: cell.name, style: cell.span > 1 ? `width:${wide + 10 * Math.min(8, cell.span - 1)}px` : null },
      cell.fill !== undefined && cell.kind !== "free" ? h("i", { style: `height:${Math.round(cell.fill * 100)}%` }) : null, dense ? null : h("span", { text: cell.wrong ? "×" : cell.letter + (cell.span > 1 ? `+${cell.span - 1}` : "") }));
    act(element, cell.id);
    return api.mark(element, cell.name, () => card(cell.id));
  }));
  stage.append(h("div", { class: "kk-k kk-heading", text: "all pages, as they lie in the file" }), strip);

  // The tree: the levels of the search, at each the pages beside the one that is taken.
  const fit = 5, places = new Map(), levels = data.levels.map((level) => {
    const middleOf = Math.max(0, level.pages.indexOf(level.on)), start = Math.max(0, Math.min(middleOf - 2, level.pages.length - fit));
    return { ...level, start, shown: level.pages.slice(start, start + fit), after: Math.max(0, level.pages.length - start - fit) };
  });
  const width = 2 * SIDE + 52 + fit * (BOX_W + 8), height = levels.length * STEP_Y + 4;
  levels.forEach((level, depth) => {
    const total = level.shown.length * (BOX_W + 8) - 8;
    level.shown.forEach((id, i) => places.set(`${depth} ${id}`, [(width - total) / 2 + i * (BOX_W + 8), 6 + depth * STEP_Y]));
  });
  const canvas = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": record.sentence.replace(/[`*]/g, "") }, markers(api.uid));
  const edges = s("g", {}), boxes = s("g", {});
  levels.forEach((level, depth) => {
    for (const id of level.shown) {
      const [x, y] = places.get(`${depth} ${id}`), cell = cells.get(id) || { kind: "unknown", name: `page ${id}`, wrong: true };
      const from = depth ? places.get(`${depth - 1} ${levels[depth - 1].on}`) : null, taken = id === level.on;
      const passed = taken && onPath.get(id) !== undefined && onPath.get(id) <= cursor && depth <= cursor;
      if (from) edges.append(s("path", { d: `M${from[0] + BOX_W / 2} ${from[1] + BOX_H}C${from[0] + BOX_W / 2} ${y - 8} ${x + BOX_W / 2} ${from[1] + BOX_H + 8} ${x + BOX_W / 2} ${y - 2}`, fill: "none", stroke: passed ? "var(--kk-ask)" : "var(--kk-line)", "stroke-width": passed ? 2.5 : 1.2, "marker-end": passed ? `url(#${api.uid}-request)` : null }));
      const here = id === at && depth === cursor, hue = cell.wrong ? "refuse" : here ? "ask" : cell.current ? "chosen" : "edge";
      const group = s("g", {}, s("title", { text: cell.name }), s("rect", { class: "kk-halo", x: x - 3, y: y - 3, width: BOX_W + 6, height: BOX_H + 6, rx: 7 }),
        s("rect", { x, y, width: BOX_W, height: BOX_H, rx: 5, fill: here ? "var(--kk-ask-tint)" : cell.wrong ? "var(--kk-refuse-tint)" : "var(--kk-paper)", stroke: `var(--kk-${hue})`, "stroke-width": here || cell.wrong || cell.current ? 2 : 1.2 }),
        label(x + 8, y + 16, `page ${id}`, "b"), cell.wrong ? icon("refuse", { x: x + BOX_W - 20, y: y + 4, size: 14 }) : cell.current ? icon("lead", { x: x + BOX_W - 20, y: y + 4, size: 14 }) : null,
        label(x + 8, y + 31, boxWord(cell), "ink2"), cell.fill !== undefined && cell.kind !== "meta" ? [s("rect", { x: x + 8, y: y + 36, width: BOX_W - 16, height: 4, rx: 2, fill: "var(--kk-raise)" }), s("rect", { x: x + 8, y: y + 36, width: Math.max(2, (BOX_W - 16) * cell.fill), height: 4, rx: 2, fill: "var(--kk-edge)" })] : null);
      act(group, id);
      boxes.append(api.mark(group, cell.name, () => card(id)));
    }
    const ends = level.shown.map((id) => places.get(`${depth} ${id}`));
    if (level.start) boxes.append(label(ends[0][0] - 8, ends[0][1] + 26, `${level.start} more`, "ink2 end"));
    if (level.after) boxes.append(label(ends[ends.length - 1][0] + BOX_W + 8, ends[0][1] + 26, `${level.after} more`, "ink2"));
  });
  canvas.append(edges, boxes);
  stage.append(h("div", { class: "kk-k kk-heading", text: "the way down" }), canvas);
  facts(data, api);
  // The element that leads on may stand far down in the list.
  api.atLast(() => {
    const row = api.root.querySelector(".kk-insp tr.t-ask"), box = row?.closest(".kk-insp");
    if (!row) return;
    const down = row.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
    box.scrollTop = down > box.clientHeight - 40 ? down - box.clientHeight / 2 : 0;
  });
}

function boxWord(cell) {
  if (cell.kind === "meta") return cell.wrong ? "meta, broken" : cell.current ? "meta, counts" : "meta, older";
  const bucket = / of bucket ([^,]+)/.exec(cell.name)?.[1];
  return middle(bucket ? `${cell.kind} of ${bucket}` : / of the root/.test(cell.name) ? `root, ${cell.kind}` : cell.kind, 15);
}

function facts(data, api) {
  const input = h("input", { type: "number", min: 1, value: data.wanted ?? "", "aria-label": "revision to search for", class: "kk-number" });
  const search = h("button", { class: "kk-btn", type: "button" }, "search");
  const find = () => { if (Number(input.value) > 0) api.act({ name: "find", arguments: { main: Number(input.value) } }, search); };
  search.addEventListener("click", find);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") find(); });
  const verdict = { pass: "verified", refuse: "does not match", note: "none" }[data.digest.verdict];
  api.after.append(h("div", { class: "kk-below-file" },
    h("div", { class: "kk-panel" }, h("table", { class: "kk" }, h("caption", { class: "kk-sr", text: "The buckets of the root" }), h("thead", {}, h("tr", {}, ["bucket", "where", "entries", "pages"].map((name) => h("th", { scope: "col", text: name })))),
      h("tbody", {}, data.buckets.map(([name, ...rest]) => h("tr", {}, h("td", { class: "mono", text: name }), rest.map((text) => h("td", { text }))))))),
    h("div", { class: "kk-panel" }, h("div", { class: "kk-digest" }, icon(data.digest.verdict === "note" ? "note" : data.digest.verdict, { size: 16 }), h("div", {}, h("b", { class: data.digest.verdict === "refuse" ? "refuse" : data.digest.verdict === "pass" ? "good" : null, text: `sha256 ${verdict}` }), h("div", { class: "kk-sub", text: data.digest.text }))),
      data.errors.length ? [h("div", { class: "kk-k", text: "what the check of the file says" }), h("pre", { class: "kk-pre refuse", text: data.errors.join("\n") + (data.more_errors ? `\nand ${data.more_errors} more` : "") })] : null,
      h("div", { class: "kk-k", text: `search for a revision: the bucket key holds ${data.filed}` }), h("div", { class: "kk-search" }, input, search))));
}

export default { render: (context) => mount(context, drawFile) };
