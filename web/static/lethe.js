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
  const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const archive = /\.(zip|tar|tgz|txz|tar\.gz|tar\.xz)$/i;
  const problem = (files) => {
    const large = files.find(
      (file) => !archive.test(file.name) && file.size > Number(photos.dataset.photoBytes),
    );
    const total = files.reduce((sum, file) => sum + file.size, 0);
    if (large) return `${large.name}: ${mebibytes(large.size)} is too large; resize it.`;
    if (files.length > Number(photos.dataset.most))
      return `${files.length} photos: at most ${photos.dataset.most}; leave some out.`;
    if (total > Number(photos.dataset.bytes))
      return `${mebibytes(total)} together: at most ${mebibytes(Number(photos.dataset.bytes))}; leave some out.`;
    return "";
  };
  photos.addEventListener("change", () => {
    const files = [...photos.files];
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const line = problem(files);
    photos.setCustomValidity(line);
    const chosen = files.length === 1 ? "1 file" : `${files.length} files`;
    document.getElementById("photos-chosen").textContent =
      line || (files.length ? `${chosen} chosen, ${mebibytes(total)}.` : "");
    if (line) photos.reportValidity();
  });
}
