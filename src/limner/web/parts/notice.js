// What just happened, in one line at the foot of the page, with the way back where there is one.

import { t } from "../lib/i18n.js";
import { page } from "../lib/page.js";
import { html, nothing, Part } from "./part.js";
import { icon } from "./icons.js";

const STAYS_MS = 6000;
const STAYS_WITH_UNDO_MS = 10_000;

class Notice extends Part {
  constructor() {
    super();
    this.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.addEventListener("focusin", () => clearTimeout(this.timer));
    this.addEventListener("pointerleave", () => this.wait());
    this.addEventListener("focusout", () => this.wait());
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    super.disconnectedCallback();
  }

  render() {
    const { notice } = page.get();
    if (notice !== this.shown) {
      this.shown = notice;
      this.wait();
    }
    return html`<div class="notices" role="status">${notice ? line(notice) : nothing}</div>`;
  }

  /** It goes by itself, but not from under a pointer or the focus. */
  wait() {
    clearTimeout(this.timer);
    const { shown } = this;
    if (shown) this.timer = setTimeout(() => forget(shown), shown.undo ? STAYS_WITH_UNDO_MS : STAYS_MS);
  }
}

const forget = (notice) => page.get().notice === notice && page.set({ notice: null });

function line(notice) {
  const undo = () => {
    notice.undo();
    forget(notice);
  };
  return html`<div class="notice">
    <p dir="auto">${notice.text}</p>
    ${notice.undo ? html`<button class="plain" @click=${undo}>${t("undo")}</button>` : nothing}
    <button class="plain round small" aria-label=${t("close")} @click=${() => forget(notice)}>${icon("close")}</button>
  </div>`;
}

customElements.define("lm-notice", Notice);
