// What if: a row a node, its outcome now and then. The form stands in the inspector; every control has its label.
function outcome(cell, most) {
  if (!cell) return h("td", { class: "kk-out" }, h("span", { class: "ink2", text: "not there" }));
  if (!cell.fits) return h("td", { class: "kk-out" }, icon(cell.refused ? "refuse" : "skip", { size: 14 }), " ", h("span", { class: cell.refused ? "refuse" : "ink2", text: cell.refused || "not looked at" }));
  const bar = cell.total === null || !most ? null : h("i", { class: "kk-bar", style: `width:${Math.max(2, Math.round((84 * cell.total) / most))}px${cell.picked ? ";background:var(--kk-chosen)" : ""}` });
  return h("td", { class: `kk-out${cell.picked ? " kk-picked" : ""}` }, h("span", { class: "kk-num" }, cell.picked ? icon("lead", { size: 14, title: "picked" }) : null, h("b", { class: cell.picked ? "chosen" : null, text: cell.total === null ? "fits" : String(cell.total) })), bar);
}

function control(field, id, values, changed) {
  const value = values[field.name] ?? field.value;
  const set = (event) => { values[field.name] = event.target.value; changed?.(); };
  const input = field.options
    ? h("select", { id, onchange: set }, field.options.map((one) => h("option", { value: one, selected: one === value, text: one || "every" })))
    : h("input", { id, type: "text", value, placeholder: field.hint || null, autocomplete: "off", spellcheck: "false", oninput: set });
  values[field.name] = value;
  return h("div", { class: "kk-field" }, h("label", { for: id, text: field.text }), input);
}

function drawWhatIf(stage, data, cursor, api) {
  const keep = api.keep;
  keep.kind = data.forms.some((form) => form.kind === keep.kind) ? keep.kind : data.forms[0].kind;
  keep.values = keep.values || {};
  const form = data.forms.find((one) => one.kind === keep.kind), values = (keep.values[form.kind] = keep.values[form.kind] || {});
  const send = (focus, name, args) => (event) => { keep.focus = focus; api.act({ name, arguments: args }, event.currentTarget); };

  const rows = data.rows.map((row) => api.mark(h("tr", {}, h("th", { scope: "row", title: row.name, text: middle(row.name, 18) }), outcome(row.now, data.most), data.changed ? outcome(row.then, data.most) : null,
    data.changed ? h("td", { class: "kk-diff", text: row.differs }) : null,
    h("td", {}, row.now ? h("button", { class: "kk-btn", type: "button", "data-id": `win ${row.name}`, "aria-label": `What would make ${row.name} win?`, onclick: send(`win ${row.name}`, "suggest", { node: row.name }) }, "make it win?") : null)), `${row.name}`, () => row.card));
  stage.append(h("table", { class: "kk-wi" }, h("caption", { class: "kk-sr", text: data.title }), h("thead", {}, h("tr", {}, ["node", "now", ...(data.changed ? ["then", "what differs"] : []), ""].map((name) => h("th", { scope: "col", text: name })))), h("tbody", {}, rows)));

  if (data.suggestions) {
    const told = data.suggestions;
    stage.append(h("div", { class: "kk-sugg", role: "group", "aria-label": `What would make ${told.node} win?` }, h("h3", { class: "kk-h3", text: `What would make ${told.node} win?` }),
      told.items.length ? h("ol", {}, told.items.map((one, at) => h("li", {}, h("span", {}, rich(one.text)), h("span", { class: "kk-coded-line" }, h("code", { text: one.code }), h("button", { class: "kk-btn", type: "button", "aria-label": `try: ${one.code}`, onclick: send("add", "take", { at }) }, "try it"),
        h("button", { class: "kk-btn", type: "button", "aria-label": `copy as code: ${one.code}`, onclick: () => api.act({ copy: one.code }) }, "copy"))))) : h("p", { class: "ink2", text: told.none })));
  }

  const kindId = `${api.uid}-kind`;
  const kinds = h("select", { id: kindId, "data-id": "kind", onchange: (event) => { keep.kind = event.target.value; keep.focus = "kind"; api.repaint(); } }, data.forms.map((one) => h("option", { value: one.kind, selected: one.kind === form.kind, text: one.text })));
  const submit = (event) => { event.preventDefault(); const button = event.currentTarget.querySelector("[data-id=add]"); keep.focus = "add"; api.act({ name: "add", arguments: { kind: form.kind, fields: { ...values } } }, button); };
  const fieldset = h("form", { class: "kk-form", "aria-label": "What would be different?", onsubmit: submit }, h("h3", { text: "What would be different?" }),
    h("div", { class: "kk-field kk-all" }, h("label", { for: kindId, text: "if" }), kinds), form.fields.map((field) => control(field, `${api.uid}-${field.name}`, values)),
    h("div", { class: "kk-actions kk-all" }, h("button", { class: "kk-btn", type: "submit", "data-id": "add" }, "see what then"), data.changes.length || data.suggestions ? h("button", { class: "kk-btn", type: "button", onclick: send("kind", "clear", {}) }, "start over") : null));
  const list = data.changes.length ? h("ul", { class: "kk-changes", "aria-label": "Changes" }, data.changes.map((one, at) => h("li", {}, h("span", {}, h("b", { text: "if " }), one.text, h("code", { text: one.code })), h("button", { class: "kk-btn", type: "button", "aria-label": `drop: ${one.text}`, onclick: send("kind", "drop", { at }) }, "drop")))) : null;
  const coded = data.code && data.changes.length ? h("div", { class: "kk-coded" }, h("pre", { class: "kk-pre", text: data.code }), h("button", { class: "kk-btn", type: "button", onclick: () => api.act({ copy: data.code }) }, "copy as code")) : null;
  api.top.append(fieldset, list || "", coded || "");
  if (keep.focus) {
    const wanted = keep.focus;
    keep.focus = null;
    api.atLast(() => api.root.querySelector(`[data-id="${CSS.escape(wanted)}"]`)?.focus({ preventScroll: true }));
  }
}

export default { render: (context) => mount(context, drawWhatIf) };
