"use strict";
// What every script of the page uses: the data, the words, elements, numbers.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const page = { lang: data.lang, stage: 0, onLanguage: [], onStage: [], openVillage: null };

function inLanguage(pair) {
  return pair[page.lang === "zh" ? 1 : 0];
}

function word(key, figures) {
  const text = inLanguage(data.words[key]);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (figures && name in figures ? figures[name] : whole));
}

function valueWord(key) {
  return key && data.values[key] ? inLanguage(data.values[key]) : key || "–";
}

// An element with attributes and children; a text is always a text, never markup.
function make(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function draw(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function number(value, digits) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const shown = digits === null || digits === undefined
    ? Math.abs(value) < 1000 ? { maximumSignificantDigits: 5 } : { maximumFractionDigits: 1 }
    : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const text = value.toLocaleString("en-US", shown);
  return /^-[0.]+$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

function download(name, text) {
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function setLanguage(lang) {
  page.lang = lang;
  document.documentElement.lang = lang;
  for (const element of document.querySelectorAll("[data-en]")) {
    element.textContent = element.getAttribute(`data-${lang}`);
  }
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
  }
  for (const redraw of page.onLanguage) redraw();
}

function setStage(stage) {
  page.stage = stage;
  for (const redraw of page.onStage) redraw();
}
