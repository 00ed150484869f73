// Copies what a button names; without it, or without the browser's leave, people select by hand.
"use strict";

// What begins with the address of this site is whole once a browser knows it.
for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;
for (const field of document.querySelectorAll("[data-address]"))
  field.value = new URL(field.value, location.origin).href;

for (const field of document.querySelectorAll("[data-select]")) {
  field.addEventListener("focus", () => field.select());
  if (document.activeElement === field) field.select();
}

const offerCopies = (part) => {
  if (!navigator.clipboard) return; // browsers give it to https and localhost alone
  for (const button of part.querySelectorAll("[data-copy]")) {
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
};

offerCopies(document);
