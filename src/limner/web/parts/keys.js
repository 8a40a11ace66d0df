// The list of keys, made of the table that the page acts upon.

import { t } from "../lib/i18n.js";
import { KEYS, printed } from "../lib/keys.js";
import { page } from "../lib/page.js";
import { createRef, html, Part, ref } from "./part.js";
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
      ${["box", "page", "card"].map(
        (where) => html`<h3>${t(`keys-${where}`)}</h3>
          <dl>
            ${KEYS.filter((entry) => entry.where === where).map(
              (entry) => html`<div>
                <dt>${printed(entry).map((key) => html`<kbd>${key}</kbd>`)}</dt>
                <dd>${t(`do-${entry.does}`)}</dd>
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

customElements.define("lm-keys", Keys);
