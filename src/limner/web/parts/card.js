// One picture in every state that it can be in.

import { loadPicture } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { cancel, page, retry, showVersion } from "../lib/page.js";
import { fromBase64 } from "../lib/pictures.js";
import { html, nothing, Part, styleMap } from "./part.js";
import { icon } from "./icons.js";

class Card extends Part {
  static properties = { turn: { attribute: false }, item: { attribute: false }, source: { state: true }, editing: { state: true } };

  constructor() {
    super();
    this.source = "";
    this.editing = false;
  }

  willUpdate(changed) {
    if (changed.has("item")) this.show(changed.get("item"));
  }

  /** Show the newest there is: the picture itself, else the last partial image. */
  async show(before) {
    const { item } = this;
    if (item.phase === "done" && (before?.phase !== "done" || before.id !== item.id)) {
      this.source = item.result
        ? URL.createObjectURL(fromBase64(item.result, item.format))
        : await loadPicture(item.id);
    } else if (item.partial && item.partial !== before?.partial && item.phase !== "done") {
      const old = this.source;
      this.source = URL.createObjectURL(fromBase64(item.partial.base64, item.partial.format));
      if (old.startsWith("blob:")) URL.revokeObjectURL(old);
    }
  }

  render() {
    const { item, turn } = this;
    const busy = !["done", "failed", "cancelled"].includes(item.phase);
    return html`<section
      class="card ${item.phase}"
      role="group"
      tabindex="0"
      data-item=${item.id}
      aria-label=${t("picture-of", { prompt: item.prompt || turn.input.text })}
      aria-busy=${busy}
    >
      ${item.phase === "failed" && !this.source ? nothing : this.frame(busy)}
      ${busy ? this.progress() : nothing} ${item.phase === "cancelled" ? this.stopped() : nothing}
      ${item.phase === "failed" ? this.failure() : nothing} ${item.phase === "done" ? this.caption() : nothing}
      ${busy ? nothing : this.tools()}
    </section>`;
  }

  frame(busy) {
    const { item, turn } = this;
    const [width, height] = (item.size ?? turn.input.tool?.size ?? "1x1").split("x").map(Number);
    const left = item.steps ? 1 - (item.step ?? 0) / item.steps : 1;
    return html`<div class="frame" style=${styleMap({ aspectRatio: `${width || 1} / ${height || 1}` })}>
      ${this.source
        ? html`<img
            src=${this.source}
            alt=${item.prompt || turn.input.text}
            style=${styleMap({ filter: busy ? `blur(${Math.round(12 * left)}px)` : "none" })}
          />`
        : nothing}
    </div>`;
  }

  progress() {
    const { item, turn } = this;
    return html`<div class="progress">
      <progress max=${item.steps ?? 1} .value=${item.steps ? item.step : undefined} aria-label=${this.saying()}></progress>
      <p class="quiet">${this.saying()}</p>
      <button class="plain" ?disabled=${turn.cancelling} @click=${() => cancel(turn)}>${t("cancel")}</button>
    </div>`;
  }

  saying() {
    const { item, turn } = this;
    const eta = item.etaS === null || item.etaS === undefined ? "" : t("eta", { n: Math.max(1, Math.round(item.etaS)) });
    if (turn.cancelling) return t("cancelling");
    if (item.phase === "queued") return [t("in-line", { n: item.position }), eta].filter(Boolean).join(" · ");
    if (item.steps) return [t("step", { step: item.step, steps: item.steps }), eta].filter(Boolean).join(" · ");
    return t("planning");
  }

  stopped() {
    const { step, steps } = this.item;
    return html`<p class="quiet">${steps ? t("cancelled-at", { step, steps }) : t("cancelled")}</p>`;
  }

  failure() {
    const { error } = this.item;
    return html`<p class="problem" role="alert">${error?.message ?? t("failed")}${error?.code ? html` <code>${error.code}</code>` : nothing}</p>`;
  }

  caption() {
    if (this.editing) return this.promptEditor();
    return html`<p class="caption" dir="auto">${this.item.prompt}</p>`;
  }

  promptEditor() {
    return html`<form class="prompt-editor" @submit=${this.again}>
      <textarea name="prompt" rows="3" dir="auto" aria-label=${t("edit-prompt")} @keydown=${this.promptKey}>${this.item.prompt}</textarea>
      <button class="strong">${t("paint")}</button>
      <button type="button" class="plain" @click=${() => (this.editing = false)}>${t("cancel")}</button>
    </form>`;
  }

  promptKey(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
    if (event.key === "Escape") this.editing = false;
  }

  again(event) {
    event.preventDefault();
    const text = new FormData(event.target).get("prompt").trim();
    this.editing = false;
    if (text) retry(this.turn, { text });
  }

  tools() {
    const { turn, item } = this;
    const done = item.phase === "done";
    return html`<div class="tools" role="toolbar" aria-label=${t("picture-tools")}>
      ${turn.versions > 1 ? this.pager() : nothing}
      ${done ? html`<a class="tool" href=${this.source} download>${icon("download")}<span>${t("download")}</span></a>` : nothing}
      <button class="tool" @click=${(event) => this.retry(event)}>${icon("retry")}<span>${t("retry")}</span></button>
      <button class="tool" @click=${() => (this.editing = true)}>${icon("pencil")}<span>${t("edit-prompt")}</span></button>
      ${done
        ? html`<button class="tool" @click=${() => page.set({ editing: { id: item.id, turn } })}>${icon("brush")}<span>${t("edit-picture")}</span></button>
            <button class="tool" @click=${() => page.set({ drawer: "details", selected: item.id })}>${icon("info")}<span>${t("details")}</span></button>`
        : nothing}
    </div>`;
  }

  retry(event) {
    const same = event.shiftKey && this.item.facts?.seed !== undefined;
    retry(this.turn, same ? { tool: { seed: this.item.facts.seed } } : {});
  }

  pager() {
    const { turn } = this;
    return html`<span class="pager">
      <button class="plain round small" aria-label=${t("earlier")} ?disabled=${turn.version === 1} @click=${() => showVersion(turn, -1)}>${icon("left")}</button>
      <span aria-label=${t("version", { n: turn.version, of: turn.versions })}>${turn.version}/${turn.versions}</span>
      <button class="plain round small" aria-label=${t("later")} ?disabled=${turn.version === turn.versions} @click=${() => showVersion(turn, 1)}>${icon("right")}</button>
    </span>`;
  }
}

customElements.define("lm-card", Card);
