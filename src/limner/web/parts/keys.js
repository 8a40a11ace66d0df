// The list of keys, made of the table that the page acts upon.

import { t } from "../lib/i18n.js";
import { KEYS, printed } from "../lib/keys.js";
import { page } from "../lib/page.js";
import { createRef, html, nothing, Part, ref } from "./part.js";
import { icon } from "./icons.js";

class Keys extends Part {
  constructor() {
    super();
    this.dialog = createRef();
  }

  firstUpdated() {
    this.dialog.value.showModal();
  }

  render() {
    return html`<dialog ${ref(this.dialog)} class="keys" aria-labelledby="keys-title" @close=${() => page.set({ dialog: null })} @click=${this.outside}>
      <header class="dialog-head">
        <h2 id="keys-title">${t("keys")}</h2>
        <button class="plain round" aria-label=${t("close")} @click=${() => this.dialog.value.close()}>${icon("close")}</button>
      </header>
      ${["box", "page", "card", "gallery", "mask"].map(
        (where) => html`<h3>${t(`keys-${where}`)}</h3>
          <dl>
            ${[...deeds(where)].map(
              ([deed, entries]) => html`<div>
                <dt>${entries.map((entry, at) => html`${at ? html`<span>${t("or")}</span>` : nothing} ${keycaps(entry)}`)}</dt>
                <dd>${t(`do-${deed}`)}</dd>
              </div>`,
            )}
          </dl>`,
      )}
    </dialog>`;
  }

  /** A click beside the dialog, on what is behind it. */
  outside({ target }) {
    if (target === this.dialog.value) target.close();
  }
}

/** The entries of one place by what they do, in the order of the table. */
const deeds = (where) => Map.groupBy(KEYS.filter((entry) => entry.where === where), ({ does }) => does);

const keycaps = (entry) => printed(entry).map((key) => html`<kbd>${key}</kbd>`);

customElements.define("lm-keys", Keys);
