// The tools of the mask editor, in one row, each with its key.

import { t } from "../lib/i18n.js";
import { html, nothing } from "./part.js";
import { icon } from "./icons.js";

const TOOLS = [
  ["brush", "B"],
  ["erase", "E"],
  ["square", "R"],
];

/** editor: the `lm-mask-editor` they belong to. */
export function maskBar(editor) {
  const { mask, tool, radius = 1, most = 100, coverage } = editor;
  const button = (name, key, disabled = false) => pressed(name, key, () => editor.deeds[name](), disabled);
  return html`<div class="whole-bar mask-bar" role="toolbar" aria-label=${t("mask-tools")}>
    <span class="choices">
      ${TOOLS.map(([name, key]) => html`<button aria-pressed=${tool === name} aria-label=${t(`do-${name}`)} title=${named(`do-${name}`, key)} @click=${() => editor.choose(name)}>${icon(name)}</button>`)}
    </span>
    <label class="thickness" title=${named("thickness", "[ ]")}>
      <span class="unseen">${t("thickness")}</span>
      <input type="range" min="1" max=${most} ?disabled=${tool === "square"} .value=${String(radius)} @input=${({ target }) => (editor.radius = Number(target.value))} />
    </label>
    <span class="group">
      ${button("undo", "Ctrl+Z", !mask?.done.length)} ${button("redo", "Ctrl+Shift+Z", !mask?.undone.length)} ${button("invert", "I", !mask)}
      ${button("clear", "", mask?.isEmpty ?? true)} ${editor.mayReuse() ? button("earlier-mask", "", !mask) : nothing}
    </span>
    <span class="group zoom">${button("farther", "-", !mask)} ${button("whole", "0", !mask)} ${button("nearer", "+", !mask)}</span>
    <output class="quiet">${t("mask-selected", { n: percent(coverage) })}</output>
    <button class="plain round" aria-label=${t("close")} title=${named("close", "Esc")} @click=${(event) => editor.leave(event)}>${icon("close")}</button>
  </div>`;
}

const pressed = (name, key, act, disabled) =>
  html`<button class="plain round" aria-label=${t(`do-${name}`)} title=${named(`do-${name}`, key)} ?disabled=${disabled} @click=${act}>${icon(name)}</button>`;

const named = (name, key) => (key ? `${t(name)} (${key})` : t(name));

/** What is selected is never told as nothing, what is left out never as all. */
const percent = (part) => (part > 0 && part < 0.01 ? 1 : part < 1 && part > 0.99 ? 99 : Math.round(part * 100));
