
// The packet walk: the hops as a strip, then the chains of the current hop, then what changed.
const HOP_W = 104, HOP_H = 40, HOP_GAP = 18;
const SHORT = { sends: "sends", receives: "receives", routing: "routing" };

function strip(stage, data, cursor, api) {
  const out = data.hops.filter((hop) => hop.way === "out"), back = data.hops.filter((hop) => hop.way === "back");
  const groups = [];
  out.forEach((hop) => { const last = groups[groups.length - 1]; if (last && last.node === hop.node) last.hops.push(hop); else groups.push({ node: hop.node, hops: [hop] }); });
  let x = 10;
  const place = new Map();
  for (const group of groups) {
    group.x = x; x += 12;
    for (const hop of group.hops) { place.set(hop.number, x); x += HOP_W + HOP_GAP; }
    x += 12 - HOP_GAP; group.width = x - group.x; x += HOP_GAP + 4;
  }
  const width = Math.max(636, x + 4), current = data.hops[cursor];
  const canvas = s("svg", { viewBox: `0 0 ${width} 116`, width, height: 116, role: "img", "aria-label": (data.records[cursor]?.sentence || "").replace(/[`*]/g, "") }, markers(api.uid));
  for (const group of groups) canvas.append(s("rect", { x: group.x, y: 4, width: group.width, height: 108, rx: 8, fill: "none", stroke: "var(--kk-edge)" }), label(group.x + 12, 22, group.node || "outside the cluster", "b"));
  out.forEach((hop, index) => {
    const at = place.get(hop.number), here = hop.number === current?.number;
    if (index) canvas.append(line(api.uid, "packet", `M${place.get(out[index - 1].number) + HOP_W + 1} 51H${at - 2}`));
    const refused = hop.verdict === "refuse";
    const who = hop.what === "sends" || hop.what === "receives" ? hop.place.split("/").pop() : hop.what;
    const under = hop.what === "sends" ? hop.src.replace(/:\d+$/, "") : hop.what === "receives" ? hop.dst.replace(/:\d+$/, "") : hop.what === "routing" ? "which way" : hop.tables || "no table";
    const group = s("g", {}, s("title", { text: `${hop.place} ${hop.what}. ${hop.reason}` }),
      s("rect", { class: "kk-halo", x: at - 3, y: 28, width: HOP_W + 6, height: HOP_H + 6, rx: 7 }),
      s("rect", { x: at, y: 31, width: HOP_W, height: HOP_H, rx: 5, fill: here ? "var(--kk-ask-tint)" : "var(--kk-paper)", stroke: refused ? "var(--kk-refuse)" : here ? "var(--kk-ask)" : "var(--kk-edge)", "stroke-width": here || refused ? 2 : 1.2 }),
      label(at + HOP_W / 2, 48, middle(who, 12), "b mid" + (refused ? " refuse" : "")), label(at + HOP_W / 2, 64, middle(under, 15), "ink2 mid" + (/\d\.\d/.test(under) ? " mono" : "")));
    api.mark(group, `hop ${hop.number + 1}: ${hop.place} ${hop.what} ${hop.reason}`, () => data.records[hop.number]?.card);
    group.addEventListener("click", () => api.go(hop.number));
    canvas.append(group);
  });
  if (back.length && out.length > 1) {
    const first = place.get(out[0].number) + HOP_W / 2, last = place.get(out[out.length - 1].number) + HOP_W / 2;
    const on = current?.way === "back";
    const text = on ? `${current.place} ${current.what}` : data.status === "connected" ? "way back: connection tracking undoes what was rewritten" : "way back";
    const chars = Math.min(text.length * 6.4 + 16, Math.max(60, last - first - 40));
    canvas.append(s("path", { d: `M${last} 72V92H${first}V75`, fill: "none", stroke: on ? "var(--kk-ask)" : "var(--kk-ink)", "stroke-width": on ? 2.5 : 1.5, "stroke-dasharray": "6 4", "marker-end": `url(#${api.uid}-${on ? "request" : "packet"})` }),
      s("rect", { x: (first + last) / 2 - chars / 2, y: 84, width: chars, height: 16, fill: "var(--kk-panel)" }), label((first + last) / 2, 96, text, "mid ink2"));
  }
  const holder = h("div", { class: "kk-stage kk-strip" }, canvas);
  stage.append(holder);
  const focus = place.get(current?.number);
  if (focus !== undefined && focus > 300) api.atLast(() => { holder.scrollLeft = focus - 300; });
}

function chains(stage, hop, api) {
  if (!hop.chains.length) {
    const notes = hop.notes.length ? hop.notes : [hop.reason || "No rule is asked here."];
    stage.append(h("div", { class: "kk-panel" }, notes.map((note) => h("div", {}, rich(note)))));
    return;
  }
  const table = h("table", { class: "kk kk-rules" });
  for (const chain of hop.chains) {
    table.append(h("tbody", {}, h("tr", {}, h("th", { scope: "rowgroup", colspan: 3 }, h("b", { class: "mono kk-chain", text: chain.name }), ` ${chain.table}${chain.comment ? ": " + chain.comment : ""}`)),
      chain.rules.map((rule) => {
        const state = rule.matched === true ? "match" : rule.matched === false ? "no" : "unreached";
        const glyph = rule.matched === true ? "pass" : rule.matched === false ? "skip" : "note";
        return h("tr", { class: `kk-${state}` }, h("td", {}, icon(glyph, { size: 14, title: state === "match" ? "match" : state === "no" ? "no match" : "not reached" })), h("td", { class: "mono", text: rule.text }), h("td", { text: rule.why }));
      }),
      chain.hidden ? h("tr", {}, h("td", {}), h("td", { class: "ink2", text: `${chain.hidden} other rules of this chain do not match` }), h("td", {})) : null));
  }
  stage.append(h("div", { class: "kk-panel kk-scroll" }, table));
}

function drawWalk(stage, data, cursor, api) {
  stage.classList.add("kk-bare");
  strip(stage, data, cursor, api);
  const hop = data.hops[cursor];
  chains(stage, hop, api);
  const changed = h("table", { class: "kk" }, h("thead", {}, h("tr", {}, ["packet", "before", "after"].map((name) => h("th", { scope: "col", text: name })))),
    h("tbody", {}, data.packet.map(([name, before, after, differs]) => h("tr", {}, h("td", { class: "ink2", text: name }), h("td", { class: "mono", text: before }), h("td", { class: "mono" }, differs ? h("b", { class: "t-chosen", text: after }) : after)))));
  const remembered = data.conntrack.length ? data.conntrack.slice(-1).map((flow) => [h("div", { class: "kk-k", text: `connection tracking on ${flow.node}, ${flow.when}` }), h("div", { class: "mono kk-wrap", text: flow.line })]) : h("div", { class: "ink2", text: "Connection tracking remembers nothing of it." });
  const answer = data.answer.client_sees
    ? h("table", { class: "kk" }, h("thead", {}, h("tr", {}, ["answer", "came", "client sees"].map((name) => h("th", { scope: "col", text: name })))),
        h("tbody", {}, ["src", "dst"].map((name) => h("tr", {}, h("td", { class: "ink2", text: name }), h("td", { class: "mono", text: data.answer.came[name] }), h("td", { class: "mono" }, data.answer.came[name] !== data.answer.client_sees[name] ? h("b", { class: "t-chosen", text: data.answer.client_sees[name] }) : data.answer.client_sees[name])))))
    : h("div", {}, h("b", { class: "refuse", text: `no answer: ${data.status}` }), h("div", { class: "kk-sub", text: data.why }));
  stage.append(h("div", { class: "kk-lo kk-three" }, h("div", { class: "kk-panel" }, changed), h("div", { class: "kk-panel" }, remembered), h("div", { class: "kk-panel" }, answer)));
}

export default { render: (context) => mount(context, drawWalk) };
