// The drawer that tells how a picture was made, and lets another be made like it.

import { findPicture, factsOf } from "../lib/details.js";
import { t } from "../lib/i18n.js";
import { canCopy, copyText, page } from "../lib/page.js";
import { useSettings } from "../lib/reuse.js";
import { downloadMenu } from "./download.js";
import { html, nothing, Part } from "./part.js";
import { icon } from "./icons.js";

class Details extends Part {
  static properties = {
    picture: { attribute: false }, // id; the page's selected one unless given
    response: { attribute: false }, // id of its response, where no open chat has it
    found: { state: true },
    problem: { state: true },
  };

  willUpdate() {
    const wanted = this.picture ?? page.get().selected;
    if (wanted !== this.wanted) this.find(wanted);
  }

  async find(wanted) {
    this.wanted = wanted;
    this.found = null;
    this.problem = "";
    try {
      const found = await findPicture(wanted, this.response);
      if (wanted === this.wanted) this.found = found;
    } catch (error) {
      this.problem = error.message;
    }
  }

  render() {
    return html`<header class="dialog-head">
        <h2>${t("details")}</h2>
        ${this.picture
          ? nothing
          : html`<button class="plain round" aria-label=${t("close")} title=${t("close")} @click=${() => page.set({ drawer: null })}>${icon("close")}</button>`}
      </header>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
      ${this.found?.item ? this.facts(this.found) : nothing}`;
  }

  facts({ item, turn }) {
    const again = { prompt: item.prompt || turn.input.text, seed: item.facts?.seed, size: item.size };
    return html`<dl class="facts">
        ${factsOf(item, turn).map(([name, value]) => fact(t(name), value))}
      </dl>
      <button class="strong wide" @click=${() => this.use(again)}>${icon("retry")} ${t("use-settings")}</button>
      ${this.picture ? nothing : html`<div class="wide-menu">${downloadMenu(item, turn, { kind: "tool" })}</div>`}`;
  }

  use(facts) {
    this.closest("dialog")?.close();
    useSettings(facts);
  }
}

function fact(name, value) {
  return html`<div>
    <dt>${name}</dt>
    <dd>
      <span dir="auto">${value}</span>
      ${canCopy()
        ? html`<button class="plain round small" aria-label=${t("copy-one", { name })} title=${t("copy")} @click=${() => copyText(value)}>${icon("copy")}</button>`
        : nothing}
    </dd>
  </div>`;
}

customElements.define("lm-details", Details);
