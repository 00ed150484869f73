// Everything here is comfort: each page works without it.
"use strict";

// On a phone the parts of the site are one line to scroll: it begins where the reader is.
const part = document.querySelector(".side nav [aria-current]");
if (part) {
  const bar = part.closest("nav");
  bar.scrollLeft = part.offsetLeft - (bar.clientWidth - part.offsetWidth) / 2;
}

// A form is sent once, however often its button is pressed.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.dataset.words = button.textContent;
    // After the browser has gathered the fields.
    setTimeout(() => {
      button.disabled = true;
      if (button.dataset.sending) button.textContent = button.dataset.sending;
    });
  });
}
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("button[data-words]")) {
    button.disabled = false;
    button.textContent = button.dataset.words;
  }
});

// Photos: how many and how large, and what the server would refuse, before anything is sent.
const photos = document.getElementById("photos");
if (photos) {
  const archive = /\.(zip|tar|tgz|txz|tar\.gz|tar\.xz)$/i;
  const limits = photos.dataset;
  const problem = (files) => {
    const large = files.find(
      (file) => !archive.test(file.name) && file.size > Number(limits.photoBytes),
    );
    if (large) return `${large.name}: ${limits.tooLarge}`;
    if (files.length > Number(limits.most)) return limits.tooMany;
    const total = files.reduce((sum, file) => sum + file.size, 0);
    return total > Number(limits.bytes) ? limits.tooMuch : "";
  };
  photos.addEventListener("change", () => {
    const files = [...photos.files];
    const line = problem(files);
    photos.setCustomValidity(line);
    document.getElementById("photos-chosen").textContent =
      line || (files.length ? limits.chosen.replace("{count}", files.length) : "");
    if (line) photos.reportValidity();
  });
}
