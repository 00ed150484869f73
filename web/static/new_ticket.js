// A new ticket kept as a draft while it is written: fields and photos are sent as they come, and
// each photo gets its answer. Without this script the form sends everything at once.
"use strict";

(() => {
  const form = document.querySelector("form[data-new-ticket]");
  if (!form) return;

  const FIELDS = ["model", "subject", "legal_ground", "deadline"];
  const AT_ONCE = 2; // uploads side by side
  const TYPING_MS = 800;
  const POLL_MS = 1000;
  const POLL_SLOWEST_MS = 15000;
  const OFFLINE_MS = 5000;
  const THUMB = 104; // pixels a side
  const ARCHIVE = /\.(zip|tar|tgz|txz|tar\.gz|tar\.xz)$/i;
  const UNSEEN = /^(\.|thumbs\.db$|desktop\.ini$)/i; // what systems add to folders

  const words = form.dataset;
  const find = (name) => document.querySelector(`[data-${name}]`);
  const [list, drop, button, advice, status, problem, saved] =
    ["list", "drop", "submit", "advice", "status", "problem", "saved"].map(find);
  const chosen = document.getElementById("chosen");
  const token = form.elements.csrf_token.value;

  let urls = words.draft ? urlsOf(words.draft) : null;
  let beginning = null;
  let enough = false;
  const waiting = []; // uploads that are not begun
  let sending = 0;

  function urlsOf(draft) {
    const page = `${words.begin}/${draft}`;
    return { page, fields: `${page}/fields`, photos: `${page}/photos`, person: `${page}/person` };
  }

  // What the server says ----------------------------------------------------------------------

  class Refused extends Error {
    constructor(status, text) {
      super(text);
      this.status = status;
    }
  }

  async function ask(url, body) {
    const options = { headers: { Accept: "application/json", "X-CSRFToken": token } };
    if (body) Object.assign(options, { method: "POST", body });
    const answer = await fetch(url, options);
    if (answer.ok) return answer.json();
    if (answer.status === 401) throw new Refused(401, words.textSignIn);
    if (answer.status === 404 && urls && url.startsWith(urls.page))
      throw new Refused(404, words.textGone);
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, told.detail || words.textFailed);
  }

  function fields() {
    const data = new FormData();
    for (const name of FIELDS) data.append(name, form.elements[name].value);
    return data;
  }

  function begin() {
    if (urls) return Promise.resolve(urls);
    beginning ??= ask(words.begin, fields()).then(
      (answer) => {
        urls = answer.urls;
        history.replaceState(null, "", urls.page);
        form.action = urls.page;
        const discard = find("discard");
        discard.action = `${urls.page}/discard`;
        discard.hidden = false;
        return urls;
      },
      (error) => {
        beginning = null;
        throw error;
      },
    );
    return beginning;
  }

  function say(error) {
    problem.hidden = !error;
    if (!error) return;
    problem.textContent = error instanceof Refused ? error.message : words.textOffline;
    if (error.status === 401) {
      const link = document.createElement("a");
      link.href = `${words.signIn}?next=${encodeURIComponent(location.pathname)}`;
      link.textContent = words.textSignInLink;
      problem.append(" ", link);
    }
  }

  // The list of photos ------------------------------------------------------------------------

  function card(name) {
    const item = document.createElement("li");
    const thumb = document.createElement("span");
    thumb.className = "thumb";
    thumb.setAttribute("aria-hidden", "true");
    const label = document.createElement("span");
    label.className = "photo-name";
    label.textContent = label.title = name;
    const text = document.createElement("span");
    text.className = "photo-text";
    const buttons = document.createElement("span");
    buttons.className = "photo-buttons";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "plain";
    remove.dataset.remove = "";
    remove.textContent = words.textRemove;
    remove.setAttribute("aria-label", words.textRemoveName.replace("{name}", name));
    buttons.append(remove);
    item.append(thumb, label, text, buttons);
    list.append(item);
    return item;
  }

  function mark(item, state, text) {
    item.className = `photo ${state}`;
    const line = item.querySelector(".photo-text");
    if (line.textContent !== text) line.textContent = text;
  }

  async function thumbnail(item, file) {
    if (!file.type.startsWith("image/")) return;
    try {
      const picture = await createImageBitmap(file, { resizeHeight: THUMB, resizeQuality: "medium" });
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = THUMB;
      const side = Math.min(picture.width, picture.height);
      const [left, top] = [(picture.width - side) / 2, (picture.height - side) / 2];
      canvas.getContext("2d").drawImage(picture, left, top, side, side, 0, 0, THUMB, THUMB);
      picture.close();
      const place = item.querySelector(".thumb");
      place.replaceChildren(canvas);
      place.classList.add("shown");
    } catch {
      // No picture that a browser knows; the server says so of the file.
    }
  }

  function show(answer) {
    const items = [...list.querySelectorAll("[data-id]")];
    const known = new Map(items.map((item) => [item.dataset.id, item]));
    for (const photo of answer.photos) {
      let item = known.get(photo.id);
      if (!item) {
        item = card(photo.name);
        item.dataset.id = photo.id;
      }
      known.delete(photo.id);
      mark(item, photo.state, photo.text);
    }
    for (const item of known.values()) item.remove();
    status.textContent = answer.status;
    advice.hidden = false;
    advice.className = `advice ${answer.tone}`;
    if (advice.textContent !== answer.advice) advice.textContent = answer.advice;
    enough = answer.enough;
    allow();
    pollFor(answer);
  }

  function allow() {
    button.disabled = !enough || sending + waiting.length > 0;
  }

  // Answers of the worker ---------------------------------------------------------------------

  let timer = 0;
  let pause = POLL_MS;
  let last = "";

  function pollFor(answer) {
    const now = JSON.stringify([answer.sight, answer.photos]);
    pause = now === last ? Math.min(pause * 1.5, POLL_SLOWEST_MS) : POLL_MS;
    last = now;
    clearTimeout(timer);
    const moves = ["looking", "queued", "busy", "nobody"].includes(answer.sight);
    if (moves) timer = setTimeout(poll, pause);
  }

  async function poll() {
    if (document.hidden) {
      timer = setTimeout(poll, pause);
      return;
    }
    try {
      show(await ask(urls.photos));
    } catch (error) {
      if (error instanceof Refused && [401, 404].includes(error.status)) return say(error);
      pause = Math.min(pause * 2, POLL_SLOWEST_MS);
      timer = setTimeout(poll, pause);
    }
  }

  // Photos that are chosen --------------------------------------------------------------------

  function take(files) {
    const room = Number(words.most) - list.children.length;
    const wanted = [...files].filter((file) => !UNSEEN.test(file.name));
    say(wanted.length > room ? new Refused(0, words.textTooMany) : null);
    for (const file of wanted.slice(0, Math.max(room, 0))) {
      const item = card(file.name);
      if (!ARCHIVE.test(file.name) && file.size > Number(words.photoBytes)) {
        mark(item, "refused", words.textTooLarge);
        continue;
      }
      mark(item, "sending", words.textSending);
      waiting.push({ file, item });
    }
    allow();
    next();
  }

  function next() {
    while (sending < AT_ONCE && waiting.length) {
      const upload = waiting.shift();
      if (!upload.item.isConnected) continue; // removed before it was sent
      sending += 1;
      send(upload).finally(() => {
        sending -= 1;
        allow();
        next();
      });
    }
  }

  async function send({ file, item }) {
    if (!item.querySelector("canvas")) await thumbnail(item, file);
    if (ARCHIVE.test(file.name)) mark(item, "sending", words.textArchive);
    try {
      await begin();
      const data = new FormData();
      data.append("photos", file, file.name);
      settle(item, await ask(urls.photos, data));
    } catch (error) {
      if (error instanceof Refused) {
        if ([401, 404].includes(error.status)) say(error);
        failed(file, item, error.message);
      } else {
        mark(item, "sending", words.textOffline);
        await online();
        waiting.push({ file, item });
      }
    }
  }

  function settle(item, answer) {
    if (answer.added.length === 1 && answer.not_taken.length === 0 && item.isConnected) {
      const twin = list.querySelector(`[data-id="${answer.added[0]}"]`);
      if (twin && twin !== item) twin.remove();
      item.dataset.id = answer.added[0];
      const name = answer.photos.find((photo) => photo.id === answer.added[0]).name;
      item.querySelector(".photo-name").textContent = name;
    } else if (answer.added.length === 0 && answer.not_taken.length === 1 && item.isConnected) {
      mark(item, "refused", answer.not_taken[0].text);
    } else {
      item.remove(); // an archive: its photos have cards of their own
      for (const refused of answer.not_taken) mark(card(refused.name), "refused", refused.text);
    }
    show(answer);
  }

  function failed(file, item, text) {
    mark(item, "failed", text);
    const again = document.createElement("button");
    again.type = "button";
    again.className = "plain";
    again.textContent = words.textAgain;
    again.addEventListener("click", () => {
      again.remove();
      mark(item, "sending", words.textSending);
      waiting.push({ file, item });
      allow();
      next();
    });
    item.querySelector(".photo-buttons").prepend(again);
  }

  function online() {
    return new Promise((done) => {
      const timeout = setTimeout(done, OFFLINE_MS);
      window.addEventListener("online", () => (clearTimeout(timeout), done()), { once: true });
    });
  }

  list.addEventListener("click", async (event) => {
    const remove = event.target.closest("[data-remove]");
    if (!remove) return;
    event.preventDefault();
    const item = remove.closest("li");
    const near = item.nextElementSibling ?? item.previousElementSibling;
    try {
      if (item.dataset.id) {
        show(await ask(`${urls.photos}/${item.dataset.id}/remove`, new FormData()));
      } else {
        item.remove();
      }
      const name = item.querySelector(".photo-name").textContent;
      status.textContent ||= words.textRemoved.replace("{name}", name);
      (near?.querySelector("[data-remove]") ?? chosen).focus();
      allow();
    } catch (error) {
      say(error);
    }
  });

  chosen.addEventListener("change", () => {
    take(chosen.files);
    chosen.value = ""; // they are sent already
  });

  const folder = find("folder-input");
  find("folder").addEventListener("click", () => folder.click());
  folder.addEventListener("change", () => {
    take(folder.files);
    folder.value = "";
  });

  for (const type of ["dragenter", "dragover"])
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  for (const type of ["dragleave", "drop"])
    drop.addEventListener(type, () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
    const files = [...event.dataTransfer.files]; // before the first wait, or they are gone
    if (entries.some((entry) => entry?.isDirectory)) take(await filesOf(entries));
    else take(files);
  });
  // A file that misses the drop zone must not replace the page.
  for (const type of ["dragover", "drop"])
    window.addEventListener(type, (event) => event.preventDefault());

  async function filesOf(entries) {
    const found = [];
    const left = entries.filter(Boolean);
    while (left.length && found.length <= Number(words.most)) {
      const entry = left.shift();
      if (entry.isFile) {
        found.push(await new Promise((done, fail) => entry.file(done, fail)));
        continue;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) break;
        left.push(...some);
      }
    }
    return found;
  }

  // Fields ------------------------------------------------------------------------------------

  let typing = 0;

  async function keep() {
    typing = 0;
    if (!urls && !form.elements.subject.value.trim()) return;
    saved.textContent = words.textSaving;
    try {
      await begin();
      show(await ask(urls.fields, fields()));
      saved.textContent = words.textSaved;
      say(null);
    } catch (error) {
      saved.textContent = error instanceof Refused ? "" : words.textUnsaved;
      if (error instanceof Refused) return say(error);
      typing = setTimeout(keep, OFFLINE_MS);
    }
  }

  for (const name of FIELDS)
    form.elements[name].addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(keep, TYPING_MS);
    });
  window.addEventListener("pagehide", () => {
    if (!typing || !urls) return;
    const body = fields();
    body.append("csrf_token", token);
    navigator.sendBeacon(urls.fields, body);
  });
  form.addEventListener("submit", () => {
    clearTimeout(typing);
    typing = 0;
  });
  window.addEventListener("beforeunload", (event) => {
    if (sending + waiting.length) event.preventDefault(); // the browser asks first
  });

  const subject = form.elements.subject;
  const said = document.getElementById("subject-live");
  function checkSubject() {
    const value = subject.value.trim();
    const bad = value !== "" && (subject.validity.patternMismatch || value.includes(".."));
    const doubt = value.length > 2 && !/\d/.test(value);
    said.className = `hint live ${bad ? "bad" : doubt ? "wait" : ""}`;
    const text = bad ? subject.dataset.bad : doubt ? subject.dataset.doubt : "";
    if (said.textContent !== text) said.textContent = text;
  }
  subject.addEventListener("input", checkSubject);

  // A person of a face set --------------------------------------------------------------------

  const person = document.getElementById("person");
  if (person) {
    const faceSet = document.getElementById("face_set");
    const people = document.getElementById("people");
    const refusal = find("person-problem");
    let asked = 0;
    const option = (name) => Object.assign(document.createElement("option"), { value: name });
    const search = async () => {
      const url = words.people.replace("/-/", `/${encodeURIComponent(faceSet.value)}/`);
      try {
        const found = await ask(`${url}?start=${encodeURIComponent(person.value)}`);
        people.replaceChildren(...found.people.map(option));
        refusal.textContent = found.people.length || !person.value ? "" : words.textNobody;
      } catch (error) {
        refusal.textContent = error instanceof Refused ? error.message : words.textOffline;
      }
      refusal.hidden = !refusal.textContent;
    };
    const soon = () => {
      clearTimeout(asked);
      asked = setTimeout(search, 250);
    };
    person.addEventListener("input", soon);
    person.addEventListener("focus", soon);
    faceSet.addEventListener("change", soon);
    // What is sent is what is shown: a name that was not added is not.
    form.addEventListener("submit", () => (person.value = ""));
    find("enrol").addEventListener("click", async () => {
      clearTimeout(asked);
      try {
        await begin();
        const data = fields();
        data.append("face_set", faceSet.value);
        data.append("person", person.value);
        show(await ask(urls.person, data));
        person.value = "";
        refusal.hidden = true;
      } catch (error) {
        refusal.textContent = error instanceof Refused ? error.message : words.textOffline;
        refusal.hidden = false;
      }
    });
  }

  // From here on the script is in charge.
  form.classList.add("scripted");
  for (const hidden of document.querySelectorAll("[data-scripted]")) hidden.hidden = false;
  advice.hidden = false;
  if (!document.getElementById("subject-problem")) checkSubject();
  allow();
  if (urls) poll();
})();
