// One ticket's page: parts that are fetched after it, and lines to copy. It works without.
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

const offerCopies = (part) => {
  if (!navigator.clipboard) return; // browsers give it over TLS and on this machine alone
  for (const button of part.querySelectorAll("[data-copy]")) {
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = button.dataset.copied;
      setTimeout(() => (button.textContent = words), 2000);
    });
  }
};

offerCopies(document);
for (const part of document.querySelectorAll("[data-fill]")) fill(part);
