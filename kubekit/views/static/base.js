// What every view shares. A view's own file follows this text in one module and calls
//   export default { render: (context) => mount(context, draw) };
// draw(stage, data, cursor, api) fills the stage element for the record under the cursor. Data comes whole from
// Python ("data" trait); nothing is computed here but positions. All text is set as text, never as markup;
// `code` and **strong** are the only marks inside sentences.

const SVG = "http://www.w3.org/2000/svg";
// Each kind of view is a module of its own; what must be unique on the page is counted by the page.
const nextSerial = () => (document.kkSerial = (document.kkSerial || 0) + 1);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const label = (x, y, text, cls = "") => s("text", { x, y, class: cls || null, text });

// `code` and **strong**, as nodes.
function rich(text) {
  return String(text ?? "").split(/(`[^`]+`|\*\*[^*]+\*\*)/).filter((part) => part).map((part) => {
    if (part.startsWith("`")) return h("code", { text: part.slice(1, -1) });
    if (part.startsWith("**")) return h("b", { text: part.slice(2, -2) });
    return document.createTextNode(part);
  });
}

// Long names lose their middle: both ends tell things apart. The full name belongs in the accessible name.
function middle(name, longest = 14) {
  if (name.length <= longest) return name;
  const tail = Math.max(5, Math.floor((longest - 1) / 2));
  return name.slice(0, longest - 1 - tail) + "…" + name.slice(-tail);
}
const seconds = (t) => (t < 60 ? t.toFixed(3) : t.toFixed(1)).replace(/\.?0+$/, (zeros) => (zeros.startsWith(".") ? ".0" : "")) + " s";

const p = (d, extra = {}) => s("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 1.7, "stroke-linecap": "round", "stroke-linejoin": "round", ...extra });
const ring = (r, stroke, width, extra = {}) => s("circle", { cx: 8, cy: 8, r, fill: "none", stroke, "stroke-width": width, ...extra });
const HEX = "M8 .8l6.3 3.6v7.2L8 15.2l-6.3-3.6V4.4z";
const GLYPHS = {
  pass: () => [s("circle", { cx: 8, cy: 8, r: 7, fill: "currentColor" }), p("M4.6 8.3l2.4 2.4 4.4-5", { stroke: "var(--g,#fff)" })],
  refuse: () => [s("path", { d: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z", fill: "currentColor" }), p("M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4", { stroke: "var(--g,#fff)" })],
  skip: () => [ring(6.3, "currentColor", 1.3, { "stroke-dasharray": "2.5 2.2" }), p("M5.2 8h5.6")],
  warn: () => [s("path", { d: "M8 1.2l7.2 13H.8z", fill: "var(--kk-wait)", stroke: "var(--kk-wait-ink)", "stroke-width": 1.2 }), p("M8 5.6v4.2", { stroke: "var(--kk-wait-on)" }), s("circle", { cx: 8, cy: 12, r: 1, fill: "var(--kk-wait-on)" })],
  wait: () => [ring(6.2, "var(--kk-wait-ink)", 3.4), ring(6.2, "var(--kk-wait)", 1.6)],
  run: () => [s("circle", { cx: 8, cy: 8, r: 6.5, fill: "var(--kk-good)" })],
  half: () => [ring(6, "var(--kk-good)", 1.6), s("path", { d: "M8 2a6 6 0 0 0 0 12z", fill: "var(--kk-good)" })],
  done: () => [ring(6.2, "var(--kk-good)", 1.6), p("M5 8.3l2.1 2.1 3.9-4.5", { stroke: "var(--kk-good)" })],
  fail: () => [s("rect", { x: 2, y: 2, width: 12, height: 12, rx: 1.5, fill: "var(--kk-refuse)" }), p("M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2", { stroke: "var(--kk-refuse-on)" })],
  unknown: () => [s("path", { d: "M8 1.5L14.5 8 8 14.5 1.5 8z", fill: "none", stroke: "var(--kk-off)", "stroke-width": 1.4, "stroke-dasharray": "2.5 2" }), p("M6.3 6.7c0-1 .8-1.5 1.7-1.5s1.7.5 1.7 1.4c0 1.1-1.7 1.2-1.7 2.5", { stroke: "var(--kk-off)", "stroke-width": 1.3 }), s("circle", { cx: 8, cy: 11, r: 0.8, fill: "var(--kk-off)" })],
  terminating: () => [ring(6.2, "var(--kk-off)", 1.4, { fill: "var(--kk-off-tint)" }), p("M3.6 9.8l6.2-6.2M5 12l7-7M8 13l5-5", { stroke: "var(--kk-edge)", "stroke-width": 1.3 })],
  lead: () => [s("path", { d: HEX, fill: "var(--kk-chosen)" }), s("path", { d: "M8 4l1.2 2.6 2.8.3-2.1 1.9.6 2.8L8 10.2l-2.5 1.4.6-2.8L4 6.9l2.8-.3z", fill: "var(--kk-chosen-on)" })],
  follow: () => [ring(6, "var(--kk-edge)", 1.8)],
  candidate: () => [s("path", { d: HEX, fill: "none", stroke: "var(--kk-chosen)", "stroke-width": 1.5, "stroke-dasharray": "2.4 2" })],
  learner: () => [s("rect", { x: 2.5, y: 2.5, width: 11, height: 11, fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.5 }), ring(2.5, "var(--kk-edge)", 1.5)],
  stop: () => [p("M5 3.4a6 6 0 1 0 6 0"), p("M8 1.2v6")],
  pause: () => [p("M5.5 3.5v9M10.5 3.5v9", { "stroke-width": 2.2 })],
  play: () => [s("path", { d: "M4.5 2.8v10.4L13 8z", fill: "currentColor" })],
  next: () => [p("M5 3l6 5-6 5", { "stroke-width": 1.8 })],
  prev: () => [p("M11 3L5 8l6 5", { "stroke-width": 1.8 })],
  first: () => [p("M12 3L6 8l6 5M3.5 3v10", { "stroke-width": 1.8 })],
  last: () => [p("M4 3l6 5-6 5M12.5 3v10", { "stroke-width": 1.8 })],
  edit: () => [p("M3 13l.8-3.2L10.6 3l2.4 2.4-6.8 6.8z", { "stroke-width": 1.5 })],
  kit: () => [s("path", { d: "M8 1.5L14.5 8 8 14.5 1.5 8z", fill: "currentColor" }), p("M8 5v3.6", { stroke: "var(--g,#fff)" }), s("circle", { cx: 8, cy: 10.9, r: 1, fill: "var(--g,#fff)" })],
  todo: () => [ring(6.3, "currentColor", 1.5)],
  part: () => [ring(6.3, "currentColor", 1.5), s("path", { d: "M8 1.7a6.3 6.3 0 0 1 0 12.6z", fill: "currentColor" })],
  want: () => [s("rect", { x: 2, y: 2, width: 12, height: 12, rx: 2.5, fill: "none", stroke: "var(--kk-ask)", "stroke-width": 2 })],
  slot: () => [s("rect", { x: 2, y: 2, width: 12, height: 12, rx: 2.5, fill: "none", stroke: "var(--kk-line)", "stroke-width": 1.5 })],
  missing: () => [s("rect", { x: 1.5, y: 1.5, width: 13, height: 13, rx: 2.5, fill: "var(--kk-wait)", stroke: "var(--kk-wait-ink)", "stroke-width": 1.3 }), p("M8 4.5v7M4.5 8h7", { stroke: "var(--kk-wait-on)" })],
  surplus: () => [s("rect", { x: 1.5, y: 1.5, width: 13, height: 13, rx: 2.5, fill: "none", stroke: "var(--kk-wait-ink)", "stroke-width": 1.3, "stroke-dasharray": "2.5 2" }), p("M4.5 8h7", { stroke: "var(--kk-wait-ink)" })],
  note: () => [s("circle", { cx: 8, cy: 8, r: 2.2, fill: "var(--kk-edge)" })],
};
const HUES = { pass: "good", refuse: "refuse", skip: "ink2", stop: "off", pause: "off", kit: "off", todo: "ink2", part: "wait", pick: "chosen", lead: "chosen" };
const VERDICTS = { pass: "pass", refuse: "refuse", skip: "skip", pick: "lead", wait: "wait", note: "note" };

// An icon for HTML, or with x and y for an SVG stage. Decorative unless `title` is given.
function icon(name, { size = 16, hue = HUES[name] || "", x = null, y = null, title = "" } = {}) {
  const known = GLYPHS[name] || GLYPHS.note;
  const attributes = { viewBox: "0 0 16 16", width: size, height: size, class: "i " + hue, style: `width:${size}px;height:${size}px`, x, y };
  return s("svg", title ? { ...attributes, role: "img" } : { ...attributes, "aria-hidden": "true" }, title ? s("title", { text: title }) : null, known());
}

// Arrow heads. Ids are unique to one view, since a page holds many.
function markers(uid) {
  const head = (id, d, stroke, filled, width = 8) =>
    s("marker", { id: `${uid}-${id}`, viewBox: `0 0 ${width} 8`, refX: width - 0.5, refY: 4, markerWidth: width, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" },
      s("path", filled ? { d, fill: stroke } : { d, fill: "none", stroke, "stroke-width": 1.5 }));
  const solid = "M0 .5L8 4 0 7.5z", open = "M1 .8L7.4 4 1 7.2";
  return s("defs", {}, head("request", solid, "var(--kk-ask)", true), head("response", open, "var(--kk-ask)"), head("refusal", open, "var(--kk-refuse)"),
    head("watch", "M1 .8L4.5 4 1 7.2M5.5 .8L9 4 5.5 7.2", "var(--kk-heard)", false, 10), head("edge", solid, "var(--kk-edge)", true),
    head("packet", solid, "var(--kk-ink)", true), head("good", solid, "var(--kk-good)", true), head("chosen", solid, "var(--kk-chosen)", true), head("stopped", "", "var(--kk-off)"));
}
const LINES = {
  request: { stroke: "var(--kk-ask)", "stroke-width": 1.6 },
  response: { stroke: "var(--kk-ask)", "stroke-width": 1.6, "stroke-dasharray": "6 4" },
  refusal: { stroke: "var(--kk-refuse)", "stroke-width": 1.8, "stroke-dasharray": "6 4" },
  watch: { stroke: "var(--kk-heard)", "stroke-width": 2, "stroke-dasharray": "1.5 3.5" },
  packet: { stroke: "var(--kk-ink)", "stroke-width": 1.8 },
  stopped: { stroke: "var(--kk-off)", "stroke-width": 1.3, "stroke-dasharray": "3 3" },
};
const line = (uid, kind, d, extra = {}) => s("path", { d, fill: "none", ...LINES[kind], "marker-end": kind === "stopped" ? null : `url(#${uid}-${kind})`, ...extra });

function legendItem(uid, item) {
  let sign;
  if (item.line) sign = s("svg", { width: 28, height: 16, "aria-hidden": "true" }, markers(uid), line(uid, item.line, "M1 8h25"));
  else sign = icon(item.glyph, { size: 14 });
  return h("li", {}, sign, item.text);
}

function stepRow(step) {
  const verdict = VERDICTS[step.verdict] || "note";
  return h("div", { class: "kk-step" }, icon(verdict, { size: 14, title: step.verdict }),
    h("div", {}, step.took ? h("span", { class: "kk-took", text: step.took }) : null, rich(step.asked), step.reason ? h("small", {}, rich(step.reason)) : null, changed(step.lines)));
}

// What was changed, a line a field: the sign first, then the colour.
function changed(lines) {
  if (!lines?.length) return null;
  return h("div", { class: "kk-changed" }, lines.map((one) => h("div", { class: { "+": "t-good", "-": "t-refuse" }[one.sign] || null, text: `${one.sign} ${one.text}` })));
}

// The record's four parts, in order: came in, steps, reason, came out; then actions and the whole record.
function inspect(panel, card, api) {
  panel.replaceChildren();
  if (!card) return;
  const chip = card.chip ? h("span", { class: `kk-chip t-${card.chip.hue}` }, card.chip.glyph ? icon(card.chip.glyph, { size: 13 }) : null, card.chip.text) : null;
  panel.append(h("div", { class: "kk-top" }, h("h3", {}, rich(card.title)), chip));
  if (card.sub) panel.append(h("div", { class: "kk-sub" }, rich(card.sub)));
  for (const part of card.parts || []) {
    panel.append(h("div", { class: "kk-k", text: part.name }));
    if (part.text) panel.append(h("div", {}, rich(part.text)));
    for (const row of part.rows || []) panel.append(h("div", {}, row.glyph ? [icon(row.glyph, { size: 14 }), " "] : null, rich(row.text)));
    if (part.facts) panel.append(h("dl", { class: "kk-pairs" }, part.facts.map(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })])));
    if (part.pairs) panel.append(h("table", { class: "kk kk-two-columns" }, h("tbody", {}, part.pairs.map(([name, value], i) =>
      h("tr", { class: i === part.at ? "t-ask" : null }, h("th", { scope: "row", class: "mono" }, part.bucket && api.pick ? h("button", { class: "kk-link", type: "button", text: name, onclick: (event) => api.pick(name, event.currentTarget) }) : name), h("td", { text: value }))))));
    if (part.steps) panel.append(h("div", {}, part.steps.map(stepRow)));
    if (part.lines) panel.append(changed(part.lines));
    if (part.pre) panel.append(h("pre", { text: part.pre }));
  }
  // With `code` the card shows what the button under the pointer or the focus would run, and offers it.
  const code = card.code && card.actions?.length ? h("code", { class: "kk-code", text: card.actions[0].code }) : null;
  const actions = (card.actions || []).map((action) => {
    const button = h("button", { class: "kk-btn", type: "button", title: action.code || null }, action.glyph ? icon(action.glyph, { size: 14, hue: "" }) : null, action.text);
    button.addEventListener("click", () => api.act(action, button));
    if (code && action.code) for (const event of ["mouseenter", "focus"]) button.addEventListener(event, () => { code.textContent = action.code; });
    return button;
  });
  const links = [["caused by", card.caused_by], ["led to", card.led_to]].filter(([, id]) => id !== null && id !== undefined && api.indexOf(id) >= 0)
    .map(([text, id]) => h("button", { class: "kk-btn", type: "button", onclick: () => api.go(api.indexOf(id)) }, `${text} ${api.indexOf(id) + 1}`));
  if (actions.length + links.length) panel.append(h("div", { class: "kk-actions" }, actions, links));
  if (code) panel.append(h("div", { class: "kk-coded" }, code, card.note ? h("span", { class: "kk-sub", text: card.note }) : null, h("button", { class: "kk-btn", type: "button", onclick: () => api.act({ copy: code.textContent }) }, "copy as code")));
  if (card.raw) panel.append(h("details", {}, h("summary", { text: "whole record" }), h("pre", { text: typeof card.raw === "string" ? card.raw : JSON.stringify(card.raw, null, 1) })));
}

function tick(record, index, count, cursor) {
  const place = placeOf(index, count);
  const shape = { square: "", round: "round", diamond: "diamond" }[record.tick?.shape || "square"];
  const cls = ["kk-tick", shape, count > 60 ? "dense" : "", index > cursor ? "future" : "", index === cursor ? "now" : ""].join(" ");
  return h("span", { class: cls, style: `left:${place}%;--c:var(--kk-${record.tick?.hue || "ask"})`, "aria-hidden": "true" });
}

// What the count and the range say: a record, or what `unit` calls it.
const unitOf = (data, record, cursor, count) => [data.unit || "record", record?.number ?? cursor + 1, data.total ?? count];
const placeOf = (index, count) => (count > 1 ? 0.8 + (98.4 * index) / (count - 1) : 50);

// Where only a window of very many records is on the stepper: the way to the others.
function brush(window, api) {
  const go = (start) => (event) => api.act({ name: "window", arguments: { start } }, event.currentTarget);
  const last = window.total - window.size, per = (n) => `${(100 * n) / window.total}%`;
  const button = (text, start, off) => h("button", { class: "kk-btn", type: "button", disabled: off, onclick: go(Math.max(0, Math.min(last, start))) }, text);
  return h("div", { class: "kk-brush" }, button("earlier changes", window.start - window.size, window.start === 0),
    h("div", { class: "kk-whole", "aria-hidden": "true" }, h("span", { style: `left:${per(window.start)};width:${per(window.size)}` })), button("later changes", window.start + window.size, window.start === last));
}

const KEYS = "Left and Right: one record. Shift with them: the next of the same kind. Home, End: first, last. Space: play or pause. Up and Down: lane or row. Enter: pin. Escape: let go.";
const COMPARING = " Shift and click on the track, or c: a second cursor to compare with.";
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

// Builds the view and keeps it in step with the "data" and "cursor" traits.
function mount({ model, el }, draw) {
  const uid = `kk${nextSerial()}`;
  const abort = new AbortController();
  const signal = { signal: abort.signal };
  let data = model.get("data");
  let cursor = model.get("cursor");
  const afterwards = [];
  let pinned = null, timer = null, unfolded = false, compared = data.compare ?? null, notice = data.notice;

  const title = h("h2", { id: `${uid}-title` });
  const meta = h("div", { class: "kk-meta" });
  const legend = h("ul", { class: "kk-legend", "aria-label": "Legend" });
  const stage = h("div", { class: "kk-stage", tabindex: 0, role: "group", "aria-label": "Stage: arrow keys move among its marks" });
  const fold = h("div", { class: "kk-fold" });
  const left = h("div", {}, stage, fold);
  const top = h("div", { class: "kk-first" });
  const panel = h("div", { class: "kk-card" });
  const aside = h("aside", { class: "kk-insp", tabindex: 0, "aria-label": "Inspector" }, top, panel);
  const columns = h("div", { class: "kk-cols" }, left, aside);
  const below = h("div", {}), after = h("div", {});
  const button = (glyph, name, act) => h("button", { class: "kk-btn", type: "button", "aria-label": name, title: name, onclick: act }, icon(glyph, { hue: "" }));
  const play = button("play", "play (space)", () => toggle());
  const input = h("input", { type: "range", min: 1, "aria-label": "record" });
  const ticks = h("div", {});
  const count = h("span", { class: "kk-count" });
  const stepper = h("div", { class: "kk-steps", role: "group", "aria-label": "Stepper" },
    h("span", { class: "kk-btns" }, button("first", "first record (Home)", () => go(0)), button("prev", "previous record (left arrow)", () => go(cursor - 1)), play,
      button("next", "next record (right arrow)", () => go(cursor + 1)), button("last", "last record (End)", () => go(Infinity))),
    h("div", { class: "kk-track" }, ticks, input), count);
  const say = h("div", { class: "kk-say", role: "status", "aria-live": "polite" });
  const keys = h("div", { class: "kk-keys", hidden: true, text: KEYS });
  const root = h("section", { class: "kk-view", "aria-labelledby": `${uid}-title`, "data-lm-suppress-shortcuts": "true", "data-kk-view": data.view || "" },
    h("div", { class: "kk-head" }, title, meta), legend, columns, below, stepper, after, say, keys);
  el.replaceChildren(root);

  const records = () => data.records || [];
  const api = {
    uid, root, go, below, after, top, calm,
    // What a view's drawing wants to remember from one paint to the next (a selected row, say).
    keep: {},
    repaint: () => paint(),
    // The second cursor: an index of a record, or null. Shift and click on the track set it, `c` does it by key.
    get compared() { return compared; },
    compareWith(index) { compared = index === null || index === compared ? null : Math.max(0, Math.min(records().length - 1, index)); paint(); },
    get unfolded() { return unfolded; },
    indexOf: (id) => records().findIndex((record) => String(record.id) === String(id)),
    // Makes an element of the stage a mark: hover, focus and tap show its card; click and Enter pin it.
    mark(element, name, card) {
      element.classList.add("kk-mark");
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", name);
      element.dataset.mark = name;
      element.setAttribute("tabindex", "-1");
      const show = () => { if (!pinned) inspect(panel, card(), api); };
      element.addEventListener("mouseenter", show);
      element.addEventListener("focus", show);
      element.addEventListener("mouseleave", () => { if (!pinned) settle(); });
      element.addEventListener("click", () => pin(element, card));
      return element;
    },
    act(action, from) {
      if (action.copy !== undefined) { navigator.clipboard?.writeText(action.copy); say.replaceChildren(...rich(`Copied: \`${action.copy}\``)); return; }
      if (action.go !== undefined) { go(action.go); return; }
      from.disabled = true;
      from.title = "runs when the cell has finished";
      model.send({ action: action.name, arguments: action.arguments || {} });
    },
    send: (content) => model.send(content),
    // What needs a layout (scrolling) is done when everything is painted; see the end of paint().
    atLast: (act) => afterwards.push(act),
  };

  function pin(element, card) {
    const same = pinned === element;
    unpin();
    if (same) { settle(); return; }
    pinned = element;
    element.classList.add("kk-pinned");
    inspect(panel, card(), api);
  }
  function unpin() { pinned?.classList.remove("kk-pinned"); pinned = null; }
  function settle() { inspect(panel, records()[cursor]?.card || data.card || null, api); }
  function go(index) {
    const next = Math.max(0, Math.min(records().length - 1, index));
    if (next === cursor || records().length === 0) return;
    cursor = next;
    notice = null;
    unpin();
    paint();
    model.set("cursor", cursor);
    model.save_changes();
    if (data.cluster) document.dispatchEvent(new CustomEvent("kk-cursor", { detail: { cluster: data.cluster, id: records()[cursor].id, rev: records()[cursor].rev, from: uid } }));
  }
  function toggle(on = timer === null) {
    if (timer !== null) { clearInterval(timer); timer = null; }
    if (on && cursor < records().length - 1) {
      timer = setInterval(() => {
        go(cursor + 1);
        const record = records()[cursor];
        if (cursor >= records().length - 1 || record?.halt) toggle(false);
      }, 900);
    }
    play.setAttribute("aria-pressed", String(timer !== null));
    play.replaceChildren(icon(timer === null ? "play" : "pause", { hue: "" }));
    play.setAttribute("aria-label", timer === null ? "play (space)" : "pause (space)");
  }
  function paint() {
    const list = records(), record = list[cursor];
    title.replaceChildren(...rich(record?.title || data.title || ""));
    meta.replaceChildren(...(data.meta || []).flatMap(([name, value], i) => [i ? " · " : "", `${name} `, h("b", { text: value })]));
    legend.replaceChildren(...(record?.legend || data.legend || []).filter((item) => !item.when || compared !== null).map((item) => legendItem(uid, item)));
    columns.classList.toggle("kk-wide", data.inspector === false);
    aside.hidden = data.inspector === false;
    const focused = stage.contains(document.activeElement) ? document.activeElement.dataset.mark : undefined;
    const [scroll, down] = stage.childElementCount ? [stage.scrollLeft, stage.scrollTop] : [0, 0];
    stage.replaceChildren();
    below.replaceChildren();
    after.replaceChildren();
    top.replaceChildren();
    if (data.empty) stage.append(h("div", { class: "kk-empty" }, rich(data.empty)));
    else draw(stage, data, cursor, api);
    fold.hidden = !data.fold;
    if (data.fold) fold.replaceChildren(...rich(unfolded ? data.fold.shown || data.fold.text : data.fold.text), data.fold.toggle === false ? "" : h("button", { type: "button", onclick: () => { unfolded = !unfolded; paint(); } }, unfolded ? "Fold them away" : "Show them"));
    stepper.hidden = list.length === 0;
    input.max = Math.max(1, list.length);
    input.value = cursor + 1;
    const [unit, number, total] = unitOf(data, record, cursor, list.length);
    const time = record && record.t !== null && record.t !== undefined ? seconds(record.t) : "";
    const where = record ? `${data.spoken || "record"} ${number} of ${total}${time ? ", t = " + time : ""}${record.kind ? ", " + record.kind : ""}` : "";
    input.setAttribute("aria-valuetext", where);
    const done = placeOf(cursor, list.length);
    ticks.replaceChildren(h("span", { class: "kk-rail" }), h("span", { class: "kk-past", style: `width:${done}%` }), ...list.map((one, i) => tick(one, i, list.length, cursor)),
      ...(compared !== null && list[compared] ? [h("span", { class: "kk-second", style: `left:${placeOf(compared, list.length)}%`, "aria-hidden": "true" })] : []));
    count.replaceChildren(...(record ? [unit, " ", h("b", { text: number }), ` of ${total}`, ...(time ? [" · t = ", h("b", { text: time })] : [])] : []));
    const sentence = notice?.text || record?.sentence || data.sentence || "";
    say.replaceChildren(...rich(sentence));
    say.hidden = !sentence;
    say.classList.toggle("refused", Boolean(notice ? notice.hue === "refuse" : record?.halt === "refused" || data.refused));
    say.classList.toggle("fault", notice?.hue === "off");
    if (!pinned) settle();
    // Last, and only if needed: it asks for a layout. JupyterLab keeps cells out of sight from being laid out, and
    // Chromium, asked in the middle, would go on showing the half that was there.
    if (scroll) stage.scrollLeft = scroll;
    if (down) stage.scrollTop = down;
    if (focused) marksOf().find((mark) => mark.dataset.mark === focused)?.focus({ preventScroll: true });
    for (const act of afterwards.splice(0)) act();
  }
  function marksOf() { return [...stage.querySelectorAll(".kk-mark")]; }
  function rove(step) {
    const all = marksOf();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length].focus();
  }
  function sameKind(step) {
    const list = records(), kind = list[cursor]?.kind;
    for (let i = cursor + step; i >= 0 && i < list.length; i += step) if (list[i].kind === kind) return go(i);
  }
  root.addEventListener("keydown", (event) => {
    // The notebook must not hear a key that was meant for the view: "d d" would delete its cells.
    event.stopPropagation();
    const typing = ["TEXTAREA", "SELECT"].includes(event.target.tagName) || (event.target.tagName === "INPUT" && event.target.type !== "range");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const inStage = stage.contains(event.target);
    const onButton = ["BUTTON", "SUMMARY"].includes(event.target.tagName);
    const act = {
      ArrowLeft: () => (event.shiftKey ? sameKind(-1) : go(cursor - 1)), ArrowRight: () => (event.shiftKey ? sameKind(1) : go(cursor + 1)),
      ArrowUp: () => inStage && rove(-1), ArrowDown: () => inStage && rove(1), Home: () => go(0), End: () => go(Infinity),
      Enter: () => event.target.classList.contains("kk-mark") && event.target.dispatchEvent(new MouseEvent("click", { bubbles: true })),
      " ": () => !onButton && toggle(), c: () => data.compares && api.compareWith(cursor),
      Escape: () => { unpin(); if (compared !== null) api.compareWith(null); else settle(); data.compares && api.keep.release?.(); }, "?": () => { keys.hidden = !keys.hidden; keys.textContent = KEYS + (data.compares ? COMPARING : "") + (data.keys ? " " + data.keys : ""); },
    }[event.key];
    if (!act || (onButton && ["Enter", " "].includes(event.key))) return;
    if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !inStage) return;
    event.preventDefault();
    act();
  }, signal);
  let apart = false;
  input.addEventListener("pointerdown", (event) => {
    apart = Boolean(data.compares && event.shiftKey);
    if (!apart) return;
    event.preventDefault();
    const box = input.getBoundingClientRect();
    api.compareWith(Math.round(((100 * (event.clientX - box.left)) / box.width - 0.8) / 98.4 * (records().length - 1)));
  }, signal);
  input.addEventListener("input", () => { if (apart) input.value = cursor + 1; else go(Number(input.value) - 1); }, signal);
  document.addEventListener("kk-cursor", (event) => {
    const { cluster, id, rev, from } = event.detail;
    if (from === uid || cluster !== data.cluster) return;
    let index = api.indexOf(id);
    // Another view's record may be unknown here; views that know revisions then meet at the revision.
    if (index < 0 && rev) index = records().findLastIndex((record) => record.rev && record.rev <= rev);
    if (index >= 0 && index !== cursor) { cursor = index; unpin(); paint(); }
  }, signal);
  // A message that changes both sets both before either is told of: whoever is told first must take the two together.
  function take() {
    const next = model.get("data");
    if (next !== data) { data = next; compared = data.compare ?? null; notice = data.notice; }
    cursor = Math.max(0, Math.min(records().length - 1, model.get("cursor")));
    unpin();
    paint();
  }
  model.on("change:data", take);
  model.on("change:cursor", () => { if (model.get("cursor") !== cursor || model.get("data") !== data) take(); });
  paint();
  return () => { toggle(false); abort.abort(); };
}
