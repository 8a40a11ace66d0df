// The pictures that go with the next message, in their order: arrows and dragging move them.

import { t } from "../lib/i18n.js";
import { focusBox, page } from "../lib/page.js";
import { html, Part, repeat } from "./part.js";
import { icon } from "./icons.js";
import "./picture.js";

const DRAGGED = "application/x-limner-place";

class Attachments extends Part {
  render() {
    const { attached } = page.get();
    return html`<ul class="attached" aria-label=${t("attached")}>
      ${repeat(attached, ({ id, url }) => id ?? url, (picture, at) => one(picture, at, attached.length))}
    </ul>`;
  }
}

function one(picture, at, count) {
  const name = picture.name ?? t("attached-picture", { n: at + 1 });
  return html`<li
    draggable="true"
    @dragstart=${({ dataTransfer }) => dataTransfer.setData(DRAGGED, at)}
    @dragover=${(event) => event.dataTransfer.types.includes(DRAGGED) && event.preventDefault()}
    @drop=${(event) => dropped(event, at)}
  >
    <button
      type="button"
      class="handle"
      aria-label=${t("attached-place", { name, n: at + 1, of: count })}
      title=${t("attached-hint")}
      @keydown=${(event) => key(event, at)}
    >
      ${picture.id
        ? html`<lm-picture .picture=${picture.id} width="160"></lm-picture>`
        : html`<img src=${picture.preview ?? picture.url} alt="" draggable="false" />`}
    </button>
    <button type="button" class="plain round small remove" aria-label=${t("remove-picture", { name })} @click=${() => remove(at)}>${icon("close")}</button>
  </li>`;
}

function remove(at) {
  forget(page.get().attached[at]);
  page.set(({ attached }) => ({ attached: attached.filter((_, place) => place !== at) }));
  focusBox();
}

/** An address made for a file holds the file in memory until it is given back. */
const forget = ({ preview }) => preview && URL.revokeObjectURL(preview);

function dropped(event, to) {
  if (!event.dataTransfer.types.includes(DRAGGED)) return;
  event.preventDefault();
  event.stopPropagation();
  move(Number(event.dataTransfer.getData(DRAGGED)), to);
}

function key(event, at) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "Delete" || event.key === "Backspace") return remove(at);
  if (!step) return undefined;
  event.preventDefault();
  move(at, at + step);
  return follow(at + step);
}

/** The focus goes along with what was moved. */
async function follow(at) {
  await document.querySelector("lm-attachments").updateComplete;
  document.querySelectorAll(".handle")[at]?.focus();
}

function move(from, to) {
  const attached = [...page.get().attached];
  if (to < 0 || to >= attached.length) return;
  attached.splice(to, 0, ...attached.splice(from, 1));
  page.set({ attached });
}

customElements.define("lm-attachments", Attachments);
