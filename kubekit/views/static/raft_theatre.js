
// The raft theatre: members on fixed seats, what is said between them, and their logs. Seats follow the last partition
// on the stepper, so that its two sides stand apart and nobody moves from stop to stop.
const HIGH = 404, R = 38;
Object.assign(GLYPHS, {
  wall: () => [s("path", { d: "M8 1v14", stroke: "var(--kk-refuse)", "stroke-width": 4, "stroke-dasharray": "1 5", "stroke-linecap": "round" })],
  cut: () => [s("path", { d: "M1 8h14", stroke: "var(--kk-refuse)", "stroke-width": 1.8, "stroke-dasharray": "3 2" }), p("M5 5l6 6M11 5l-6 6", { stroke: "var(--kk-refuse)", "stroke-width": 2 })],
  slow: () => [s("path", { d: "M1 8h14", stroke: "var(--kk-wait-ink)", "stroke-width": 3.4, "stroke-dasharray": "3 2" }), s("path", { d: "M1 8h14", stroke: "var(--kk-wait)", "stroke-width": 1.8, "stroke-dasharray": "3 2" })],
});

// How everything stands at a stop: the first state and what each record up to there changed.
function standing(data, cursor) {
  const members = new Map(Object.entries(data.first.members).map(([name, state]) => [name, { ...state }]));
  let links = data.first.links, groups = data.first.groups;
  data.records.slice(0, cursor + 1).forEach((frame) => {
    for (const [name, state] of Object.entries(frame.members)) members.set(name, { ...members.get(name), ...state });
    for (const name of frame.gone) members.delete(name);
    if (frame.links) links = frame.links;
    if (frame.groups) groups = frame.groups;
  });
  return { members, links, groups };
}

// Seats: one circle, or a box a side with its members in it.
function seatsOf(groups) {
  const seats = new Map(), WIDE = 536;
  if (groups.length === 1) {
    const names = groups[0], n = names.length, rx = n > 5 ? 205 : 180, ry = n === 3 ? 122 : 132;
    names.forEach((name, i) => {
      const turn = n === 2 ? Math.PI * i - Math.PI : -Math.PI / 2 + (2 * Math.PI * i) / n;
      seats.set(name, n === 1 ? [WIDE / 2, HIGH / 2 - 12] : [WIDE / 2 + rx * Math.cos(turn), (n === 3 ? 224 : 190) + (n === 2 ? 0 : ry * Math.sin(turn))]);
    });
    return { seats, boxes: [], walls: [], width: WIDE };
  }
  const across = (n) => (n === 1 ? 1 : n === 2 ? 1.4 : n <= 4 ? 2 : 2.6), total = groups.reduce((sum, group) => sum + across(group.length), 0);
  const gap = groups.length > 3 ? 24 : 38, room = Math.max(88, (WIDE - 20 - gap * (groups.length - 1)) / total), boxes = [], walls = [];
  let x = 10;
  groups.forEach((names, at) => {
    const n = names.length, width = room * across(n), middleX = x + width / 2, top = 118, low = 294;
    const put = {
      1: [[0, 213]], 2: [[0, top], [0, low]], 3: [[-0.2, top], [-0.2, low], [0.29, 196]], 4: [[-0.25, top], [0.25, top], [-0.25, low], [0.25, low]],
      5: [[0, 100], [0.34, 196], [0.21, 318], [-0.21, 318], [-0.34, 196]], 6: [[-0.33, top], [0, top - 16], [0.33, top], [-0.33, low], [0, low + 16], [0.33, low]],
    }[n] || names.map((_, i) => [0.34 * Math.cos((2 * Math.PI * i) / n), 213 + 112 * Math.sin((2 * Math.PI * i) / n)]);
    names.forEach((name, i) => seats.set(name, [middleX + put[i][0] * width, put[i][1]]));
    boxes.push({ x, width, names });
    x += width;
    if (at < groups.length - 1) walls.push(x + gap / 2);
    x += gap;
  });
  return { seats, boxes, walls, width: x - gap + 10 };
}

const votes = (frame) => ["vote", "campaign", "elected"].includes(frame.kind);
const same = (a, b) => a.length === b.length && a.every((name) => b.includes(name));
const hexagon = (x, y, r) => [...Array(6)].map((_, i) => `${i ? "L" : "M"}${x + r * Math.sin((Math.PI * i) / 3)} ${y - r * Math.cos((Math.PI * i) / 3)}`).join("") + "z";
const isAnswer = (message) => message.type.endsWith("Resp");

// From edge to edge of two seats, a little to one side so that question and answer do not lie on each other.
function wayOf(from, to, aside, under, shorten = 1) {
  const dx = to[0] - from[0], dy = to[1] - from[1], far = Math.hypot(dx, dy) || 1, ux = dx / far, uy = dy / far;
  // Below a seat stand its role and its vote: an arrow keeps clear of the words.
  const out = R + 8 + (uy > 0.6 ? under : 0), back = R + 9 + (uy < -0.6 ? under : 0);
  const start = [from[0] + ux * out - uy * aside, from[1] + uy * out + ux * aside];
  const whole = [to[0] - ux * back - uy * aside, to[1] - uy * back + ux * aside];
  const end = [start[0] + (whole[0] - start[0]) * shorten, start[1] + (whole[1] - start[1]) * shorten];
  return { start, end, d: `M${start[0]} ${start[1]}L${end[0]} ${end[1]}`, normal: [uy, -ux] };
}

// Where the words of an arrow stand: beside it, where they cover least of what is there already.
function placer(seats, limits) {
  const taken = [...seats.values()].flatMap(([x, y]) => [{ x: x - R - 2, y: y - R - 2, w: 2 * R + 4, h: 2 * R + 4, dear: 3 }, { x: x - 32, y: y + R + 8, w: 64, h: 15, dear: 2 }]);
  const over = (a, b) => Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
  const along = (way) => [0.15, 0.3, 0.45, 0.6, 0.75, 0.9].map((t) => ({ x: way.start[0] + (way.end[0] - way.start[0]) * t - 5, y: way.start[1] + (way.end[1] - way.start[1]) * t - 5, w: 10, h: 10, dear: 5 }));
  return {
    line: (way) => taken.push(...along(way)),
    put(way, words, [low, high] = limits) {
      const w = Math.max(...words.map((word) => word.length)) * 7.3, tall = 15 * words.length;
      let best = null;
      for (const t of [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78])
        for (const side of [1, -1]) {
          const x = way.start[0] + (way.end[0] - way.start[0]) * t, y = way.start[1] + (way.end[1] - way.start[1]) * t, [nx, ny] = [way.normal[0] * side, way.normal[1] * side];
          const box = { x: x + nx * 8 - (nx > 0.35 ? 0 : nx < -0.35 ? w : w / 2), y: y + ny * 8 - (ny > 0.35 ? 0 : ny < -0.35 ? tall : tall / 2), w, h: tall };
          const out = Math.max(0, low - box.x) + Math.max(0, box.x + w - high);
          const cost = taken.reduce((sum, one) => sum + one.dear * over(box, one), 0) + out * 60 + Math.abs(t - 0.5) * 40 + (side < 0 ? 12 : 0);
          if (!best || cost < best.cost) best = { ...box, cost };
        }
      taken.push({ ...best, dear: 4 });
      return best;
    },
  };
}

function drawRaft(stage, data, cursor, api) {
  const frame = data.records[cursor], { members, links } = standing(data, cursor);
  const { seats, boxes, walls, width } = seatsOf(data.seats);
  const canvas = s("svg", { viewBox: `0 0 ${width} ${HIGH}`, width, height: HIGH, role: "img", "aria-label": frame.title }, markers(api.uid));
  const cut = frame.sides.length > 1 && frame.sides.every((side) => boxes.some((box) => same(box.names.filter((name) => members.has(name)), side.members)));
  if (cut) {
    frame.sides.forEach((side) => {
      const box = boxes.find((one) => side.members.every((name) => one.names.includes(name)));
      const hue = side.able ? "good" : "refuse", narrow = box.width < 130;
      canvas.append(s("rect", { x: box.x, y: 40, width: box.width, height: 334, rx: 14, fill: "none", stroke: `var(--kk-${hue})`, "stroke-width": 1.5, "stroke-dasharray": side.able ? null : "6 4" }),
        label(box.x + box.width / 2, narrow ? 14 : 28, narrow ? side.text.split(": ")[0] : side.text, `${hue} b mid`), narrow ? label(box.x + box.width / 2, 30, side.text.split(": ")[1].split(",")[0], `${hue} b mid`) : null);
    });
    walls.forEach((x) => canvas.append(s("path", { d: `M${x} 8V${HIGH - 6}`, stroke: "var(--kk-refuse)", "stroke-width": 5, "stroke-dasharray": "2 7", "stroke-linecap": "round" })));
    const poor = boxes[frame.sides.findIndex((side) => !side.able)] || boxes[0];
    if (frame.lost) canvas.append(label(Math.max(66, poor.x + poor.width / 2), 390, `${frame.lost} message${frame.lost === 1 ? "" : "s"} dropped`, "refuse mid"));
  }
  const names = [...members.keys()].filter((name) => seats.has(name));
  const across = (a, b) => cut && !frame.sides.some((side) => side.members.includes(a) && side.members.includes(b));

  // Every pair of members holds a connection: a faint line, and a mark that can be cut or slowed.
  const wires = s("g", {}), nodes = s("g", {}), talk = s("g", {});
  names.forEach((a, i) => names.slice(i + 1).forEach((b) => {
    const [x1, y1] = seats.get(a), [x2, y2] = seats.get(b);
    const between = links.filter((link) => (link.from === a && link.to === b) || (link.from === b && link.to === a));
    const broken = between.filter((link) => link.cut), slow = between.find((link) => link.slow);
    const middleAt = [(x1 + x2) / 2, (y1 + y2) / 2], walled = across(a, b);
    const word = broken.length > 1 ? "cut" : broken.length ? `cut from ${broken[0].from} to ${broken[0].to}` : slow ? `slow, ${slow.slow} s` : "whole";
    const group = s("g", {}, s("title", { text: `link ${a} to ${b}: ${word}` }), s("line", { class: "kk-halo kk-wire", x1, y1, x2, y2, "stroke-width": 12 }),
      s("line", { x1, y1, x2, y2, ...(walled ? { stroke: "none" } : broken.length ? { stroke: "var(--kk-refuse)", "stroke-width": 1.7, "stroke-dasharray": "6 4" } : slow ? { stroke: "var(--kk-wait-ink)", "stroke-width": 1.5, "stroke-dasharray": "6 4" } : { stroke: "var(--kk-line)", "stroke-width": 1 }) }));
    // Cut one way, the cross stands close to whom nothing reaches.
    const toward = broken.length === 1 ? (broken[0].to === b ? 0.68 : 0.32) : 0.5, cross = [x1 + (x2 - x1) * toward, y1 + (y2 - y1) * toward];
    if (!walled && broken.length) group.append(s("circle", { cx: cross[0], cy: cross[1], r: 9, fill: "var(--kk-panel)" }), icon("refuse", { x: cross[0] - 7, y: cross[1] - 7, size: 14 }));
    if (!walled && slow) group.append(label(middleAt[0], middleAt[1] - 8, `+${slow.slow} s`, "wait mid kk-over"));
    wires.append(api.mark(group, `link ${a} to ${b}: ${word}`, () => linkCard(data, a, b, word)));
  }));

  for (const name of names) nodes.append(memberMark(name, members.get(name), seats.get(name), frame, data, api));

  const shown = [...frame.flying.map((message) => [message, 0.45, null]), ...frame.messages.map((message) => [message, 1, null])];
  if (api.calm() && cursor > 0) {
    // Where nothing moves, the last three stops with messages are numbered in their order.
    const before = data.records.slice(0, cursor).filter((one) => one.messages.length && one.kind !== "now").slice(-2);
    const last = before.length + (frame.messages.length ? 1 : 0);
    before.forEach((one, i) => one.messages.forEach((message) => shown.unshift([message, 0.45, i + 1])));
    shown.forEach((entry) => { if (entry[2] === null && entry[1] === 1 && last > 1) entry[2] = last; });
  }
  const said = new Set(), stopped = new Map(), place = placer(seats, [6, width - 6]), words = [];
  // At the partition nobody is at the other end: a lost message runs straight to the wall, one below the other.
  const toWall = (from, to, key) => {
    const right = to[0] > from[0], wall = right ? Math.min(...walls.filter((x) => x > from[0])) : Math.max(...walls.filter((x) => x < from[0]));
    const nth = stopped.get(key) || 0, y = from[1] + [0, -26, 26, -13, 13, -36][nth % 6], start = [from[0] + (right ? 1 : -1) * (R + 9), y], end = [wall - (right ? 13 : -13), y];
    stopped.set(key, nth + 1);
    return { start, end, d: `M${start[0]} ${y}H${end[0]}`, normal: [0, 1], plain: true };
  };
  for (const [message, opacity, number] of shown) {
    const from = seats.get(message.from), to = seats.get(message.to);
    if (!from || !to) continue;
    const lost = Boolean(message.lost), way = lost && across(message.from, message.to) ? toWall(from, to, `${message.from} ${to[0] > from[0]}`) : wayOf(from, to, -8, votes(frame) ? 32 : 18, lost ? 0.5 : 1);
    const kind = lost ? "refusal" : isAnswer(message) ? "response" : "request";
    const carried = message.entries?.length && !message.entries[0][0] ? middle(message.entries[0][2], 16) : message.entries?.length ? `entry ${message.entries.map((entry) => entry[0]).filter((_, i, all) => i === 0 || i === all.length - 1).join(" to ")}` : message.reject ? "rejected" : isAnswer(message) && message.index ? `index ${message.index}` : "";
    const told = `${message.type} ${message.from} to ${message.to}, term ${message.term}${carried ? ", " + carried : ""}${lost ? ", lost: " + message.lost : ""}`;
    const group = s("g", { opacity }, s("title", { text: told }), s("path", { class: "kk-halo kk-wire", d: way.d, "stroke-width": 14 }), line(api.uid, kind, way.d, opacity === 1 ? { "stroke-width": 2 } : {}));
    if (lost) group.append(icon("refuse", { x: way.end[0] - 7, y: way.end[1] - 7, size: 14 }));
    const key = `${message.type} ${message.from} ${message.to}`;
    place.line(way);
    if (opacity === 1 && !said.has(key) && !way.plain) {
      said.add(key);
      const box = cut && !across(message.from, message.to) ? boxes.find((one) => one.names.includes(message.from)) : null;
      words.push({ way, group, lines: carried ? [message.type, carried] : [message.type], hue: lost ? "refuse" : "ask", within: box ? [box.x + 4, box.x + box.width - 4] : undefined });
    }
    if (number !== null) group.append(s("circle", { cx: way.end[0], cy: way.end[1], r: 8, fill: "var(--kk-ask)" }), s("text", { x: way.end[0], y: way.end[1] + 4, class: "mid b kk-no", text: number }));
    talk.append(api.mark(group, told, () => frame.card));
    if (opacity === 1 && api.keep.cursor !== undefined && cursor === api.keep.cursor + 1) travel(talk, way, lost, api);
  }
  // The longest first: it has the fewest places.
  const longest = (lines) => Math.max(...lines.map((text) => text.length));
  for (const { way, group, lines, hue, within } of words.sort((a, b) => longest(b.lines) - longest(a.lines))) {
    const at = place.put(way, lines, within);
    lines.forEach((text, i) => group.append(label(at.x, at.y + 12 + 15 * i, text, `${hue} kk-over${i ? " mono" : ""}`)));
  }
  api.keep.cursor = cursor;
  canvas.append(wires, talk, nodes);
  stage.append(canvas);
  logs(api, data, frame, members, cut);
  bar(api, data, names);
}

// A token runs along the arrow that is there already; it is laid over the final picture and goes by itself.
function travel(talk, way, lost, api) {
  if (api.calm()) return;
  const token = s("circle", { cx: 0, cy: 0, r: 5, fill: lost ? "var(--kk-refuse)" : "var(--kk-ask)", class: "kk-token" });
  talk.append(token);
  const at = ([x, y]) => ({ transform: `translate(${x}px, ${y}px)` });
  token.animate([at(way.start), at(way.end)], { duration: 480, easing: "cubic-bezier(0.2, 0, 0, 1)" }).finished.then(() => token.remove(), () => token.remove());
}

function memberMark(name, state, [x, y], frame, data, api) {
  const up = state.state === "running", leads = up && state.role === "leader", powerless = leads && frame.writable !== name;
  const asks = up && (state.role === "candidate" || state.role === "pre-candidate");
  const role = !up ? state.state : powerless ? "leads, it thinks" : state.role === "pre-candidate" ? "would it win?" : asks ? "asks for votes" : leads ? "leader" : state.learner ? "learner" : "follower";
  const chosen = (api.keep.side || new Set()).has(name), hex = hexagon(x, y, R + 7);
  const shape = leads && !powerless ? s("path", { d: hex, fill: "var(--kk-chosen)" })
    : powerless || asks ? s("path", { d: hex, fill: "var(--kk-paper)", stroke: "var(--kk-chosen)", "stroke-width": 2, "stroke-dasharray": "5 4" })
      : state.learner ? s("rect", { x: x - R + 2, y: y - R + 2, width: 2 * R - 4, height: 2 * R - 4, rx: 3, fill: "var(--kk-paper)", stroke: up ? "var(--kk-edge)" : "var(--kk-off)", "stroke-width": 1.8, "stroke-dasharray": up ? null : "3 3" })
        : s("circle", { cx: x, cy: y, r: R, fill: up ? "var(--kk-paper)" : state.state === "crashed" ? "var(--kk-refuse-tint)" : "var(--kk-off-tint)", stroke: up ? "var(--kk-edge)" : state.state === "crashed" ? "var(--kk-refuse)" : "var(--kk-off)", "stroke-width": 1.8, "stroke-dasharray": up ? null : "3 3" });
  const on = leads && !powerless ? " kk-onlead" : "", hue = !up ? (state.state === "crashed" ? "refuse" : "off") : leads || asks ? "chosen" : "ink2";
  const voted = state.vote && up && votes(frame) ? (state.vote === name ? "voted for itself" : `voted for ${state.vote}`) : "";
  const glyph = { stopped: "stop", crashed: "fail", paused: "pause" }[state.state];
  const group = s("g", {}, s("title", { text: `${name}: ${role}, term ${state.term}, last ${state.last}, commit ${state.commit}, applied ${state.applied}` }),
    s("rect", { class: "kk-halo", x: x - R - 10, y: y - R - 10, width: 2 * R + 20, height: 2 * R + 36, rx: 10 }), chosen ? s("rect", { x: x - R - 12, y: y - R - 12, width: 2 * R + 24, height: 2 * R + 40, rx: 12, fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.3, "stroke-dasharray": "4 3" }) : null,
    shape, state.learner ? s("circle", { cx: x, cy: y - 22, r: 4, fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.5 }) : null, glyph ? icon(glyph, { x: x - 7, y: y - 29, size: 14, hue: state.state === "crashed" ? "" : "off" }) : null,
    label(x, y + (glyph ? 4 : -2), middle(name, 11), `b mid${on}`), label(x, y + (glyph ? 20 : 15), `term ${state.term}`, `mid${on}`), label(x, y + R + 20, role, `${hue} mid kk-over${leads && !powerless ? " b" : ""}`), voted ? label(x, y + R + 34, voted, "ink2 mid kk-over") : null);
  api.mark(group, `${name}, ${role}, term ${state.term}`, () => memberCard(data, name, state, role, up, leads, powerless));
  const side = () => { const set = (api.keep.side ||= new Set()); if (set.has(name)) set.delete(name); else set.add(name); api.repaint(); };
  group.addEventListener("click", (event) => { if (event.shiftKey) { event.stopImmediatePropagation(); side(); } }, true);
  group.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.shiftKey) { event.stopPropagation(); event.preventDefault(); side(); } });
  return group;
}

function memberCard(data, name, state, role, up, leads, powerless) {
  const facts = [["term", state.term], ["votes for", state.vote || "nobody"], ["follows", state.lead || "nobody"], ["log", state.last ? `${state.first} to ${state.last}` : "empty"], ["committed", state.commit], ["applied", state.applied]];
  const votes = Object.entries(state.votes || {}).map(([voter, yes]) => ({ glyph: yes ? "pass" : "refuse", text: `${voter} ${yes ? "votes for it" : "refuses"}` }));
  return {
    title: name, chip: { hue: !up ? (state.state === "crashed" ? "refuse" : "off") : leads ? "chosen" : "off", text: role }, parts: [{ name: "as it stands here", facts }, ...(votes.length ? [{ name: "votes", rows: votes }] : []), ...(powerless ? [{ name: "why it cannot write", text: "It does not reach a quorum. After an election timeout without one it steps down by itself." }] : [])],
    actions: data.actions.members[name] || [], code: true, note: `then ${data.actions.passes}`,
  };
}
const linkCard = (data, a, b, word) => ({ title: `link ${a} to ${b}`, chip: { hue: word === "whole" ? "good" : word.startsWith("slow") ? "wait" : "refuse", text: word }, parts: [{ name: "what it carries", text: "Messages of Raft, in both directions." }], actions: data.actions.links[`${a} ${b}`] || data.actions.links[`${b} ${a}`] || [], code: true, note: `then ${data.actions.passes}` });

// The logs: a row a member, a column an index; the bar stands behind what the member knows to be committed.
function logs(api, data, frame, members, cut) {
  const order = cut ? frame.sides.map((side) => side.members) : [[...members.keys()]];
  const lasts = [...members.values()].map((state) => state.last), high = Math.max(1, ...lasts), COLUMNS = 5, low = Math.max(1, high - COLUMNS + 1);
  const indexes = [...Array(Math.min(COLUMNS, high - low + 1))].map((_, i) => low + i);
  const rows = [];
  order.forEach((names, at) => {
    if (at) rows.push(h("tr", { class: "kk-split", "aria-hidden": "true" }, h("td", { colspan: indexes.length + 1 })));
    for (const name of names) {
      const state = members.get(name), entries = new Map(state.log.map((entry, i) => [entry[0], [entry[1], entry[2], frame.fates[name]?.[i] || (entry[0] <= state.commit ? "committed" : "waiting")]]));
      const leads = frame.writable === name, glyph = state.state !== "running" ? { stopped: "stop", crashed: "fail", paused: "pause" }[state.state] : leads ? "lead" : state.role === "leader" || state.role.endsWith("candidate") ? "candidate" : state.learner ? "learner" : "follow";
      rows.push(h("tr", {}, h("th", { scope: "row" }, icon(glyph, { size: 14, hue: glyph === "stop" || glyph === "pause" ? "off" : "" }), " ", leads ? h("b", { text: name }) : name),
        indexes.map((index) => {
          const found = entries.get(index), bar = index === state.commit ? " kk-bar" : "";
          if (!found) return h("td", { class: bar.trim() }, index < state.first && index <= state.last ? h("span", { class: "kk-e kk-snap", text: "snap", title: "in its snapshot" }) : "");
          return h("td", { class: bar.trim(), title: `${found[1]}, term ${found[0]}: ${found[2]}` }, h("span", { class: `kk-e kk-${found[2]}`, text: `t${found[0]}` }));
        })));
    }
  });
  const behind = [...members].filter(([, state]) => state.last && state.last < low).map(([name, state]) => `${name} at ${state.last}`);
  api.top.append(h("div", { class: "kk-logbox" }, h("div", {}, h("b", { text: "Logs " }), h("span", { class: "ink2", text: "term of each entry; bar: committed up to here" })),
    high > 0 && lasts.some(Boolean) ? h("table", { class: "kk-logs" }, h("caption", { class: "kk-sr", text: "Each member's log, term by index" }), h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "index" }), indexes.map((index) => h("th", { scope: "col", text: index })))), h("tbody", {}, rows)) : h("div", { class: "ink2", text: "No entry yet." }),
    behind.length ? h("div", { class: "kk-sub", text: `further back: ${behind.join(", ")}` }) : null,
    frame.notes.length ? [h("div", { class: "kk-k", text: "not everywhere yet" }), h("div", { class: "kk-notes" }, frame.notes.map((note) => h("div", {}, h("b", { class: note.hue, text: note.term }), h("span", { text: note.text }))))] : null));
}

// What acts on all: let time pass, heal, and the partition that was put together.
function bar(api, data, names) {
  if (!data.actions.all.length) return;
  const side = [...(api.keep.side || [])].filter((name) => names.includes(name)), rest = names.filter((name) => !side.includes(name));
  const code = (sides) => `${data.actions.partition}(${sides.map((one) => `[${one.map((name) => `"${name}"`).join(", ")}]`).join(", ")})`;
  const told = [...data.actions.all];
  if (data.window) api.below.append(brush(data.window, api));
  const fold = data.folds ? h("button", { class: "kk-btn", type: "button" }, data.whole ? "fold writes away" : `show all writes`) : null;
  fold?.addEventListener("click", () => api.act({ name: "whole", arguments: { whole: !data.whole } }, fold));
  if (side.length && rest.length) told.push({ name: "partition", text: `cut off ${side.join(", ")}`, arguments: { sides: [side, rest] }, code: code([side, rest]), glyph: "cut" });
  const line = h("code", { class: "kk-code", text: told[told.length - 1].code });
  const buttons = told.map((action) => {
    const button = h("button", { class: "kk-btn", type: "button", title: action.code }, action.glyph ? icon(action.glyph, { size: 14, hue: "" }) : null, action.text);
    button.addEventListener("click", () => { if (action.name === "partition") api.keep.side = new Set(); api.act(action, button); });
    for (const event of ["mouseenter", "focus"]) button.addEventListener(event, () => { line.textContent = action.code; });
    return button;
  });
  api.below.append(h("div", { class: "kk-bar-all" }, buttons, fold, names.length > 1 && !(side.length && rest.length) ? h("span", { class: "ink2", text: "Shift and click members to cut them off together." }) : null, line,
    h("button", { class: "kk-btn", type: "button", onclick: () => api.act({ copy: line.textContent }) }, "copy as code")));
}

export default { render: (context) => mount(context, drawRaft) };
