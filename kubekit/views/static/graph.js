
// A layered graph: boxes stand where Python put them, arrows bend once.
function drawGraph(stage, data, cursor, api) {
  const [width, height] = data.box;
  const canvas = s("svg", { viewBox: `0 0 ${data.width} ${data.height}`, width: data.width, height: data.height, role: "img", "aria-label": data.sentence }, markers(api.uid));
  for (const arrow of data.arrows) {
    const middleX = (arrow.x1 + arrow.x2) / 2;
    canvas.append(s("path", { d: `M${arrow.x1} ${arrow.y1}C${middleX} ${arrow.y1} ${middleX} ${arrow.y2} ${arrow.x2 - 2} ${arrow.y2}`, fill: "none", stroke: "var(--kk-edge)", "stroke-width": 1.5, "marker-end": `url(#${api.uid}-edge)` }));
    if (arrow.label) canvas.append(label(middleX, (arrow.y1 + arrow.y2) / 2 - 4, arrow.label, "ink2 mid"));
  }
  for (const box of data.boxes) {
    const inset = box.glyph ? 28 : 12;
    canvas.append(s("g", {}, s("title", { text: `${box.kind} ${box.name} ${box.state}` }),
      s("rect", { x: box.x, y: box.y, width, height, rx: 6, fill: "var(--kk-paper)", stroke: "var(--kk-edge)", "stroke-width": 1.2 }),
      box.glyph ? icon(box.glyph, { x: box.x + 9, y: box.y + 9, size: 13 }) : null,
      label(box.x + inset, box.y + 18, middle(box.name, box.glyph ? 18 : 20), "mono"),
      label(box.x + inset, box.y + 34, box.state ? `${box.kind}, ${box.state}` : box.kind, "ink2")));
  }
  stage.append(canvas);
}

export default { render: (context) => mount(context, drawGraph) };
