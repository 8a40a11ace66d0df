// Two pictures over the whole page: one over the other with a line to move, or side by side.

import { t } from "../lib/i18n.js";
import { page } from "../lib/page.js";
import { createRef, html, Part, ref } from "./part.js";
import { icon } from "./icons.js";
import "./picture.js";
import "./slider.js";

class Compare extends Part {
  static properties = { isBeside: { state: true }, isSwapped: { state: true } };

  constructor() {
    super();
    this.isBeside = this.isSwapped = false;
    this.dialog = createRef();
  }

  async firstUpdated() {
    this.dialog.value.showModal();
    const slider = this.querySelector("lm-slider");
    await slider.updateComplete;
    slider.querySelector("input").focus();
  }

  render() {
    const both = page.get().comparing ?? [];
    const [first, second] = this.isSwapped ? both.toReversed() : both;
    return html`<dialog ${ref(this.dialog)} class="whole compare" aria-label=${t("compare")} @close=${() => page.set({ comparing: null })}>
      <header class="dialog-head">
        <h2>${t("compare")}</h2>
        <span class="choices">
          <button aria-pressed=${!this.isBeside} @click=${() => (this.isBeside = false)}>${t("compare-over")}</button>
          <button aria-pressed=${this.isBeside} @click=${() => (this.isBeside = true)}>${t("compare-beside")}</button>
        </span>
        <button class="plain round" aria-label=${t("compare-swap")} title=${t("compare-swap")} @click=${() => (this.isSwapped = !this.isSwapped)}>
          ${icon("compare")}
        </button>
        <button class="plain round" aria-label=${t("close")} title=${t("close")} @click=${() => this.dialog.value.close()}>${icon("close")}</button>
      </header>
      ${this.isBeside
        ? html`<div class="beside">${[first, second].map((id, at) => html`<lm-picture .picture=${id} alt=${t("compare-one", { n: at + 1 })}></lm-picture>`)}</div>`
        : html`<lm-slider .first=${first} .second=${second} .names=${[1, 2].map((n) => t("compare-one", { n }))}></lm-slider>`}
    </dialog>`;
  }
}

customElements.define("lm-compare", Compare);
