// The request walk: the filters from top to bottom, joined by the request's line; where it was refused the line ends,
// the refusal goes back dashed, and what was not reached stays visible below.
function walkLine(api, kind) {
  return s("svg", { width: 30, height: 12, "aria-hidden": "true" }, markers(api.uid), line(api.uid, kind, kind === "request" ? "M1 6h27" : "M29 6H3"));
}

function drawWalk(stage, data, cursor, api) {
  const stop = data.records[cursor], at = stop.row, refused = data.rows.findIndex((row) => row.verdict === "refuse");
  const status = data.answer, bad = status.status >= 400;
  const top = h("div", { class: "kk-wtop" }, walkLine(api, "request"), h("code", {}, h("b", { text: data.line.method }), ` ${data.line.path}`));
  const list = h("ol", { class: "kk-walk" }, data.rows.map((row, index) => {
    const reached = index <= at, verdict = VERDICTS[row.verdict] || "note";
    const cls = [index === at ? "kk-now" : "", row.verdict === "refuse" && reached ? "kk-no" : "", reached ? "" : "kk-later", index === data.rows.length - 1 ? "kk-end" : ""].join(" ");
    const item = h("div", { class: cls, role: "button" }, h("span", { class: "kk-sign" }, icon(reached ? verdict : "todo", { size: 18, title: reached ? row.verdict : "not yet" })),
      h("span", {}, row.took && reached ? h("span", { class: "kk-took", text: row.took }) : null, h("b", { text: row.name }), row.saw.length ? h("span", { class: "ink2", text: " " + row.saw.map(([, value]) => value).slice(0, 2).join(", ") }) : null,
        h("span", { class: `kk-wwhy${row.verdict === "refuse" && reached ? " refuse" : ""}`, text: reached ? row.why : "" })));
    item.addEventListener("click", () => api.go(index));
    return h("li", {}, api.mark(item, `${row.name}, ${row.verdict}`, () => data.records[index].card));
  }));
  const passed = at >= data.rows.length, showsEnd = passed || (refused >= 0 && at >= refused);
  const missed = h("ul", { class: `kk-missed${refused >= 0 && at >= refused ? " kk-cut" : ""}`, "aria-label": "did not apply, or not reached" }, data.missed.map(([name, why]) => h("li", {}, icon("skip", { size: 14 }), `${name} · ${why}`)));
  const foot = h("div", { class: "kk-wfoot" }, showsEnd ? [walkLine(api, bad ? "refusal" : "response"), h("b", { class: bad ? "refuse" : "good", text: status.text }), h("span", { class: "ink2", text: status.then })] : h("span", { class: "ink2", text: "on its way" }));
  stage.append(top, list, missed, foot);

  const copy = (text) => h("button", { class: "kk-btn", type: "button", onclick: () => api.act({ copy: text }) }, "copy");
  const opened = api.keep.opened = api.keep.opened || {};
  const block = (name, text, extra) => {
    const details = h("details", { class: "kk-wire", open: Boolean(opened[name]) }, h("summary", { text: name }), h("pre", { class: "kk-pre", text }), extra || null);
    details.addEventListener("toggle", () => { opened[name] = details.open; });
    return details;
  };
  const patch = data.patch.length ? h("details", { class: "kk-wire", open: Boolean(opened.patch) }, h("summary", { text: `what changed on the way (${data.patch.length} line${data.patch.length === 1 ? "" : "s"})` }),
    h("div", { class: "kk-pre kk-patch" }, data.patch.map((one) => h("div", { class: one.sign === "+" ? "t-good" : one.sign === "-" ? "t-refuse" : null, text: `${one.sign} ${one.text}` })))) : null;
  patch?.addEventListener("toggle", () => { opened.patch = patch.open; });
  const again = data.replay ? h("button", { class: "kk-btn", type: "button", onclick: (event) => api.act({ name: "replay" }, event.currentTarget) }, icon("play", { size: 13, hue: "" }), data.writes ? "replay as a dry run" : "replay") : null;
  api.below.append(h("div", { class: "kk-wires" }, block("as curl", data.curl, copy(data.curl)), block("on the wire", data.wire, copy(data.wire)), patch || "", again || ""));
}

export default { render: (context) => mount(context, drawWalk) };
