
// The revision explorer: a row a key, a column a revision. Labels stay at the left and the axis on top while the rest
// scrolls. Below the stepper: the value (or the difference of two), the key as the index has it, the command.
const GONE = { fill: "var(--kk-panel)", stroke: "var(--kk-off)", "stroke-width": 1.6, "stroke-dasharray": "2.5 2" };
const BOX = { rx: 4, stroke: "var(--kk-heard)", "stroke-width": 1.6 };
Object.assign(GLYPHS, {
  version_now: () => [s("rect", { x: 0, y: 0, width: 16, height: 16, ...BOX, fill: "var(--kk-heard)" }), s("text", { x: 8, y: 12.5, class: "mid b kk-on", text: "3" })],
  version: () => [s("rect", { x: 0, y: 0, width: 16, height: 16, ...BOX, fill: "var(--kk-paper)" }), s("text", { x: 8, y: 12.5, class: "mid b heard", text: "4" })],
  version_gone: () => [s("rect", { x: 0, y: 0, width: 16, height: 16, rx: 4, ...GONE })],
  tombstone: () => [p("M3 3l10 10M13 3L3 13", { stroke: "var(--kk-off)", "stroke-width": 2 })],
  leased: () => [s("circle", { cx: 8, cy: 8, r: 4.5, fill: "var(--kk-wait)", stroke: "var(--kk-wait-ink)", "stroke-width": 1.5 })],
  bars: () => [2, 7, 12].map((x, i) => s("rect", { x: x - 1, y: [8, 3, 6][i], width: 3.5, height: [7, 12, 9][i], fill: "var(--kk-heard)" })),
  compared: () => [s("rect", { x: 2, y: 1, width: 12, height: 14, rx: 3, fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.3, "stroke-dasharray": "3 2" })],
});
const AXIS = 28;

// The shortest edit of two lists of lines, deletions first; the same rule as difference() in stored_value.py.
function difference(before, after) {
  let start = 0, end = 0;
  while (start < Math.min(before.length, after.length) && before[start] === after[start]) start++;
  while (end < Math.min(before.length, after.length) - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const old = before.slice(start, before.length - end), now = after.slice(start, after.length - end);
  const longest = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--) longest[i][j] = old[i] === now[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  const edit = before.slice(0, start).map((text) => [" ", text]);
  let i = 0, j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) { edit.push([" ", old[i]]); i++; j++; }
    else if (i < old.length && (j === now.length || longest[i + 1][j] >= longest[i][j + 1])) edit.push(["-", old[i++]]);
    else edit.push(["+", now[j++]]);
  }
  return edit.concat(before.slice(before.length - end).map((text) => [" ", text]));
}

const readAt = (row, rev) => row.marks.find((mark) => mark.rev <= rev && (mark.until === null || rev < mark.until) && mark.kind === "version");

function axisOf(data) {
  // A row with very many marks makes the columns narrow: its versions are then bars, and the others' small boxes.
  const crowded = data.rows.some((row) => row.marks.length > data.most_marks);
  const wide = crowded ? 9 : data.columns.length > 24 ? 34 : 42;
  const x = new Map(), gaps = [];
  let at = 32;
  for (const column of data.columns) {
    if (column.rev === undefined) {
      const width = Math.max(crowded ? 9 : 34, crowded ? 0 : String(column.gap).length * 7.3 + 18);
      gaps.push({ x: at, width, count: column.gap });
      at += width;
      continue;
    }
    x.set(column.rev, at + wide / 2);
    at += wide;
  }
  const last = data.columns[data.columns.length - 1].rev;
  const ends = data.rows.some((row) => row.marks.some((mark) => mark.text && mark.rev === last));
  return { x, gaps, wide, crowded, width: at + (ends ? 84 : 28) };
}

function drawRevisions(stage, data, cursor, api) {
  const record = data.records[cursor], rev = record.rev;
  const base = api.compared !== null ? data.records[api.compared]?.rev : null;
  if (api.keep.data !== data) { api.keep.data = data; api.keep.row = data.selected ?? 0; }
  const axis = axisOf(data), tall = data.rows.length <= 5, ROW_H = tall ? 47 : 27;
  const longest = Math.max(...data.rows.map((row) => (tall ? Math.max(row.name.length, row.kind.length) : row.name.length + (row.kind ? row.kind.length + 1 : 0))));
  const names = Math.min(248, Math.max(158, longest * 7.4 + 22)), letters = Math.floor((names - 20) / 7.3);
  const room = Math.max(axis.width, 636 - names), every = axis.crowded ? 6 : 1, height = data.rows.length * ROW_H + 12;
  const stops = [...axis.x.keys()], half = Math.max(8, axis.wide / 2 - 1), digits = (at) => String(at).length * 7.4 + 8;
  const near = (place) => stops.reduce((best, stop) => (Math.abs(axis.x.get(stop) - place) < Math.abs(axis.x.get(best) - place) ? stop : best), stops[0]);
  const pick = (event) => {
    const index = data.records.findIndex((one) => one.rev === near(event.offsetX));
    if (event.shiftKey) api.compareWith(index); else api.go(index);
  };

  // What stands in every part of the grid: the compacted ground, the two cursors.
  const hatch = (id) => s("defs", {}, s("pattern", { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("path", { d: "M0 0v5", stroke: "var(--kk-edge)", "stroke-width": 1.6 })));
  const cut = data.compacted > 0 ? Math.max(0, ...stops.filter((stop) => stop <= data.compacted).map((stop) => axis.x.get(stop) + axis.wide / 2)) : 0;
  const band = (at, y, tallness, second) => s("rect", { x: axis.x.get(at) - half, y, width: 2 * half, height: tallness, rx: 4, ...(second ? { fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.2, "stroke-dasharray": "4 3" } : { fill: "var(--kk-ask-tint)", stroke: "var(--kk-ask)", "stroke-width": 2 }) });
  const grounds = (y, tallness) => [base !== null && axis.x.has(base) ? band(base, y, tallness, true) : null, band(rev, y, tallness, false)];

  const head = s("svg", { class: "kk-axis", width: "100%", height: AXIS, "aria-hidden": "true" }, grounds(4, AXIS + 10), cut ? s("line", { x1: cut, x2: cut, y1: 20, y2: AXIS, stroke: "var(--kk-off)", "stroke-width": 1.5 }) : null,
    stops.filter((stop, i) => stop === rev || stop === base || (i % every === 0 && (every === 1 || [rev, base].every((other) => other === null || Math.abs(axis.x.get(other) - axis.x.get(stop)) > digits(stop)))))
      .map((stop) => label(axis.x.get(stop), 20, stop, `mono mid ${stop === rev ? "b ask" : stop === base ? "b" : "ink2"}`)),
    axis.crowded ? null : axis.gaps.map((gap) => s("g", {}, s("title", { text: `${gap.count} revisions changed nothing here` }), label(gap.x + gap.width / 2, 20, `+${gap.count}`, "mid ink2"))));
  head.addEventListener("click", pick);
  const body = s("svg", { width: "100%", height, role: "img", "aria-label": `Generations of ${data.rows.length} keys; cursor at revision ${rev}${data.compacted > 0 ? `; compacted at ${data.compacted}` : ""}` }, hatch(`${api.uid}-hatch`),
    cut ? [s("rect", { x: 0, y: 0, width: cut, height, fill: `url(#${api.uid}-hatch)`, opacity: 0.28 }), s("line", { x1: cut, x2: cut, y1: 0, y2: height - 4, stroke: "var(--kk-off)", "stroke-width": 1.5 })] : null,
    axis.crowded ? null : axis.gaps.map((gap) => s("path", { d: `M${gap.x + 14} 0V${height}M${gap.x + 19} 0V${height}`, stroke: "var(--kk-line)", "stroke-dasharray": "2 4" })), grounds(-10, height + 6));
  body.addEventListener("click", (event) => { if (!event.target.closest(".kk-mark")) pick(event); });
  const side = s("svg", { class: "kk-names", width: names, height });

  data.rows.forEach((row, index) => {
    const y = index * ROW_H, middleY = y + ROW_H / 2, full = row.key, chosen = index === api.keep.row;
    const cell = s("g", {}, s("title", { text: full }), s("rect", { class: "kk-halo", x: 2, y: y + 2, width: names - 6, height: ROW_H - 4, rx: 4 }),
      chosen ? s("rect", { x: 2, y: y + 2, width: names - 6, height: ROW_H - 4, rx: 4, fill: "var(--kk-ask-tint)", stroke: "var(--kk-ask)", "stroke-width": 1.5 }) : null,
      tall && row.kind ? [label(11, y + 20, middle(row.kind, letters), "b"), label(11, y + 37, middle(row.name, letters), "mono")]
        : row.kind ? s("text", { x: 11, y: middleY + 4, class: "mono" }, s("tspan", { class: "ink2", text: `${row.kind} ` }), s("tspan", { text: middle(row.name, Math.max(8, letters - row.kind.length - 1)) }))
          : label(11, middleY + 4, middle(row.name, letters), "mono"));
    side.append(mark(cell, `${full}${chosen ? ", selected" : ""}`, full, () => [index, null], () => { api.keep.row = index; api.repaint(); }));
    if (index) { body.append(s("line", { x1: 0, x2: "100%", y1: y, y2: y, stroke: "var(--kk-line)" })); side.append(s("line", { x1: 4, x2: names, y1: y, y2: y, stroke: "var(--kk-line)" })); }
    const seen = row.marks.filter((one) => axis.x.has(one.rev)), now = readAt(row, rev), firstX = axis.x.get(stops[0]);
    const readable = data.compacted < 0 || rev >= data.compacted;
    for (const life of row.generations) {
      const from = axis.x.get(life.from) ?? firstX - axis.wide / 2, to = life.to === null ? "100%" : axis.x.get(life.to);
      if (to === undefined) continue;
      body.append(s("line", { x1: from, x2: to, y1: middleY, y2: middleY, stroke: "var(--kk-heard)", "stroke-width": 2.5, "stroke-opacity": 0.6 }));
      const before = axis.x.get(life.from) - 64, free = !seen.some((one) => axis.x.get(one.rev) > before && one.rev < life.from);
      if (axis.x.has(life.from) && seen.length <= data.most_marks && tall && free) body.append(label(from - 14, middleY + 4, `gen ${life.number}`, "ink2 end kk-gen"));
    }
    if (seen.length > data.most_marks) bars(body, row, seen, axis, stops, y, ROW_H, readable ? now : null);
    for (const one of seen) {
      const at = axis.x.get(one.rev), current = readable && one === now;
      if (seen.length > data.most_marks && !current) continue;
      const wide = Math.max(20, String(one.version ?? "").length * 7.6 + 8), size = 20, small = axis.crowded && !current;
      let drawn, said;
      if (one.kind === "tombstone") {
        const free = one.until === null || (axis.x.get(one.until) ?? Infinity) - at > 96;
        drawn = [s("rect", { x: at - 8, y: middleY - 8, width: 16, height: 16, fill: "var(--kk-panel)" }), s("path", { d: `M${at - 5} ${middleY - 5}l10 10M${at + 5} ${middleY - 5}l-10 10`, stroke: "var(--kk-off)", "stroke-width": 2, "stroke-linecap": "round" }),
          free ? [s("rect", { x: at + 10, y: middleY - 8, width: one.text.length * 7.3 + 2, height: 16, fill: "var(--kk-panel)" }), label(at + 11, middleY + 4, one.text, "mono ink2")] : null];
        said = `tombstone at revision ${one.text}`;
      } else if (one.kind === "gone") {
        drawn = small ? s("rect", { x: at - 3.5, y: middleY - 6, width: 7, height: 12, rx: 2, ...GONE }) : s("rect", { x: at - 9, y: middleY - 9, width: 18, height: 18, rx: 4, ...GONE });
        said = `version written at revision ${one.rev}, compacted away`;
      } else {
        drawn = small ? s("rect", { x: at - 3.5, y: middleY - 6, width: 7, height: 12, ...BOX, rx: 2, fill: "var(--kk-paper)" }) : [s("rect", { x: at - wide / 2, y: middleY - size / 2, width: wide, height: size, ...BOX, fill: current ? "var(--kk-heard)" : "var(--kk-paper)" }), label(at, middleY + 4, one.version, `mid b ${current ? "kk-on" : "heard"}`),
          one.lease ? s("circle", { cx: at + wide / 2 - 1, cy: middleY - size / 2 + 1, r: 4, fill: "var(--kk-wait)", stroke: "var(--kk-wait-ink)", "stroke-width": 1.3 }) : null];
        said = `version ${one.version}, written at revision ${one.rev}${current ? ", read at the cursor" : ""}${one.lease ? ", tied to a lease" : ""}`;
      }
      const group = s("g", {}, s("title", { text: `${row.name}: ${said}` }), s("rect", { class: "kk-halo", x: at - (small ? 6 : wide / 2 + 4), y: middleY - 14, width: small ? 12 : wide + 8, height: 28, rx: 6 }), drawn);
      body.append(mark(group, `${row.name}: ${said}`, `${full} ${one.rev}`, () => [index, one.rev], (event) => {
        api.keep.row = index;
        const place = data.records.findIndex((other) => other.rev === one.rev);
        if (event.shiftKey) api.compareWith(place); else if (place === cursor) api.repaint(); else api.go(place);
      }));
    }
  });
  if (cut) {
    // In the ground of the last row, as wide as it is; where that is narrow, at the right of the line.
    const text = `compacted at ${data.compacted}`, left = cut > text.length * 7 + 16;
    body.append(s("rect", { x: left ? cut - text.length * 6.7 - 10 : cut + 4, y: height - 17, width: text.length * 6.7 + 6, height: 15, fill: "var(--kk-panel)" }), label(left ? cut - 6 : cut + 7, height - 5, text, `b ${left ? "end" : ""}`));
  }
  const corner = h("div", { class: "kk-corner", text: "revision" });
  const grid = h("div", { class: "kk-grid", style: `grid-template-columns:${names}px minmax(${room}px, 1fr)` }, corner, head, side, body);
  stage.append(grid);
  api.atLast(() => {
    const at = names + axis.x.get(rev), view = stage.clientWidth;
    const top = api.keep.row * ROW_H, seen = stage.clientHeight - AXIS;
    if (top < stage.scrollTop || top + ROW_H > stage.scrollTop + seen) stage.scrollTop = Math.max(0, top - seen / 2);
    if (at + 60 > stage.scrollLeft + view || at - axis.wide < stage.scrollLeft + names) stage.scrollLeft = Math.max(0, at - view + Math.min(240, view / 3));
  });
  stage.classList.toggle("kk-low", Boolean(data.window));
  if (data.window) api.below.append(brush(data.window, api));

  const panels = h("div", { class: "kk-answers" });
  api.after.append(panels);
  const show = (index, at) => answer(panels, data, data.rows[index] ?? data.rows[0], at ?? rev, base, api);
  show(api.keep.row, null);

  function mark(element, name, id, what, act) {
    Object.entries({ role: "button", "aria-label": name, tabindex: "-1" }).forEach(([key, value]) => element.setAttribute(key, value));
    element.classList.add("kk-mark");
    element.dataset.mark = id;
    for (const event of ["mouseenter", "focus"]) element.addEventListener(event, () => show(...what()));
    for (const event of ["mouseleave", "blur"]) element.addEventListener(event, () => show(api.keep.row, null));
    element.addEventListener("click", act);
    return element;
  }
}

// A row with too many marks: how many versions fall on each eight columns.
function bars(body, row, seen, axis, stops, y, tall, now) {
  const runs = [];
  stops.forEach((stop, i) => { const at = Math.floor(i / 8); (runs[at] ||= { from: stop, to: stop, count: 0 }).to = stop; });
  for (const one of seen) runs.find((run) => run.from <= one.rev && one.rev <= run.to).count++;
  const most = Math.max(...runs.map((run) => run.count));
  for (const run of runs.filter((each) => each.count)) {
    const x = axis.x.get(run.from) - axis.wide / 2 + 2, width = axis.x.get(run.to) + axis.wide / 2 - 2 - x, high = Math.max(3, ((tall - 12) * run.count) / most);
    const free = !now || now.rev < run.from || now.rev > run.to;
    body.append(s("g", {}, s("title", { text: `${row.name}: ${run.count} versions between ${run.from} and ${run.to}` }), s("rect", { x, y: y + tall - 4 - high, width, height: high, fill: "var(--kk-heard-tint)", stroke: "var(--kk-heard)" }), free ? label(x + width / 2, y + tall - 8, run.count, "mid heard b") : null));
  }
}

function answer(panels, data, row, rev, base, api) {
  const readable = (at) => data.compacted < 0 || at >= data.compacted;
  const versionAt = (at) => (readable(at) ? readAt(row, at) : undefined);
  const linesOf = (mark) => (mark?.lines || []).map((number) => data.lines[number]);
  const word = (at) => (readable(at) ? (versionAt(at) ? `version ${versionAt(at).version}` : "no such key") : "compacted");
  const pair = (a, b) => (versionAt(a) && versionAt(b) ? `versions ${versionAt(a).version} and ${versionAt(b).version}` : `${word(a)} and ${word(b)}`);
  const here = versionAt(rev), there = base === null ? undefined : versionAt(base);
  const button = (text, act, copy) => h("button", { class: "kk-btn", type: "button", title: copy || null, onclick: act }, text);
  const comparing = base !== null && base !== rev;
  const low = Math.min(base ?? rev, rev), high = Math.max(base ?? rev, rev);

  const value = h("div", { class: "kk-panel" }, h("div", { class: "kk-top" }, h("h3", { class: "kk-h3" }, comparing ? `value at ${low} and at ${high} ` : `value at ${rev} `, h("span", { class: "ink2 kk-thin", text: comparing ? pair(low, high) : word(rev) })),
    comparing || base !== null ? button("end comparison", () => api.compareWith(null)) : button("compare from here", () => { api.keep.from = data.records.findIndex((one) => one.rev === rev); api.compareWith(api.keep.from); })));
  if (!readable(rev) || (comparing && !readable(base))) value.append(h("pre", { class: "kk-pre refuse", text: data.refusal }));
  else if (comparing) {
    const [first, second] = rev < base ? [here, there] : [there, here];
    value.append(...diffRows(linesOf(first), linesOf(second)), h("div", { class: "kk-k", text: notes(linesOf(first), linesOf(second), data.forms[(second || first)?.form]) }));
  } else if (here) value.append(here.lines ? h("pre", { class: "kk-pre", text: linesOf(here).join("\n") }) : h("div", { class: "ink2", text: `This value is not carried along (${data.values_left} are not): ask for it.` }), h("div", { class: "kk-k", text: data.forms[here.form] || "" }));
  else value.append(h("div", { class: "ink2", text: "A read at this revision finds no such key." }));

  const writer = here ? data.records.find((one) => one.rev === here.rev) : null;
  const facts = here ? [["create_revision", here.create], ["mod_revision", here.rev], ["version", here.version], ["lease", here.lease || 0]] : [];
  const key = h("div", { class: "kk-panel" }, h("h3", { class: "kk-h3", text: readable(rev) ? (here ? `the key at revision ${rev}` : `no such key at revision ${rev}`) : `not readable at revision ${rev}` }),
    facts.length ? h("dl", { class: "kk-figures" }, facts.map(([name, figure]) => [h("dt", { text: name }), h("dd", { text: figure })])) : null,
    writer?.by ? [h("div", { class: "kk-k", text: "written by" }), h("div", { class: "mono kk-wrap", text: writer.by })] : null,
    h("div", { class: "kk-k", text: "its index, now" }), h("pre", { class: "kk-pre", text: row.index.length ? "generations:\n" + row.index.slice().reverse().map((line) => "  " + line).join("\n") : "nothing: compaction took the key" }),
    here && here.raw !== undefined ? h("details", {}, h("summary", { text: `raw value, ${here.bytes} bytes` }), h("pre", { class: "kk-pre", text: data.raws[here.raw] })) : null);

  const command = `etcdctl get --rev=${rev}`, copy = `%${command} ${row.key}`;
  const low_end = data.compacted > 1 ? [h("div", { class: "kk-k", text: "below the compacted revision" }), h("pre", { class: "kk-pre", text: `etcdctl get --rev=${data.compacted - 1} \\\n  ${row.key}` }), h("div", { class: "refuse mono kk-wrap", text: data.refusal })]
    : [h("div", { class: "kk-k", text: "nothing is compacted yet; this would forget what came before" }), h("pre", { class: "kk-pre", text: `etcdctl compact ${rev}` })];
  const ask = h("div", { class: "kk-panel" }, h("div", { class: "kk-top" }, h("h3", { class: "kk-h3", text: "ask it yourself" }), button("copy as code", () => api.act({ copy }), copy)), h("pre", { class: "kk-pre", text: `${command} \\\n  ${row.key}` }), !readable(rev) ? h("div", { class: "refuse mono kk-wrap", text: data.refusal }) : low_end);
  panels.replaceChildren(value, key, ask);
}

// What differs and two lines around it; what lies between is counted.
function diffRows(before, after) {
  const edit = difference(before, after), keep = new Set();
  edit.forEach(([sign], i) => { if (sign !== " ") for (let k = i - 2; k <= i + 2; k++) keep.add(k); });
  if (!keep.size) return [h("div", { class: "ink2", text: "no difference" })];
  const out = [];
  let skipped = 0;
  edit.forEach(([sign, text], i) => {
    if (!keep.has(i)) { skipped++; return; }
    if (skipped) out.push(h("div", { class: "kk-d kk-alike", text: `${skipped} lines alike` }));
    skipped = 0;
    out.push(h("div", { class: `kk-d ${sign === "-" ? "t-refuse" : sign === "+" ? "t-good" : ""}` }, h("span", { text: sign === " " ? "" : sign }), text));
  });
  if (skipped) out.push(h("div", { class: "kk-d kk-alike", text: `${skipped} lines alike` }));
  return out;
}

// The parts of the object in which nothing differs, and what the lines are.
function notes(before, after, form) {
  const same = [];
  let part = "", differs = false;
  const close = () => { if (part && !differs) same.push(part); };
  for (const [sign, text] of difference(before, after)) {
    if (/^[A-Za-z]\w*:/.test(text)) { close(); part = text.split(":")[0]; differs = false; }
    if (sign !== " ") differs = true;
  }
  close();
  return [same.length ? `${same.join(", ")}: no change` : "", form || ""].filter(Boolean).join(" · ");
}

export default { render: (context) => mount(context, drawRevisions) };
