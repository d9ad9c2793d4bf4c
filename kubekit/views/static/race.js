// The conflict race: a lane a writer, beside them the door with the versions that were stored. Time runs downward.
const RLANE = 148, RROW = 44, RHEAD = 44;

function drawRace(stage, data, cursor, api) {
  const count = data.writers.length, doorX = RLANE * count + 110, width = doorX + 172, height = RROW * data.rows.length + 14;
  const svg = s("svg", { width, height, role: "group", "aria-label": data.records[cursor].sentence.replace(/[`*]/g, "") }, markers(api.uid));
  const head = s("svg", { width, height: RHEAD, "aria-hidden": "true" });
  const laneX = (i) => RLANE * i + 74, row = data.rows[cursor];
  data.writers.forEach((name, i) => {
    svg.append(s("line", { x1: laneX(i), x2: laneX(i), y1: 0, y2: height - 6, stroke: "var(--kk-line)", "stroke-width": 1.5 }));
    head.append(s("rect", { x: laneX(i) - 66, y: 8, width: 132, height: 28, rx: 6, fill: row.writer === i ? "var(--kk-ask-tint)" : "var(--kk-paper)", stroke: row.writer === i ? "var(--kk-ask)" : "var(--kk-edge)" }),
      s("text", { x: laneX(i), y: 27, class: "b mid" }, s("title", { text: name }), middle(name, 18)));
  });
  svg.append(s("rect", { x: doorX - 8, y: 2, width: 16, height: height - 6, rx: 4, fill: "var(--kk-ask-tint)", stroke: "var(--kk-ask)" }));
  head.append(s("text", { x: doorX, y: 20, class: "b mid", text: "kube-apiserver" }), s("text", { x: doorX, y: 36, class: "ink2 mid", text: "stored version" }));
  data.rows.forEach((one, i) => {
    const y = RROW * i + 4, later = i > cursor, from = laneX(one.writer), to = doorX - 9, bad = one.status >= 400;
    const mark = s("g", later ? { opacity: 0.66 } : {}, s("rect", { class: "kk-halo", x: 2, y, width: width - 4, height: RROW - 4, rx: 5, ...(i === cursor ? { style: `fill:var(--kk-${bad ? "refuse" : "ask"}-tint)` } : {}) }));
    const versioned = one.kind === "read" ? one.verb : `${one.verb}${one.at ? ` made from ${one.at}` : ""}`;
    mark.append(line(api.uid, "request", `M${from} ${y + 16}H${to}`), s("circle", { cx: from, cy: y + 16, r: 3.5, fill: "var(--kk-ask)" }));
    const chip = (text, atY, cls) => { const w = 7.4 * text.length + 10, mid = (from + to) / 2; return [s("rect", { x: mid - w / 2, y: atY - 12, width: w, height: 16, rx: 3, fill: later || i !== cursor ? "var(--kk-panel)" : `var(--kk-${bad ? "refuse" : "ask"}-tint)` }), s("text", { x: mid, y: atY, class: `mid mono ${cls}`, text })]; };
    mark.append(line(api.uid, bad ? "refusal" : "response", `M${to} ${y + 32}H${from + 5}`), ...chip(versioned, y + 18, ""), ...chip(one.kind === "read" ? (one.at ? `version ${one.at}` : one.answer) : one.answer, y + 35, bad ? "refuse" : ""));
    if (one.kind === "stale") mark.append(icon("refuse", { x: doorX + 16, y: y + 9, size: 16 }), label(doorX + 38, y + 21, `stored is ${one.stored}`, "refuse mono"));
    else if (bad) mark.append(icon("refuse", { x: doorX + 16, y: y + 9, size: 16 }));
    else if (one.now && one.kind !== "read") {
      mark.append(s("rect", { x: doorX + 14, y: y + 8, width: 7.4 * (8 + one.now.length) + 18, height: 20, rx: 4, fill: "var(--kk-heard-tint)", stroke: "var(--kk-heard)", "stroke-width": 1.3 }), label(doorX + 22, y + 22, `version ${one.now}`, "heard mono"));
    }
    mark.addEventListener("click", () => api.go(i));
    svg.append(api.mark(mark, `${data.writers[one.writer]}, ${versioned}, ${one.answer}`, () => data.records[i].card));
  });
  const frame = h("div", { class: "kk-race" }, h("div", { class: "kk-rhead" }, head), svg);
  stage.append(frame);
  api.atLast(() => { const y = RHEAD + RROW * cursor; if (y < stage.scrollTop + RHEAD || y + RROW > stage.scrollTop + stage.clientHeight) stage.scrollTop = Math.max(0, y - stage.clientHeight / 2); });
}

export default { render: (context) => mount(context, drawRace) };
