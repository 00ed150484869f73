// Live progress of a ticket: the bar, the words and the lines, while the page is looked at.
"use strict";

const POLL_MS = 1000;
const POLL_SLOWEST_MS = 15000;
const SVG = "http://www.w3.org/2000/svg";

const live = document.querySelector("[data-progress]");
const bar = live.querySelector("progress");
const charts = live.querySelector("[data-charts]");
const stale = live.querySelector("[data-stale]");
let etag = "";
let failures = 0;
let timer = 0;

// Only what changed is written: a screen reader must not say the rest again.
const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const blank = (chart) => {
  const item = document.createElement("li");
  item.dataset.chart = chart.name;
  const line = document.createElement("p");
  const [name, first, last] = ["span", "span", "strong"].map((tag) => document.createElement(tag));
  name.className = "name";
  first.className = "unseen";
  line.append(name, " ", first, " ", last);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${charts.dataset.size}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  item.append(line, svg);
  return item;
};

const draw = (found) => {
  const shown = new Map([...charts.children].map((item) => [item.dataset.chart, item]));
  const items = found.map((chart) => {
    const item = shown.get(chart.name) ?? blank(chart);
    write(item.querySelector(".name"), chart.label);
    write(item.querySelector(".unseen"), charts.dataset.from.replace("%(first)s", chart.first));
    write(item.querySelector("strong"), chart.last);
    item.querySelector("path").setAttribute("d", chart.line);
    return item;
  });
  const same = items.length === charts.children.length && items.every((item, at) => item === charts.children[at]);
  if (!same) charts.replaceChildren(...items);
};

const show = (found) => {
  if (found.fraction === null) bar.removeAttribute("value");
  else bar.value = found.fraction;
  write(live.querySelector("[data-text]"), found.text);
  write(live.querySelector("[data-estimate]"), found.estimate);
  draw(found.charts);
};

// What somebody is writing must not vanish under their hands.
const inUse = () =>
  document.querySelector("details[open] form") !== null ||
  [...document.querySelectorAll("textarea")].some((field) => field.value !== "");

const ask = async () => {
  const headers = { Accept: "application/json" };
  if (etag) headers["If-None-Match"] = etag;
  const answer = await fetch(live.dataset.progress, { headers, cache: "no-store" });
  if (answer.status === 304) return;
  if (answer.status === 401) return location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  etag = answer.headers.get("ETag") ?? "";
  const found = await answer.json();
  if (found.state === live.dataset.state) return show(found);
  if (!inUse()) return location.reload();
  live.querySelector("[data-moved]").hidden = false;
};

const poll = async () => {
  try {
    await ask();
    failures = 0;
  } catch {
    failures += 1;
  }
  stale.hidden = failures < 3;
  if (!document.hidden) timer = setTimeout(poll, Math.min(POLL_MS * 2 ** failures, POLL_SLOWEST_MS));
};

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) poll();
});
timer = setTimeout(poll, POLL_MS);
