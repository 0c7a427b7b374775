// Voltage along the way to a village: 10 kV left, 0.4 kV right, before and after the works.
function roundTicks(low, high, about) {
  const power = 10 ** Math.floor(Math.log10((high - low) / about));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= (high - low) / about * 0.999);
  const marks = [];
  for (let k = Math.floor(low / step + 1e-9); k <= Math.ceil(high / step - 1e-9); k += 1) marks.push(+(k * step).toFixed(9));
  return marks;
}

function panel(ways, level, box, limits) {
  const points = ways.filter((way) => way.way).map((way) => ({
    css: way.css, xs: way.way[level][0], ys: way.way[level][1], others: level === "lv" ? way.way.others : [],
  }));
  const group = draw("g");
  const xs = roundTicks(0, Math.max(0.01, ...points.flatMap((p) => p.xs)), 5);
  const all = points.flatMap((p) => [p.ys, ...p.others].flat()).filter((y) => y !== null);
  const ys = roundTicks(Math.min(limits[0], ...all), Math.max(limits[1], ...all), 6);
  const x = (value) => box.x + (value - xs[0]) / (xs.at(-1) - xs[0]) * box.w;
  const y = (value) => box.y + box.h - (value - ys[0]) / (ys.at(-1) - ys[0]) * box.h;
  for (const mark of ys) {
    group.append(draw("line", { x1: box.x, x2: box.x + box.w, y1: y(mark), y2: y(mark), class: "grid" }),
      draw("text", { x: box.x - 6, y: y(mark) + 4, "text-anchor": "end", class: "tick" }, String(mark)));
  }
  for (const mark of xs) {
    group.append(draw("line", { x1: x(mark), x2: x(mark), y1: box.y + box.h, y2: box.y + box.h + 4, class: "axis" }),
      draw("text", { x: x(mark), y: box.y + box.h + 18, "text-anchor": "middle", class: "tick" }, String(mark)));
  }
  group.append(draw("line", { x1: box.x, x2: box.x + box.w, y1: box.y + box.h, y2: box.y + box.h, class: "axis" }));
  for (const limit of limits) {
    group.append(draw("line", { x1: box.x, x2: box.x + box.w, y1: y(limit), y2: y(limit), class: "limit-line" }),
      draw("text", { x: box.x + box.w - 2, y: y(limit) - 5, "text-anchor": "end", class: "limit-label" }, number(limit, level === "lv" ? 0 : 1)));
  }
  const along = (kms, values) => kms.map((km, k) => (values[k] === null ? ""
    : `${k && values[k - 1] !== null ? "L" : "M"}${x(km).toFixed(1)} ${y(values[k]).toFixed(1)}`)).join("");
  for (const { css, xs: kms, ys: values, others } of points) {
    for (const other of others) group.append(draw("path", { d: along(kms, other), class: `way-${css} way-other` }));
    group.append(draw("path", { d: along(kms, values), class: `way-${css}` }));
    kms.forEach((km, k) => {
      if (values[k] === null) return;
      const title = draw("title", {}, `${number(km, 2)} km, ${number(values[k], level === "lv" ? 1 : 2)} ${level === "lv" ? "V" : "kV"}`);
      group.append(css === "before"
        ? draw("rect", { x: x(km) - 2.2, y: y(values[k]) - 2.2, width: 4.4, height: 4.4, class: "mark-before" }, title)
        : draw("circle", { cx: x(km), cy: y(values[k]), r: 2.4, class: "mark-after" }, title));
    });
  }
  group.append(draw("text", { x: box.x - 34, y: box.y - 10, class: "note" }, level === "lv" ? "V" : "kV"),
    draw("text", { x: box.x + box.w / 2, y: box.y + box.h + 38, "text-anchor": "middle", class: "tick" }, word(`${level}_axis`)));
  return group;
}

function profileView(place) {
  const names = Object.keys(data.profiles);
  const choice = make("select", { id: "profile-village", onchange: show });
  for (const name of names) choice.append(make("option", { value: name }, name));
  const label = make("label", { for: "profile-village" });
  const drawing = make("div", { class: "scroll", tabindex: "0", role: "group" });
  const title = make("h3", { class: "print" });
  const legend = make("ul", { class: "legend" });
  const told = make("p", { class: "note" });
  place.append(make("div", { class: "profile-choice" }, label, choice), title, legend, drawing, told);

  function sentence(when, way) {
    if (!way) return word("not_fed", { when });
    return word(way.phase ? "fed_by_phase" : "fed_by", {
      when, unit: way.unit, mv: number(way.mv[0].at(-1) || 0, 2), lv: number(way.lv[0].at(-1), 2),
      volts: number(way.lv[1].at(-1), 1), phase: way.phase,
    });
  }

  function show() {
    const { before, after } = data.profiles[choice.value];
    const ways = [{ css: "before", way: before }, { css: "after", way: after }];
    const svg = draw("svg", { viewBox: "0 0 900 340", width: 900, class: "chart wide profile", role: "img",
      "aria-label": word("profile_label", { village: choice.value }) },
    panel(ways, "mv", { x: 48, y: 28, w: 380, h: 250 }, [data.limits.low_kv, data.limits.high_kv]),
    panel(ways, "lv", { x: 506, y: 28, w: 380, h: 250 }, [data.limits.low_v, data.limits.high_v]));
    drawing.replaceChildren(svg);
    label.textContent = word("choose_village");
    title.textContent = choice.value;
    const sample = (css) => draw("svg", { width: 24, height: 12, "aria-hidden": "true" }, draw("path", { d: "M0 6h24", class: `way-${css}` }),
      css === "before" ? draw("rect", { x: 9.8, y: 3.8, width: 4.4, height: 4.4, class: "mark-before" }) : draw("circle", { cx: 12, cy: 6, r: 2.4, class: "mark-after" }));
    legend.replaceChildren(make("li", {}, sample("before"), word("before")), make("li", {}, sample("after"), word("after")));
    if (ways.some(({ way }) => way && way.others.length)) {
      legend.append(make("li", {}, draw("svg", { width: 24, height: 12, "aria-hidden": "true" },
        draw("path", { d: "M0 4h24", class: "way-before way-other" }), draw("path", { d: "M0 9h24", class: "way-after way-other" })), word("other_phases")));
    }
    told.replaceChildren(sentence(word("before"), before), make("br"), sentence(word("after"), after));
  }

  page.onLanguage.push(show);
  page.showProfile = (name) => {
    choice.value = name;
    show();
    document.getElementById("profiles").scrollIntoView();
    choice.focus({ preventScroll: true });
  };
  show();
}
