// Tables: sorted by a click on a title, searched, downloaded as CSV.
const ROWS_SHOWN = 12;
const collator = new Intl.Collator("zh");

function cellText(table, column, value) {
  if (value === null) return "–";
  if (column.word && table.words[value]) return inLanguage(table.words[value]);
  return typeof value === "number" ? number(value, column.digits) : value;
}

function compared(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(String(a), String(b));
}

// A text that a spreadsheet would run gets an apostrophe, as by defused() of ruralgrid.files.
function csvCell(value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  let text = String(value).replace(/\r/g, " ");
  if (/^'*[=+\-@＝＋－＠\t\r]/.test(value) && !/^[+-]?[0-9.,]* ?%?$/.test(text)) text = `'${text}`;
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function csvOf(table, rows) {
  const titles = table.columns.map((column) => csvCell(inLanguage(column.words)));
  const lines = rows.map((row) => row.map((value, k) => {
    const column = table.columns[k];
    return csvCell(column.word && table.words[value] ? inLanguage(table.words[value]) : value);
  }).join(","));
  return [titles.join(","), ...lines].join("\r\n") + "\r\n";
}

function tableView(place, name, getTable) {
  const state = { column: -1, down: false, query: "", all: false };
  const body = make("tbody");
  const head = make("tr");
  const count = make("span", { class: "count", "aria-live": "polite" });
  const search = make("input", { type: "search", oninput: () => { state.query = search.value; fill(); } });
  const csv = make("button", { type: "button", onclick: save });
  const more = make("button", { type: "button", onclick: () => { state.all = !state.all; fill(); } });
  const title = make("h3", { id: `table-${name}` });
  const note = make("p", { class: "note" });
  const printed = make("p", { class: "note print" });
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-labelledby": `table-${name}` },
    make("table", { "aria-labelledby": `table-${name}` }, make("thead", {}, head), body));
  const bar = make("div", { class: "bar" }, search, csv, more, count);
  place.append(title, note, bar, scroll, printed);

  function found() {
    const table = getTable();
    const wanted = state.query.trim().toLowerCase();
    const text = (row) => row.map((value, k) => cellText(table, table.columns[k], value)).join("\u0001").toLowerCase();
    const rows = wanted ? table.rows.filter((row) => text(row).includes(wanted)) : [...table.rows];
    if (state.column >= 0) {
      const k = state.column;
      const shown = (row) => (table.columns[k].word ? cellText(table, table.columns[k], row[k]) : row[k]);
      rows.sort((a, b) => {
        const [x, y] = [shown(a), shown(b)];
        return x === null || y === null || !state.down ? compared(x, y) : compared(y, x);
      });
    }
    return rows;
  }

  function sortBy(k) {
    const isNumber = getTable().columns[k].number;
    state.down = state.column === k ? !state.down : isNumber;
    state.column = k;
    heads();
    fill();
    head.children[k].firstChild.focus();
  }

  function heads() {
    const table = getTable();
    head.replaceChildren(...table.columns.map((column, k) => {
      const words = inLanguage(column.words);
      const order = state.column !== k ? "none" : state.down ? "descending" : "ascending";
      return make("th", { scope: "col", class: column.number ? "n" : null, "aria-sort": order },
        make("button", { type: "button", title: word("sort", { column: words }), onclick: () => sortBy(k) }, words));
    }));
  }

  function cell(table, column, value) {
    const text = cellText(table, column, value);
    if (column.key === "village" && page.villageIndex.has(value)) {
      return make("td", { class: "name" },
        make("button", { type: "button", onclick: () => page.openVillage(value, true) }, text));
    }
    const kind = column.number || typeof value === "number" ? "n" : text.length > 48 ? "long" : text.length < 24 ? "name" : null;
    return make("td", { class: value === "low" && column.key.startsWith("status") ? "name is-low" : kind }, text);
  }

  function fill() {
    const table = getTable();
    const rows = found();
    const shown = state.all ? rows : rows.slice(0, ROWS_SHOWN);
    body.replaceChildren(...shown.map((row) =>
      make("tr", {}, ...row.map((value, k) => cell(table, table.columns[k], value)))));
    if (!shown.length) body.append(make("tr", {}, make("td", { colspan: table.columns.length }, word("no_rows"))));
    const figures = { shown: number(shown.length, 0), count: number(rows.length, 0) };
    count.textContent = word("rows", figures);
    more.hidden = rows.length <= ROWS_SHOWN;
    more.textContent = state.all ? word("show_less") : word("show_all", figures);
    printed.textContent = shown.length < rows.length ? word("print_note", figures) : "";
  }

  function save() {
    download(`${name}.csv`, csvOf(getTable(), found()));
  }

  function render() {
    const table = getTable();
    title.textContent = inLanguage(table.title);
    note.textContent = inLanguage(table.note);
    note.hidden = !note.textContent;
    search.setAttribute("aria-label", word("search_in", { title: title.textContent }));
    search.placeholder = word("search");
    csv.textContent = word("csv");
    bar.hidden = table.rows.length < 2;
    heads();
    fill();
  }

  page.onLanguage.push(render);
  render();
  return render;
}
