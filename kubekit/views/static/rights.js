// Who may do what: a real table, a row a resource (or several with the same answers), a column a verb.
const RIGHT_SIGNS = { yes: ["pass", "allowed"], some: ["part", "for some names"], no: ["skip", "no rule"], none: [null, "no such verb"] };

function rightCard(data, row, verb, cell) {
  const who = data.subject.called, where = data.subject.namespace ? ` in ${data.subject.namespace}` : "", names = row.names.join(", ");
  const parts = [];
  if (cell.v === "none") parts.push({ name: "came out", text: `${names} cannot be asked for with ${verb}` });
  else {
    parts.push(cell.v === "no" ? { name: "so the answer is", pre: cell.why } : { name: "allowed by", text: cell.why });
    if (cell.v === "no") {
      parts.push({ name: `bindings that name ${who}: none of their rules matches`, steps: data.bindings.map((one) => ({ ...one, verdict: "skip" })) });
      parts.push({ name: "a rule that would allow it", pre: `apiGroups: ["${row.group}"]  resources: ["${row.names[0]}"]  verbs: ["${verb}"]` });
    }
    parts.push({ name: "ask it yourself", pre: data.ask.replace("VERB", verb).replace("RESOURCE", row.names[0].includes("/") || !row.group ? row.names[0] : `${row.names[0]}.${row.group}`) });
  }
  return { title: `May ${who} ${verb} ${row.names.length > 1 ? `${row.names[0]} and ${row.names.length - 1} more` : row.names[0]}${where}?`,
    chip: { hue: cell.v === "yes" ? "good" : cell.v === "some" ? "wait" : "off", text: RIGHT_SIGNS[cell.v][1] }, sub: row.names.length > 1 ? names : "", parts };
}

function drawRights(stage, data, cursor, api) {
  const keep = api.keep, shown = data.rows.filter((row) => row.any || api.unfolded || !data.fold);
  const head = h("tr", {}, h("th", { scope: "col", text: "resource" }), data.verbs.map((verb) => h("th", { scope: "col", class: "kk-vb", text: verb === "deletecollection" ? "delete all" : verb, title: verb })));
  let last = null;
  const body = shown.flatMap((row) => {
    const rows = [];
    if (row.group !== last) { last = row.group; rows.push(h("tr", { class: "kk-grp" }, h("th", { colspan: data.verbs.length + 1, scope: "rowgroup", text: row.group || "core" }))); }
    const name = row.names.length > 3 ? `${row.names.slice(0, 3).join(", ")} and ${row.names.length - 3} more` : row.names.join(", ");
    rows.push(h("tr", {}, h("th", { scope: "row", title: row.names.join(", "), text: name }), row.cells.map((cell, i) => {
      const [glyph, word] = RIGHT_SIGNS[cell.v];
      const box = h("td", { class: "kk-vb" }, glyph ? icon(glyph, { size: cell.v === "no" ? 13 : 15 }) : null, h("span", { class: "kk-sr", text: word }));
      return api.mark(box, `${data.verbs[i]} ${row.names[0]}: ${word}`, () => rightCard(data, row, data.verbs[i], cell));
    })));
    return rows;
  });
  stage.append(h("table", { class: "kk-ri" }, h("caption", { class: "kk-sr", text: data.title }), h("thead", {}, head), h("tbody", {}, body)));

  const want = (keep.want = keep.want || { kind: data.subject.kind, subject: data.subject.name, namespace: data.subject.namespace });
  const ids = { kind: `${api.uid}-kind`, subject: `${api.uid}-subject`, namespace: `${api.uid}-namespace`, list: `${api.uid}-list` };
  const select = (name, options, words) => h("select", { id: ids[name], onchange: (event) => { want[name] = event.target.value; if (name === "kind") { want.subject = ""; api.repaint(); api.root.querySelector(`#${ids.kind}`)?.focus(); } } },
    options.map((one) => h("option", { value: one, selected: one === want[name], text: words?.[one] || one })));
  const send = (event) => { event.preventDefault(); keep.want = null; keep.again = true; api.act({ name: "show", arguments: { ...want } }, event.currentTarget.querySelector("button")); };
  api.top.append(h("form", { class: "kk-form", "aria-label": "Who, and where?", onsubmit: send }, h("h3", { text: "Who, and where?" }),
    h("div", { class: "kk-field" }, h("label", { for: ids.kind, text: "kind" }), select("kind", data.kinds)),
    h("div", { class: "kk-field" }, h("label", { for: ids.namespace, text: "namespace" }), select("namespace", ["", ...data.namespaces], { "": "the whole cluster" })),
    h("div", { class: "kk-field kk-all" }, h("label", { for: ids.subject, text: "name" }), h("input", { id: ids.subject, type: "text", value: want.subject, list: ids.list, autocomplete: "off", spellcheck: "false", placeholder: want.kind === "service account" ? "namespace/name" : null, oninput: (event) => { want.subject = event.target.value; } }),
      h("datalist", { id: ids.list }, (data.known[want.kind] || []).map((one) => h("option", { value: one })))),
    h("div", { class: "kk-actions kk-all" }, h("button", { class: "kk-btn", type: "submit", "data-id": "show" }, "show what they may do"))));
  if (keep.again) { keep.again = false; api.atLast(() => api.root.querySelector("[data-id=show]")?.focus({ preventScroll: true })); }
}

export default { render: (context) => mount(context, drawRights) };
