// The map: lines, stations, towns and villages; moves and zooms; a slider over the stages; cards.
const SHAPES = {
  deep: "M-6.5-4.5h13l-6.5 11z",
  low: "M-5-3.5h10l-5 8.5z",
  near: "M-3-3h6v6h-6z",
  fine: "M-1.9 0a1.9 1.9 0 1 0 3.8 0a1.9 1.9 0 1 0-3.8 0z",
  high: "M-4.5 3.5h9l-4.5-8z",
  blank: "M-4-4l8 8M-4 4l8-8",
};
const CLASSES = ["deep", "low", "near", "fine", "high", "blank"];

function classAt(k, stage) {
  const { v, status } = data.villages;
  if (v[stage][k] === null || status[stage][k] > 1) return "blank";
  if (status[stage][k] === 1) return v[stage][k] < data.limits.deep_v ? "deep" : "low";
  if (v[stage][k] > data.limits.high_v) return "high";
  return v[stage][k] < data.limits.near_v ? "near" : "fine";
}

function className(name) {
  const volts = { deep: data.limits.deep_v, near: data.limits.near_v, fine: data.limits.near_v, high: data.limits.high_v }[name];
  return word(name, { volts: number(volts, 0) });
}

function statusName(k, stage) {
  return valueWord(data.villages.status_words[data.villages.status[stage][k]]);
}

// What is at fault, where something is.
function faultOf(k, stage) {
  const { status, fault, fault_words: words } = data.villages;
  return status[stage][k] === 1 ? words[fault[stage][k]] : "";
}

function stageSlider(place) {
  const output = make("output", { for: "stage" });
  const input = make("input", {
    type: "range", id: "stage", min: 0, max: data.stages.length - 1, step: 1, value: 0,
    oninput: () => setStage(Number(input.value)),
  });
  const label = make("label", { for: "stage" });
  place.append(label, input, output);
  const show = () => {
    label.textContent = word("stage");
    output.textContent = inLanguage(data.stages[page.stage]);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  page.onStage.push(show);
  page.onLanguage.push(show);
  show();
}

// What is seen of the map, in its own units; `unit` is what a pixel of the screen covers.
function mapWindow(svg, onChange) {
  const whole = { x: 0, y: 0, w: data.map.width, h: data.map.height };
  const seen = { ...whole };
  let last = 1;
  const unit = () => {  // a page that is being printed has no size for a while
    const size = Math.max(seen.w / svg.clientWidth, seen.h / svg.clientHeight);
    last = Number.isFinite(size) ? size : last;
    return last;
  };
  let asked = 0;
  function apply() {
    asked = 0;
    svg.setAttribute("viewBox", `${seen.x} ${seen.y} ${seen.w} ${seen.h}`);
    onChange(unit(), seen.w / whole.w);
  }
  const change = () => { asked = asked || requestAnimationFrame(apply); };
  return {
    unit, apply,
    move(x, y) { seen.x += x; seen.y += y; change(); },
    zoom(factor, x = seen.x + seen.w / 2, y = seen.y + seen.h / 2) {
      const w = Math.min(whole.w * 1.2, Math.max(whole.w / 80, seen.w * factor));
      const ratio = w / seen.w;
      Object.assign(seen, { x: x - (x - seen.x) * ratio, y: y - (y - seen.y) * ratio, w, h: seen.h * ratio });
      change();
    },
    all() { Object.assign(seen, whole); change(); },
    centre(x, y, w) {
      Object.assign(seen, { x: x - w / 2, y: y - (w * whole.h / whole.w) / 2, w, h: w * whole.h / whole.w });
      change();
    },
    point(event) {
      return new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    },
  };
}

function listenToHand(svg, view) {
  const fingers = new Map();
  let dragged = 0;
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !svg.matches(":focus, :focus-within")) return;
    event.preventDefault();
    const at = view.point(event);
    view.zoom(Math.exp(Math.sign(event.deltaY) * 0.2), at.x, at.y);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    dragged = 0;
  });
  svg.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
    dragged += Math.hypot(x, y);
    if (dragged < 4) return;
    svg.setPointerCapture(event.pointerId);
    svg.classList.add("dragged");
    if (fingers.size === 2) {
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      const span = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      const at = view.point(event);
      view.zoom(span(before) / span(event), at.x, at.y);
    } else {
      view.move(-x * view.unit(), -y * view.unit());
    }
    fingers.set(event.pointerId, event);
  });
  const lifted = (event) => { fingers.delete(event.pointerId); svg.classList.remove("dragged"); };
  svg.addEventListener("pointerup", lifted);
  svg.addEventListener("pointercancel", lifted);
  return () => dragged >= 4;
}

function listenToKeys(svg, view) {
  const step = () => 60 * view.unit();
  const keys = {
    ArrowLeft: () => view.move(-step(), 0), ArrowRight: () => view.move(step(), 0),
    ArrowUp: () => view.move(0, -step()), ArrowDown: () => view.move(0, step()),
    "+": () => view.zoom(0.7), "=": () => view.zoom(0.7), "-": () => view.zoom(1.4), 0: () => view.all(),
  };
  svg.addEventListener("keydown", (event) => {
    if (event.target !== svg || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function lineClass(line) {
  return `line ${line.kv >= 110 ? "kv110" : line.kv >= 35 ? "kv35" : "kv10"}`;
}

function countyMap(place) {
  const drawn = data.map;
  const svg = draw("svg", { class: "county", tabindex: "0", role: "group", preserveAspectRatio: "xMidYMid meet" });
  const lines = drawn.lines.map((line) => [line, draw("path", { d: line.d, class: lineClass(line) })]);
  const marks = new Map();
  data.villages.name.forEach((name, k) => {
    const at = data.villages.place[k];
    if (at) marks.set(k, draw("path", { "data-village": k }, draw("title")));
  });
  const layer = draw("g", {}, ...marks.values());
  const lowLayer = draw("g");  // above the names of the towns
  const stations = drawn.stations.map((station) => [station, draw("g", {},
    draw("rect", { x: -5, y: -5, width: 10, height: 10, class: "station" }),
    draw("text", { x: 9, y: -6, class: "station-name", "font-size": 12 }, station.name))]);
  const towns = drawn.towns.map((town) => [town, draw("text", { class: "town", "text-anchor": "middle", y: 16, "font-size": 12.5 }, town.name)]);
  svg.append(draw("g", {}, ...lines.map(([, path]) => path)), layer,
    draw("g", {}, ...towns.map(([, text]) => text)), draw("g", {}, ...stations.map(([, group]) => group)), lowLayer);
  const scale = make("div", { class: "scale", "aria-hidden": "true" });
  const placed = [...stations, ...towns].map(([item, element]) => [element, item.x, item.y]);
  for (const [k, mark] of marks) placed.push([mark, ...data.villages.place[k]]);

  const view = mapWindow(svg, (unit, share) => {
    const size = unit.toPrecision(4);
    for (const [element, x, y] of placed) element.setAttribute("transform", `translate(${x} ${y})scale(${size})`);
    for (const [, group] of stations) group.lastChild.setAttribute("display", share < 0.45 ? "inline" : "none");
    const km = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50].find((length) => length / drawn.unit_km / unit > 50) || 100;
    scale.style.width = `${km / drawn.unit_km / unit}px`;
    scale.textContent = `${km} ${word("km")}`;
  });
  const wasDragged = listenToHand(svg, view);
  listenToKeys(svg, view);

  function lowOnes() {
    return [...marks.keys()].filter((k) => data.villages.status[page.stage][k] === 1)
      .sort((a, b) => data.villages.v[page.stage][a] - data.villages.v[page.stage][b]);
  }

  function showStage() {
    const stage = page.stage;
    for (const [line, path] of lines) {
      path.setAttribute("display", line.from <= stage && stage <= line.to ? "inline" : "none");
      path.setAttribute("class", lineClass(line) + (line.new >= 0 && line.new <= stage ? " new" : ""));
    }
    for (const [station, group] of stations) group.setAttribute("display", station.from <= stage ? "inline" : "none");
    for (const [k, mark] of marks) {
      const kind = classAt(k, stage);
      mark.setAttribute("d", SHAPES[kind]);
      mark.setAttribute("class", `village ${kind}${k === page.chosen ? " chosen" : ""}`);
      mark.removeAttribute("tabindex");
      mark.removeAttribute("role");
      mark.removeAttribute("aria-label");
      const label = word("village_label", {
        village: data.villages.name[k], volts: number(data.villages.v[stage][k], 1), status: statusName(k, stage),
      });
      mark.firstChild.textContent = label;
      if (kind === "low" || kind === "deep") {
        mark.setAttribute("role", "button");
        mark.setAttribute("aria-label", label);
        mark.setAttribute("tabindex", "-1");
        lowLayer.append(mark);
      } else if (mark.parentNode !== layer) layer.append(mark);
    }
    const low = lowOnes();
    if (low.length) marks.get(low[0]).setAttribute("tabindex", "0");
    svg.setAttribute("aria-label", word("map_label", { low: low.length, stage: inLanguage(data.stages[stage]) }));
  }

  lowLayer.addEventListener("keydown", (event) => {
    const k = Number(event.target.dataset.village);
    const low = lowOnes();
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = low[(low.indexOf(k) + step + low.length) % low.length];
      event.target.setAttribute("tabindex", "-1");
      marks.get(next).setAttribute("tabindex", "0");
      marks.get(next).focus();
    } else if (event.key === "Enter" || event.key === " ") {
      page.openVillage(data.villages.name[k], false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  svg.addEventListener("click", (event) => {
    if (wasDragged()) return;
    svg.focus({ preventScroll: true });
    const at = view.point(event);
    const near = nearest(at, 12 * view.unit());
    if (near >= 0) page.openVillage(data.villages.name[near], false);
  });

  function nearest(at, within) {
    let best = -1;
    let least = within;
    for (const k of marks.keys()) {
      const [x, y] = data.villages.place[k];
      const low = data.villages.status[page.stage][k] === 1;
      const distance = Math.hypot(x - at.x, y - at.y) * (low ? 0.5 : 1);  // a low one in a crowd is what is meant
      if (distance < least) [best, least] = [k, distance];
    }
    return best;
  }

  const button = (key, sign, act) => {
    const element = make("button", { type: "button", onclick: act }, sign);
    page.onLanguage.push(() => element.setAttribute("aria-label", word(key)));
    element.setAttribute("aria-label", word(key));
    return element;
  };
  const buttons = make("div", { class: "buttons" }, button("zoom_in", "+", () => view.zoom(0.6)),
    button("zoom_out", "−", () => view.zoom(1.6)), button("zoom_all", "⤢", () => view.all()));
  place.append(make("div", { class: "canvas" }, svg, buttons, scale));
  page.onStage.push(showStage);
  page.onLanguage.push(() => { showStage(); view.apply(); });
  new ResizeObserver(() => view.apply()).observe(svg);
  showStage();
  view.apply();
  return (k) => {
    if (!data.villages.place[k]) return;
    view.centre(...data.villages.place[k], Math.min(data.map.width, 2000));
  };
}

function mapLegend() {
  const list = make("ul", { class: "legend" });
  const sample = (kind) => draw("svg", { width: 18, height: 16, viewBox: "-9 -8 18 16", "aria-hidden": "true" },
    draw("path", { d: SHAPES[kind], class: `village ${kind}` }));
  const stroke = (css) => draw("svg", { width: 18, height: 16, viewBox: "-9 -8 18 16", "aria-hidden": "true" },
    draw("path", { d: "M-9 0h18", class: css }));
  const show = () => {
    const counts = Object.fromEntries(CLASSES.map((kind) => [kind, 0]));
    data.villages.name.forEach((name, k) => { counts[classAt(k, page.stage)] += 1; });
    const items = CLASSES.filter((kind) => counts[kind] || !["high", "blank"].includes(kind)).map((kind) =>
      make("li", {}, sample(kind), `${className(kind)}: ${number(counts[kind], 0)}`));
    const lines = data.map ? [["10 kV", "line kv10"], ["35 kV", "line kv35"], ["110 kV +", "line kv110"],
      [word("legend_new"), "line new"]].map(([name, css]) => make("li", {}, stroke(css), name)) : [];
    list.replaceChildren(make("li", {}, make("strong", {}, word("legend"))), ...items, ...lines);
  };
  page.onStage.push(show);
  page.onLanguage.push(show);
  show();
  return list;
}

function villageCard(place, goTo) {
  let opener = null;
  function show() {
    place.replaceChildren();
    if (page.chosen === null) return;
    const [k, all] = [page.chosen, data.villages];
    const close = make("button", { type: "button", "aria-label": word("close"), onclick: shut }, "×");
    const facts = [
      ["town", `${all.town[k]} ${all.admin[k]}`],
      ["households", number(all.households[k], 0)],
      ["batch", all.batch[k] ? number(all.batch[k], 0) : word("no_batch")],
      ["class", all.plan_class[k] ? valueWord(all.plan_class[k]) : "–"],
    ];
    const rows = data.stages.map((stage, s) => make("tr", { "aria-current": s === page.stage ? "true" : null },
      make("th", { scope: "row" }, inLanguage(stage)),
      make("td", { class: all.status[s][k] === 1 ? "n is-low" : "n" },
        number(all.v[s][k], 1) + (all.status[s][k] === 1 ? " ▼" : "")),
      make("td", { class: "n" }, number(all.hours[s][k], 0)),
      make("td", { class: "n" }, number(all.low[s][k], 0)),
      make("td", {}, valueWord(faultOf(k, s)))));
    const heads = ["stage", "lowest_v", "hours_low", "households_low", "fault"];
    place.append(make("section", { class: "card", tabindex: "-1", "aria-label": all.name[k] },
      make("h3", {}, make("span", {}, all.name[k]), close),
      make("dl", {}, ...facts.flatMap(([key, text]) => [make("dt", {}, word(key)), make("dd", {}, text)])),
      make("div", { class: "scroll" }, make("table", {},
        make("thead", {}, make("tr", {}, ...heads.map((key, c) => make("th", { scope: "col", class: c && c < 4 ? "n" : null }, word(key))))),
        make("tbody", {}, ...rows))),
      data.profiles[all.name[k]] ? make("p", {}, make("button", { type: "button", onclick: () => page.showProfile(all.name[k]) }, word("show_profile"))) : null));
  }
  function shut() {
    page.chosen = null;
    show();
    setStage(page.stage);
    if (opener && opener.isConnected) opener.focus();
  }
  place.addEventListener("keydown", (event) => { if (event.key === "Escape") shut(); });
  page.onStage.push(show);
  page.onLanguage.push(show);
  page.openVillage = (name, move) => {
    if (!page.villageIndex.has(name)) return false;
    opener = document.activeElement;
    page.chosen = page.villageIndex.get(name);
    setStage(page.stage);
    if (move) goTo(page.chosen);
    if (move) document.getElementById("map").scrollIntoView();
    place.firstChild.focus({ preventScroll: true });
    return true;
  };
}

function villageSearch() {
  const list = make("datalist", { id: "village-names" }, ...data.villages.name.map((name) => make("option", { value: name })));
  const input = make("input", { type: "search", list: "village-names", id: "village-search" });
  const button = make("button", { type: "submit" });
  const told = make("p", { class: "note", role: "status" });
  const show = () => {
    input.placeholder = word("find_village");
    input.setAttribute("aria-label", word("find_village"));
    button.textContent = word("open");
  };
  page.onLanguage.push(show);
  show();
  const form = make("form", { class: "find", onsubmit: (event) => {
    event.preventDefault();
    told.textContent = page.openVillage(input.value.trim(), true) ? "" : word("no_village");
  } }, input, button, list);
  return [form, told];
}
