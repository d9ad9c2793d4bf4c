
// A sequence picture: a lane a party, a row a message. Lanes and rows keep their places through every step.
const ROW = 28, HEAD = 56, LANE = 106;

// A lane's name in at most three lines, broken where it has a hyphen.
function lines(name) {
  const out = [""];
  for (const part of name.split(/(?<=-)/)) if (out[out.length - 1] && (out[out.length - 1] + part).length > 11) out.push(part); else out[out.length - 1] += part;
  return out.slice(0, 3);
}

function drawLife(stage, data, cursor, api) {
  const lanes = data.lanes.filter((lane) => api.unfolded || !lane.folded);
  const current = data.records[cursor];
  const rows = data.rows.filter((row) => api.unfolded || !row.folded).slice(0, api.unfolded ? undefined : data.records.length);
  const gap = Math.max(LANE, (636 - 40) / Math.max(1, lanes.length));
  const width = Math.max(636, 24 + gap * lanes.length);
  const height = HEAD + 14 + rows.length * ROW + 8;
  const x = (name) => 12 + gap / 2 + gap * lanes.findIndex((lane) => lane.id === name);
  const canvas = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": current ? current.sentence.replace(/[`*]/g, "") : "" }, markers(api.uid));
  for (const lane of lanes) {
    const at = x(lane.id), door = lane.name === "kube-apiserver";
    canvas.append(s("line", { x1: at, x2: at, y1: HEAD, y2: height - 4, stroke: door ? "var(--kk-ask)" : "var(--kk-line)", "stroke-width": door ? 3 : 1.5, "stroke-opacity": door ? 0.45 : 1 }));
    const told = [...lines(lane.name).map((text) => [text, "b mid"]), ...(lane.sub ? [[middle(lane.sub, 14), "ink2 mid"]] : [])];
    const boxWidth = Math.min(gap - 8, Math.max(62, Math.max(...told.map(([text]) => text.length)) * 7.6 + 14)), first = 29 - (told.length - 1) * 7.5 + 4;
    canvas.append(s("g", {}, s("title", { text: lane.sub ? `${lane.name} on ${lane.sub}` : lane.name }),
      s("rect", { x: at - boxWidth / 2, y: 5, width: boxWidth, height: 48, rx: 5, fill: door ? "var(--kk-ask-tint)" : "var(--kk-paper)", stroke: door ? "var(--kk-ask)" : "var(--kk-edge)", "stroke-width": door ? 2 : 1.2 }),
      told.map(([text, cls], i) => label(at, first + i * 15, text, cls))));
  }
  rows.forEach((row, index) => {
    const y = HEAD + 14 + index * ROW, baseline = y + 15;
    const group = s("g", { opacity: row.folded ? 0.55 : 1 });
    const selected = current && row.id === current.id;
    if (selected) group.append(s("rect", { x: 0, y: y - 2, width, height: ROW, fill: "var(--kk-ask-tint)" }), s("rect", { x: 0, y: y - 2, width: 3, height: ROW, fill: "var(--kk-ask)" }));
    group.append(s("rect", { class: "kk-halo", x: 4, y: y - 1, width: width - 8, height: ROW - 2, rx: 3 }));
    const from = x(row.from), to = x(row.to);
    const hue = row.kind === "watch" ? "heard" : row.refused ? "refuse" : row.kind === "decision" ? "chosen" : "ask";
    const bold = selected ? " b" : "";
    if (row.kind === "decision") {
      group.append(icon(row.refused ? "refuse" : "lead", { x: from - 7, y: y + 5, size: 14 }), label(from + 13, y + 16, row.label, hue + bold));
    } else {
      const kind = { watch: "watch", response: "response", refusal: "refusal" }[row.kind] || "request";
      const dir = Math.sign(to - from);
      group.append(line(api.uid, kind, `M${from + 4 * dir} ${baseline + 3}H${to - 4 * dir}`));
      group.append(label((from + to) / 2, baseline - 3, row.label, `${hue} mid${bold}`));
      if (row.kind === "write" && row.rev) {
        const text = `rev ${row.rev}`, chip = text.length * 7.3 + 10;
        group.append(s("rect", { x: to + 8, y: y + 7, width: chip, height: 19, rx: 4, fill: "var(--kk-raise)", stroke: "var(--kk-edge)" }), label(to + 13, y + 21, text, "mono"));
      }
    }
    api.mark(group, `${index + 1}: ${row.from} to ${row.to}: ${row.label}`, () => row.card);
    group.addEventListener("dblclick", () => api.go(api.indexOf(row.id)));
    canvas.append(group);
  });
  stage.append(canvas);
}

export default { render: (context) => mount(context, drawLife) };
