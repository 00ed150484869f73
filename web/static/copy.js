// Copies what a button names; without it, or without the browser's leave, people select by hand.
"use strict";

for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;

for (const field of document.querySelectorAll("[data-select]")) {
  field.addEventListener("focus", () => field.select());
  if (document.activeElement === field) field.select();
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // browsers give it to https and localhost alone
  const source = document.getElementById(button.dataset.copy);
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = button.dataset.copied;
    const says = document.querySelector("[data-copied-says]");
    if (says) says.textContent = button.dataset.copied;
    setTimeout(() => (button.textContent = words), 2000);
  });
}
