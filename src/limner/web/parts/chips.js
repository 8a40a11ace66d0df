// How the next picture shall be: its shape, its seed, and how many. Small, and out of the way.

import { t } from "../lib/i18n.js";
import { page, setSettings } from "../lib/page.js";
import { MOST_SEED, RATIOS, sizeOf } from "../lib/settings.js";
import { html, nothing, svg } from "./part.js";
import { icon } from "./icons.js";
import { choice, menu } from "./menu.js";

const COUNTS = [1, 2, 3, 4];

export function chips() {
  const { settings, painter } = page.get();
  return html`<div class="chips">${shape(settings, painter)} ${painter.seed === false ? nothing : seed(settings)} ${count(settings)}</div>`;
}

function shape({ ratio }, painter) {
  const chosen = RATIOS.find(({ name }) => name === ratio);
  const size = (name) => sizeOf(name, painter).replace("x", " × ");
  const said = chosen ? chosen.name : t("ratio-any");
  return menu({
    name: `${t("ratio")}: ${said}`,
    kind: "chip",
    shown: html`${outline(chosen)} ${said}`,
    items: html`
      ${choice(html`${outline(null)} ${t("ratio-any")}`, () => setSettings({ ratio: null }), ratio === null)}
      ${RATIOS.map((each) =>
        choice(html`${outline(each)} ${each.name} <span class="quiet end">${size(each.name)}</span>`, () => setSettings({ ratio: each.name }), ratio === each.name),
      )}
    `,
  });
}

/** A frame of this shape, drawn; dashed for any. */
function outline(ratio) {
  const [width, height] = ratio ? [ratio.width, ratio.height] : [1, 1];
  const scale = 16 / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  return html`<svg class="icon" viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.6" aria-hidden="true">
    ${svg`<rect x=${10 - w / 2} y=${10 - h / 2} width=${w} height=${h} rx="1.5" stroke-dasharray=${ratio ? "none" : "3 2.4"} />`}
  </svg>`;
}

function seed({ seed: locked }) {
  const last = lastSeed();
  const said = locked === null ? t("seed-random") : locked;
  return menu({
    name: `${t("seed")}: ${said}`,
    kind: "chip",
    shown: html`${icon(locked === null ? "dice" : "lock")} ${said}`,
    items: html`
      ${choice(html`${icon("dice")} ${t("seed-random-each")}`, () => setSettings({ seed: null }), locked === null)}
      ${last === null ? nothing : choice(html`${icon("lock")} ${t("seed-last")} <span class="quiet end">${last}</span>`, () => setSettings({ seed: last }), locked === last)}
      <label class="menu-field">${t("seed-type")}
        <input inputmode="numeric" maxlength="10" .value=${locked === null ? "" : String(locked)} @change=${typed} @keydown=${entered} />
      </label>
    `,
  });
}

/** The seed of the newest picture that is here. */
function lastSeed() {
  const items = page.get().turns.flatMap(({ run }) => run.items);
  return items.findLast((item) => item?.facts?.seed !== undefined)?.facts.seed ?? null;
}

function typed({ target }) {
  const text = target.value.trim();
  const isSeed = /^\d+$/.test(text);
  setSettings({ seed: isSeed ? Math.min(Number(text), MOST_SEED) : null });
  target.value = isSeed ? page.get().settings.seed : "";
}

/** Enter takes the seed; it does not send the message. */
function entered(event) {
  if (event.key !== "Enter") return;
  event.preventDefault();
  typed(event);
  event.target.closest("details").open = false;
  document.getElementById("box").focus();
}

const count = ({ count: chosen }) =>
  menu({
    name: `${t("count")}: ×${chosen}`,
    kind: "chip",
    shown: `×${chosen}`,
    items: COUNTS.map((n) => choice(t("count-of", { n }), () => setSettings({ count: n }), n === chosen)),
  });
