// Comfort for imports: the size before it is sent, how far the upload is, and where the check stands.
"use strict";

const upload = document.querySelector("form[data-upload]");
if (upload) {
  const file = upload.querySelector("input[type=file]");
  const chosen = document.getElementById("file-chosen");
  const bar = upload.querySelector("progress");
  const path = upload.querySelector("input[name=path]");
  const share = (part) => part.toLocaleString(document.documentElement.lang, { style: "percent" });

  file.addEventListener("change", () => {
    const found = file.files[0];
    const wrong = found && found.size > Number(upload.dataset.most) ? upload.dataset.tooLarge : "";
    file.setCustomValidity(wrong);
    chosen.textContent = wrong && `${found.name}: ${wrong}`;
  });

  upload.addEventListener("submit", (event) => {
    if (!file.files.length || (path && path.value)) return; // a plain form does
    event.preventDefault();
    const request = new XMLHttpRequest();
    const ended = (text) => {
      bar.hidden = true;
      chosen.textContent = text;
      upload.querySelector("button").disabled = false;
    };
    request.upload.addEventListener("progress", (sent) => {
      if (!sent.lengthComputable) return;
      bar.hidden = false;
      bar.value = sent.loaded / sent.total;
      chosen.textContent = upload.dataset.sending.replace("{share}", share(bar.value));
    });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      chosen.textContent = upload.dataset.taken;
    });
    request.addEventListener("error", () => ended(upload.dataset.lost));
    request.addEventListener("load", () => {
      if (request.status < 400) return location.assign(request.responseURL);
      ended("");
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const told = page.querySelector(".alert, main .facts");
      for (const older of document.querySelectorAll("main > .alert")) older.remove();
      if (!told) return ended(upload.dataset.lost);
      const note = document.createElement("section");
      note.className = "card alert";
      note.setAttribute("role", "alert");
      note.append(...told.childNodes);
      upload.before(note);
      note.scrollIntoView({ block: "nearest" });
    });
    request.open("POST", upload.action);
    request.send(new FormData(upload));
  });
}

const pending = document.querySelector("[data-import]");
if (pending) {
  const look = async (wait) => {
    try {
      const answer = await fetch(pending.dataset.import, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      if ((await answer.json()).state !== pending.dataset.state) return location.reload();
      wait = 1500;
    } catch {
      wait = Math.min(wait * 2, 15000);
    }
    setTimeout(look, wait, wait);
  };
  setTimeout(look, 1500, 1500);
}
