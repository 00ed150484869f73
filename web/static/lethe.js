// Everything here is comfort: each page works without it.
"use strict";

const POLL_MS = 1000;
const POLL_SLOWEST_MS = 15000;

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

// Live progress of a ticket.
const live = document.querySelector("[data-progress]");
if (live) {
  const bar = live.querySelector("progress");
  const show = (found) => {
    if (found.fraction === null) bar.removeAttribute("value");
    else bar.value = found.fraction;
    live.querySelector("[data-text]").textContent = found.text;
    live.querySelector("[data-figures]").replaceChildren(
      ...Object.entries(found.figures).map(([name, value]) => {
        const pair = document.createElement("div");
        pair.append(document.createElement("dt"), document.createElement("dd"));
        pair.firstChild.textContent = name;
        pair.lastChild.textContent = value;
        return pair;
      }),
    );
  };
  const inUse = () =>
    document.querySelector("details[open]") !== null ||
    [...document.querySelectorAll("textarea")].some((field) => field.value !== "");
  const poll = async (wait) => {
    if (!document.hidden) {
      try {
        const answer = await fetch(live.dataset.progress, { headers: { Accept: "application/json" } });
        if (answer.status === 401) return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        const found = await answer.json();
        if (found.state !== live.dataset.state) {
          // What somebody is writing must not vanish under their hands.
          if (!inUse()) return location.reload();
          live.querySelector("[data-moved]").hidden = false;
        } else {
          show(found);
        }
        wait = POLL_MS;
      } catch {
        wait = Math.min(wait * 2, POLL_SLOWEST_MS);
      }
    }
    setTimeout(poll, wait, wait);
  };
  setTimeout(poll, POLL_MS, POLL_MS);
}
