// The page begins.
page.villageIndex = new Map(data.villages.name.map((name, k) => [name, k]));
page.chosen = null;

function villageTable() {
  const all = data.villages;
  const s = page.stage;
  const column = (key, number, digits, isWord) => ({ key, words: data.village_titles[key], digits, number, word: isWord });
  return {
    title: data.village_titles.title,
    note: data.stages[s],
    words: data.values,
    columns: [
      column("village", false), column("town", false), column("admin_village", false), column("households", true, 0),
      column("batch", true, 0), column("plan_class", false, null, true), column("status", false, null, true),
      column("v_min_v", true, 1), column("hours_low", true, 0), column("households_low", true, 0),
      column("level_at_fault", false, null, true),
    ],
    rows: all.name.map((name, k) => [
      name, all.town[k], all.admin[k], all.households[k], all.batch[k] || null, all.plan_class[k] || null,
      all.status_words[all.status[s][k]], all.v[s][k], all.hours[s][k], all.low[s][k], faultOf(k, s) || null,
    ]).sort((a, b) => (a[7] === null) - (b[7] === null) || a[7] - b[7]),
  };
}

function start() {
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.addEventListener("click", () => setLanguage(button.dataset.lang));
  }
  const slider = document.querySelector("[data-slider]");
  if (data.stages.length > 1) stageSlider(slider);
  const place = document.querySelector("[data-map]");
  let goTo = () => {};
  if (data.map) goTo = countyMap(place);
  const card = make("div", { "aria-live": "polite" });
  place.append(make("div", { class: "side" }, ...villageSearch(), card, mapLegend()));
  villageCard(card, goTo);
  if (document.querySelector("[data-profiles]")) profileView(document.querySelector("[data-profiles]"));
  for (const element of document.querySelectorAll("[data-table]")) {
    const name = element.dataset.table;
    const render = tableView(element, name, name === "villages" ? villageTable : () => data.tables[name]);
    if (name === "villages") page.onStage.push(render);
  }
}

start();
document.fonts.ready.then(() => document.documentElement.classList.add("lettered"));
