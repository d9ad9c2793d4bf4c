
// The map: the control plane at the left, the API server as the one door, the workers at the right.
const STATE = { running: "run", stopped: "stop", crashed: "fail", paused: "pause" };

function drawMap(stage, data, cursor, api) {
  const frame = data.records[cursor], places = data.places, workers = places.nodes;
  const compact = workers.length > 3, tiny = workers.length > 40;
  const columns = tiny ? Math.floor(256 / 14) : 1;
  const boxHeight = compact ? 34 : workers.length > 2 ? 118 : 146, step = boxHeight + (compact ? 6 : 10);
  const nodesHeight = tiny ? Math.ceil(workers.length / columns) * 14 + 30 : workers.length * step;
  const own = frame.pods[places.controlplane.name] || { shown: [], count: 0 };
  const bottom = frame.homeless.count ? 26 + 22 * Math.min(3, frame.homeless.shown.length) + 8 : 0;
  // Several members of etcd have hosts of their own, in a band below everything.
  const members = places.etcd.members, spread = members.length > 1, band = members.length > 3 ? 78 : 86;
  const planeBottom = Math.max(382, 398 + 22 * Math.min(own.shown.length, 4) + (own.count > 4 ? 22 : 0));
  const right = 58 + nodesHeight + (bottom ? bottom + 10 : 0) + 10;
  const bandTop = Math.max(planeBottom + 26, right + 4);
  const height = spread ? bandTop + band + 12 : Math.max(448, right, 400 + 22 * Math.min(own.shown.length, 4));
  const canvas = s("svg", { viewBox: `0 0 636 ${height}`, width: 636, height, role: "img", "aria-label": frame.title }, markers(api.uid));
  const state = (id) => frame.states[id] || "running";
  const chosen = frame.arrow?.from;
  const card = (id) => () => data.inspected[id];

  function box(id, x, y, w, hgt, name, sub, extra = "") {
    const now = state(id), up = now === "running";
    const group = s("g", {}, s("title", { text: `${id}: ${now}` }),
      s("rect", { class: "kk-halo", x: x - 4, y: y - 4, width: w + 8, height: hgt + 8, rx: 8 }),
      s("rect", { x, y, width: w, height: hgt, rx: 5, fill: up ? "var(--kk-paper)" : now === "crashed" ? "var(--kk-refuse-tint)" : "var(--kk-off-tint)", stroke: up ? "var(--kk-edge)" : now === "crashed" ? "var(--kk-refuse)" : "var(--kk-off)", "stroke-width": 1.2, "stroke-dasharray": up ? null : "3 3" }),
      icon(STATE[now], { x: x + 7, y: y + 9, size: 12, hue: now === "stopped" || now === "paused" ? "off" : "" }));
    const lines = name.length > 18 ? [name.slice(0, name.lastIndexOf("-") + 1), name.slice(name.lastIndexOf("-") + 1)] : [name];
    if (hgt < 40) group.append(label(x + 26, y + hgt / 2 + 5, name, "b"));
    else {
      group.append(label(x + 24, y + 19, lines[0], "b"));
      group.append(label(x + 24, y + 36, up ? lines[1] || sub : now, lines[1] && up ? "b" : "ink2" + (/^:/.test(sub) && up ? " mono" : "")));
      if (lines[1] && up && sub) group.append(label(x + w - 8, y + 36, sub, "mono ink2 end"));
      if (extra) group.append(label(x + w - 8, y + 19, extra, "ink2 end"));
    }
    return api.mark(group, `${id}, ${now}`, card(id));
  }
  // One request arrow and one watch arrow between a component and the door; a stopped one has neither.
  function talk(id, x1, x2, y) {
    if (state(id) !== "running" || state(data.places.apiserver.id) !== "running") {
      canvas.append(line(api.uid, "stopped", `M${x1} ${y}H${x2}`), icon("refuse", { x: (x1 + x2) / 2 - 7, y: y - 7, size: 14, hue: "off" }));
      return;
    }
    const heavy = chosen === id ? { "stroke-width": 2.5 } : {};
    canvas.append(line(api.uid, "request", `M${x1} ${y - 5}H${x2}`, heavy), line(api.uid, "watch", `M${x2} ${y + 6}H${x1}`));
  }

  canvas.append(s("rect", { x: 8, y: 12, width: 330, height: (spread ? planeBottom : height - 12) - 12, rx: 8, fill: "none", stroke: "var(--kk-edge)" }),
    label(20, 32, places.controlplane.name, "b"), label(28 + places.controlplane.name.length * 7.4, 32, places.controlplane.ip, "ink2 mono"));
  if (frame.nodes[places.controlplane.name] === "NotReady") canvas.append(icon("warn", { x: 310, y: 20, size: 14 }));
  if (places.controlplane.taint) canvas.append(label(20, 49, places.controlplane.taint, "ink2"), label(326, 32, frame.nodes[places.controlplane.name] === "NotReady" ? "" : "tainted", "ink2 end"));
  const apiUp = state(places.apiserver.id) === "running";
  places.controlplane.components.forEach((component, i) => {
    const y = 66 + i * 64;
    canvas.append(box(component.id, 20, y, 150, 46, component.name, component.port ? `:${component.port}` : "iptables"));
    talk(component.id, 172, 232, y + 23);
  });
  canvas.append(s("rect", { x: 20, y: 322, width: 150, height: 46, rx: 5, fill: "none", stroke: "var(--kk-line)", "stroke-width": 1.2, "stroke-dasharray": "2 4" }),
    label(30, 341, "cloud-controller-", "ink2"), label(30, 358, "manager: not installed", "ink2"));
  own.shown.slice(0, 4).forEach((pod, i) => canvas.append(podRow(pod, 28, 392 + i * 22, 24)));
  if (own.count > 4) canvas.append(label(47, 404 + 4 * 22, `and ${own.count - 4} more`, "ink2"));

  const apiTall = 276;
  const door = s("g", {}, s("title", { text: `${places.apiserver.id}: ${state(places.apiserver.id)}` }), s("rect", { class: "kk-halo", x: 230, y: 62, width: 100, height: apiTall + 8, rx: 9 }),
    s("rect", { x: 234, y: 66, width: 92, height: apiTall, rx: 6, fill: apiUp ? "var(--kk-ask-tint)" : "var(--kk-off-tint)", stroke: apiUp ? "var(--kk-ask)" : "var(--kk-off)", "stroke-width": 2, "stroke-dasharray": apiUp ? null : "3 3" }),
    icon(STATE[state(places.apiserver.id)], { x: 244, y: 76, size: 12, hue: apiUp ? "" : "off" }),
    label(280, 118, "kube-", "b mid"), label(280, 134, "apiserver", "b mid"), label(280, 156, `:${places.apiserver.port}`, "mono mid ink2"),
    ...(apiUp ? ["the one door:", "all calls", "pass here"] : [state(places.apiserver.id), "nobody can", "ask or tell"]).map((text, i) => label(280, 214 + 16 * i, text, "mid ink2")));
  canvas.append(api.mark(door, `${places.apiserver.id}, ${state(places.apiserver.id)}`, card(places.apiserver.id)));
  const stored = (low) => {
    if (!apiUp || !frame.writable) return canvas.append(line(api.uid, "stopped", `M280 344V${low}`), icon("refuse", { x: 273, y: (344 + low) / 2 - 7, size: 14, hue: "off" }));
    return canvas.append(line(api.uid, "request", `M268 344V${low}`), line(api.uid, "watch", `M292 ${low + 2}V346`), label(260, Math.min(367, low - 10), `rev ${frame.rev}`, "mono end ink2"));
  };
  if (!spread) {
    canvas.append(box(places.etcd.id, 234, 384, 92, 44, "etcd", `:${places.etcd.port}`));
    stored(381);
  } else {
    const top = bandTop, up = members.filter((member) => state(member.id) === "running").length, wide = (620 - 24 - (members.length - 1) * 10) / members.length;
    canvas.append(s("rect", { x: 8, y: top, width: 620, height: band, rx: 8, fill: "none", stroke: frame.writable ? "var(--kk-edge)" : "var(--kk-refuse)", "stroke-dasharray": frame.writable ? null : "6 4", "stroke-width": frame.writable ? 1 : 1.5 }),
      label(20, top + 20, "etcd", "b"), label(56, top + 20, `:${places.etcd.port}`, "ink2 mono"), label(616, top + 20, `${up} of ${members.length} run, ${places.etcd.quorum} are needed`, frame.writable ? "ink2 end" : "refuse b end"));
    members.forEach((member, i) => {
      const x = 20 + i * (wide + 10), y = top + 30, leads = frame.leader === member.id && frame.writable;
      // Peers talk to each other: a double line.
      if (i) canvas.append(s("path", { d: `M${x - 9} ${y + 16}h8M${x - 9} ${y + 20}h8`, stroke: "var(--kk-edge)", "stroke-width": 1.2 }));
      canvas.append(box(member.id, x, y, wide, wide >= 130 ? 44 : 36, member.name, member.ip));
      if (leads) canvas.append(icon("lead", { x: x + wide - 17, y: y + 3, size: 13, title: `${member.name} leads` }));
    });
    stored(top - 3);
  }

  const known = new Set(Object.keys(frame.states));
  const asker = frame.arrow && !known.has(frame.arrow.from) ? frame.arrow.from : "kubectl";
  canvas.append(s("rect", { x: 400, y: 12, width: 228, height: 34, rx: 5, fill: "var(--kk-paper)", stroke: "var(--kk-edge)", "stroke-width": 1.2 }), label(412, 34, asker, "b"), label(616, 34, "user kubernetes-admin", "ink2 end"));
  if (apiUp) canvas.append(line(api.uid, "request", "M398 29H352C338 29 344 84 330 84", frame.arrow && !known.has(frame.arrow.from) ? { "stroke-width": 2.5 } : {}));

  function podRow(pod, x, y, longest) {
    const group = s("g", {}, s("title", { text: `${pod.full}: ${pod.phase}` }), s("rect", { class: "kk-halo", x: x - 3, y: y - 3, width: 132, height: 20, rx: 3 }), icon(pod.glyph, { x, y, size: 13 }), label(x + 19, y + 11, middle(pod.name, longest), "mono"));
    return api.mark(group, `pod ${pod.full}, ${pod.phase}`, () => ({ title: pod.full, chip: { hue: { run: "good", wait: "wait", fail: "refuse" }[pod.glyph] || "off", glyph: pod.glyph, text: pod.phase }, sub: pod.node ? `on ${pod.node}` : "on no node: spec.nodeName is empty", parts: [] }));
  }
  let y = 58;
  if (tiny) {
    canvas.append(label(384, 74, `${workers.length} worker nodes, by name`, "b"));
    workers.forEach((node, i) => {
      const cell = s("g", {}, s("title", { text: `${node.name}: ${frame.nodes[node.name] || "not registered"}, ${frame.pods[node.name]?.count || 0} pods` }), s("rect", { class: "kk-halo", x: 383 + (i % columns) * 14, y: 83 + Math.floor(i / columns) * 14, width: 12, height: 12 }),
        s("rect", { x: 384 + (i % columns) * 14, y: 84 + Math.floor(i / columns) * 14, width: 10, height: 10, rx: 2, fill: frame.nodes[node.name] === "Ready" ? "var(--kk-good)" : "var(--kk-wait)" }));
      canvas.append(api.mark(cell, `${node.name}, ${frame.nodes[node.name] || "not registered"}`, card(node.kubelet)));
    });
    y += nodesHeight;
  }
  if (!tiny) for (const node of workers) {
    const pods = frame.pods[node.name] || { shown: [], count: 0 }, readiness = frame.nodes[node.name];
    const ready = readiness === "Ready";
    canvas.append(s("rect", { x: 372, y, width: 256, height: boxHeight, rx: 8, fill: "none", stroke: ready ? "var(--kk-edge)" : "var(--kk-wait-ink)", "stroke-width": 1, "stroke-dasharray": ready ? null : "4 3" }));
    if (compact) {
      canvas.append(box(node.kubelet, 384, y + 4, 84, 26, node.name, ""), label(478, y + 21, ready ? `${pods.count} pod${pods.count === 1 ? "" : "s"}` : readiness || "not registered", ready ? "ink2" : "wait"), label(616, y + 21, node.ip, "ink2 mono end"));
      talk(node.kubelet, 382, 328, y + 17);
    } else {
      const small = boxHeight < 140;
      canvas.append(label(384, y + 20, node.name, "b"), label(616, y + 20, node.ip, "ink2 mono end"));
      if (!ready) canvas.append(icon("warn", { x: 392 + node.name.length * 7.4, y: y + 8, size: 14 }), label(410 + node.name.length * 7.4, y + 20, readiness || "not registered", "wait"));
      const top = y + (small ? 28 : 32), tall = small ? 40 : 46, second = top + tall + (small ? 6 : 10);
      canvas.append(box(node.kubelet, 384, top, 104, tall, "kubelet", ":10250"), box(node.kube_proxy, 384, second, 104, tall, "kube-proxy", "iptables"));
      talk(node.kubelet, 382, 328, top + tall / 2);
      talk(node.kube_proxy, 382, 328, second + tall / 2);
      const room = small ? 3 : 4, fits = pods.count > room ? room - 1 : room;
      pods.shown.slice(0, fits).forEach((pod, i) => canvas.append(podRow(pod, 497, top + 5 + i * 22, 14)));
      if (pods.count > fits) canvas.append(label(516, top + 16 + fits * 22, `and ${pods.count - fits} more`, "ink2"));
    }
    y += step;
  }
  if (frame.homeless.count) {
    const at = Math.max(y, (spread ? bandTop + 8 : height) - bottom - 12);
    canvas.append(s("rect", { x: 372, y: at, width: 256, height: bottom, rx: 8, fill: "var(--kk-wait-tint)", stroke: "var(--kk-wait-ink)", "stroke-width": 1.2, "stroke-dasharray": "4 3" }),
      label(384, at + 20, "on no node", "b wait"), label(616, at + 20, frame.homeless.count > 3 ? `${frame.homeless.count} pods` : "spec.nodeName empty", "end wait"));
    frame.homeless.shown.forEach((pod, i) => canvas.append(podRow(pod, 384, at + 29 + i * 22, 20), label(616, at + 40 + i * 22, pod.node ? `wants ${pod.node}` : pod.phase, "end wait")));
  }
  stage.append(canvas);
}

export default { render: (context) => mount(context, drawMap) };
