// The whole page: rail, chat or gallery, drawer, and what lies over them.

import { t } from "../lib/i18n.js";
import { page } from "../lib/page.js";
import { html, nothing, Part } from "./part.js";
import { icon } from "./icons.js";
import "./composer.js";
import "./rail.js";
import "./thread.js";

class App extends Part {
  static properties = { railOpen: { state: true } };

  constructor() {
    super();
    this.railOpen = matchMedia("(min-width: 900px)").matches;
  }

  render() {
    const { drawer, view, title, spoken, needsKey } = page.get();
    this.classList.toggle("rail-closed", !this.railOpen);
    this.classList.toggle("drawer-open", drawer !== null);
    return html`
      <a class="skip" href="#box">${t("skip")}</a>
      ${this.railOpen ? html`<lm-rail class="rail"></lm-rail>` : nothing}
      ${this.railOpen || drawer
        ? html`<button class="behind-sheet" aria-label=${t("close")} @click=${this.closeSheets}></button>`
        : nothing}
      <main class="main" id="main">
        <header class="topbar">
          <button
            class="plain round"
            aria-label=${t("rail")}
            aria-expanded=${this.railOpen}
            @click=${() => (this.railOpen = !this.railOpen)}
          >
            ${icon("menu")}
          </button>
          <h1>${title || t("name")}</h1>
        </header>
        ${view === "chat" ? html`<lm-thread class="scroll"></lm-thread>` : html`<lm-gallery class="scroll"></lm-gallery>`}
        ${view === "chat" ? html`<lm-composer></lm-composer>` : nothing}
      </main>
      ${drawer ? html`<aside class="drawer" aria-label=${t(drawer)}>${this.drawer(drawer)}</aside>` : nothing}
      ${needsKey ? html`<lm-key></lm-key>` : nothing}
      <p class="unseen" role="status" aria-live="polite">${spoken}</p>
    `;
  }

  drawer(name) {
    return name === "queue" ? html`<lm-queue></lm-queue>` : html`<lm-details></lm-details>`;
  }

  closeSheets() {
    page.set({ drawer: null });
    if (!matchMedia("(min-width: 900px)").matches) this.railOpen = false;
  }
}

customElements.define("lm-app", App);
