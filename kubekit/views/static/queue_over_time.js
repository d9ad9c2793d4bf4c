// The queue over time. Above, the places with the pods that are in them at the cursor; below, a row a pod and a
// column a move: the place a pod is in is drawn as a band until its next move, its glyph where it came in.
const QROW = 26, QNAME = 12, QHEAD = 8;

function homes(data, stop) {
  return h("div", { class: "kk-homes" }, data.homes.map((home) => {
    const place = data.places[home], inside = stop.homes[home], more = stop.counts[home] - inside.length, mine = stop.to === home;
    return h("div", { class: `kk-home${mine ? " kk-here" : ""}` }, h("div", { class: "kk-hname" }, icon(place.glyph, { size: 14 }), h("b", { text: place.name }), h("span", { class: "ink2", text: String(stop.counts[home]) })),
      h("div", { class: "kk-hpods" }, inside.slice(0, 4).map((pod) => h("span", { class: `kk-chip${data.pods[stop.row].name === pod ? " t-ask" : ""}`, title: pod, text: middle(pod.split("/").pop(), 14) })),
        more + Math.max(0, inside.length - 4) > 0 ? h("span", { class: "ink2", text: `and ${more + Math.max(0, inside.length - 4)} more` }) : null));
  }));
}

const BANDS = {
  active: { fill: "var(--kk-paper)", stroke: "var(--kk-ask)" },
  "in flight": { fill: "var(--kk-ask-tint)", stroke: "var(--kk-ask)" },
  backoff: { fill: "var(--kk-wait-tint)", stroke: "var(--kk-wait-ink)" },
  unschedulable: { fill: "var(--kk-refuse-tint)", stroke: "var(--kk-refuse)", "stroke-dasharray": "4 3" },
  gated: { fill: "none", stroke: "var(--kk-off)", "stroke-dasharray": "2 3" },
};

function drawQueue(stage, data, cursor, api) {
  const list = data.records, stop = list[cursor];
  const width = Math.max(26, Math.min(76, Math.floor(540 / list.length)));
  const total = QNAME + width * list.length + 16, height = QHEAD + QROW * data.pods.length + 30;
  const x = (i) => QNAME + width * i + 4;
  const svg = s("svg", { width: total, height, role: "group", "aria-label": stop.sentence });
  svg.append(s("rect", { x: x(cursor) - 2, y: 2, width, height: height - 28, rx: 4, fill: "var(--kk-ask-tint)" }));
  data.pods.forEach((pod, row) => {
    const y = QHEAD + QROW * row, mine = list.map((one, i) => [one, i]).filter(([one]) => one.row === row);
    svg.append(s("line", { x1: 0, x2: total, y1: y + QROW, y2: y + QROW, stroke: "var(--kk-line)" }));
    if (pod.before !== null && pod.before !== undefined && BANDS[pod.before]) svg.append(s("rect", { x: QNAME, y: y + 7, width: Math.max(3, x(mine[0]?.[1] ?? cursor + 1) - QNAME), height: 12, rx: 2, "stroke-width": 1.2, ...BANDS[pod.before] }));
    mine.forEach(([one, i], n) => {
      if (i > cursor) {
        svg.append(s("circle", { cx: x(i) + 10, cy: y + 13, r: 3, fill: "none", stroke: "var(--kk-edge)" }));
        return;
      }
      const end = n + 1 < mine.length ? Math.min(mine[n + 1][1], cursor + 1) : cursor + 1;
      if (BANDS[one.to]) svg.append(s("rect", { x: x(i) + 4, y: y + 7, width: Math.max(6, x(end) - x(i) - 2), height: 12, rx: 2, "stroke-width": 1.2, ...BANDS[one.to] }));
    });
    mine.forEach(([one, i]) => {
      if (i > cursor) return;
      const mark = s("g", {}, s("rect", { class: "kk-halo", x: x(i), y: y + 3, width: 20, height: 20, rx: 4 }), s("circle", { cx: x(i) + 10, cy: y + 13, r: 9, fill: "var(--kk-panel)" }), icon(data.places[one.to].glyph, { size: 16, x: x(i) + 2, y: y + 5 }));
      mark.addEventListener("click", () => api.go(i));
      svg.append(api.mark(mark, `${pod.name}, ${one.kind}, ${one.event}, t = ${seconds(one.t)}`, () => one.card));
    });
  });
  // The axis: the time is written where it changes and there is room.
  let free = 0;
  list.forEach((one, i) => {
    if ((i && one.t === list[i - 1].t) || x(i) < free) return;
    svg.append(s("line", { x1: x(i), x2: x(i), y1: height - 26, y2: height - 20, stroke: "var(--kk-edge)" }), label(x(i), height - 7, seconds(one.t), "ink2"));
    free = x(i) + 62;
  });
  const names = h("div", { class: "kk-names" }, data.pods.map((pod, row) => h("div", { class: row === stop.row ? "kk-now" : null, title: pod.name, text: middle(pod.name.split("/").pop(), 18) })), h("div", { class: "ink2", text: "one column a move" }));
  const chart = h("div", { class: "kk-chart" }, svg);
  stage.append(homes(data, stop), h("div", { class: "kk-over" }, names, chart));
  // The cursor's column is brought into sight as soon as there is a layout: a cell out of sight has none yet.
  const seen = new ResizeObserver(() => {
    if (!chart.clientWidth) return;
    seen.disconnect();
    chart.scrollLeft = Math.max(0, x(cursor) - chart.clientWidth + 2 * width);
  });
  seen.observe(chart);
}

export default { render: (context) => mount(context, drawQueue) };
