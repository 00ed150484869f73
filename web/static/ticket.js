// One ticket's page: parts that are fetched after it. It works without. After copy.js.
"use strict";

// A part that takes its time, the certificate's checks, comes once the page is there.
const fill = async (part) => {
  const place = part.querySelector("[data-filled]");
  try {
    const answer = await fetch(part.dataset.fill);
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    place.innerHTML = await answer.text(); // of this server, escaped by it as the page is
    offerCopies(place);
  } catch {
    const line = document.createElement("p");
    line.className = "problem";
    line.textContent = part.dataset.failed;
    place.prepend(line);
  }
};

for (const part of document.querySelectorAll("[data-fill]")) fill(part);
