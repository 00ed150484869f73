// The list of tickets: comfort alone, the page works without it.
"use strict";

// The key / leads to the search, as the mark beside it says.
const search = document.querySelector("[data-search]");
if (search) {
  document.querySelector("[data-shortcut]").hidden = false;
  search.setAttribute("aria-keyshortcuts", "/");
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input:not([type=checkbox]), textarea, select");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || writing) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
}

// An opened choice closes by Escape and by a click beside it.
const picks = [...document.querySelectorAll(".pick details")];
const close = (but) => {
  for (const pick of picks) if (pick !== but) pick.open = false;
};
document.addEventListener("click", (event) => close(event.target.closest(".pick details")));
for (const pick of picks) {
  pick.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !pick.open) return;
    pick.open = false;
    pick.querySelector("summary").focus();
  });
}

// Many at once: how many are chosen, all of the page, and no step with none.
const bulk = document.querySelector("[data-bulk]");
const chosen = bulk && bulk.querySelector("[data-chosen]");
if (chosen) {
  const ticks = [...bulk.querySelectorAll("input[name=ticket]")];
  const all = bulk.querySelector("[data-all]");
  const steps = [...bulk.querySelectorAll("button[name=step]")];
  const bar = bulk.querySelector("[data-steps]");
  const asked = chosen.textContent;
  const show = () => {
    const count = ticks.filter((tick) => tick.checked).length;
    chosen.textContent = count ? chosen.dataset.chosen.replace("{count}", count) : asked;
    all.checked = count === ticks.length;
    all.indeterminate = count > 0 && count < ticks.length;
    for (const step of steps) step.disabled = count === 0;
    bar.classList.toggle("idle", count === 0);
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
    show();
  });
  bulk.addEventListener("change", show);
  window.addEventListener("pageshow", show);
}
