// A small menu that opens from a button: a `<details>` that closes as menus do.

import { html, nothing } from "../vendor/lit.js";

/**
 * name: what the button is called; shown: what it shows; items: the buttons, or any other content.
 * kind: classes of the button; side: `up` or `down`, where the menu opens; end: at the button's end.
 */
export const menu = ({ name, shown, items, kind = "plain round", side = "up", end = false }) => html`<details
  class="menu ${side} ${end ? "end" : ""}"
  @keydown=${key}
  @click=${chosen}
>
  <summary class=${kind} aria-label=${name} title=${name}>${shown}</summary>
  <div class="menu-list">${items}</div>
</details>`;

/** One thing to choose. checked: for a choice among several, whether it is the one that holds. */
export const choice = (shown, act, checked = null) =>
  html`<button type="button" class="row" aria-pressed=${checked === null ? nothing : checked} @click=${act}>${shown}</button>`;

/** Close when something was chosen; fields and what says `data-stays` leave it open. */
function chosen(event) {
  const button = event.target.closest("button");
  if (button && event.currentTarget.contains(button) && !("stays" in button.dataset)) close(event.currentTarget);
}

function close(details) {
  if (!details.open) return;
  details.open = false;
  details.querySelector("summary").focus();
}

function key(event) {
  const details = event.currentTarget;
  if (event.key === "Escape" && details.open) {
    event.stopPropagation();
    close(details);
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.matches("input")) return;
  event.preventDefault();
  details.open = true;
  const places = [...details.querySelectorAll(".menu-list button, .menu-list input")];
  const at = places.indexOf(document.activeElement);
  const next = at < 0 && step < 0 ? places.length - 1 : at + step;
  places[(next + places.length) % places.length]?.focus();
}

function closeOthers({ target }) {
  for (const details of document.querySelectorAll("details.menu[open]"))
    if (!details.contains(target)) details.open = false;
}

addEventListener("pointerdown", closeOthers, true);
addEventListener("focusin", closeOthers, true);
