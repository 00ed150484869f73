// The one-time link: whole, by the address that this page itself was opened at.
"use strict";

const link = document.querySelector("input[data-link]");
if (link) {
  link.value = new URL(link.value, location.origin).href;
  link.select();
}
