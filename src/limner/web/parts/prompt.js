// The prompt of a picture, to be changed where it stands. Says `paint` with the new words, or `leave`.

import { t } from "../lib/i18n.js";
import { html, Part } from "./part.js";

class Prompt extends Part {
  static properties = { prompt: { attribute: false } };

  render() {
    return html`<form class="prompt-editor" @submit=${this.submit}>
      <textarea name="prompt" rows="3" dir="auto" aria-label=${t("edit-prompt")} @keydown=${this.key}>${this.prompt}</textarea>
      <button class="strong">${t("paint")}</button>
      <button type="button" class="plain" @click=${this.leave}>${t("cancel")}</button>
    </form>`;
  }

  firstUpdated() {
    const box = this.querySelector("textarea");
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      this.leave();
    }
  }

  submit(event) {
    event.preventDefault();
    const text = new FormData(event.target).get("prompt").trim();
    if (text) this.dispatchEvent(new CustomEvent("paint", { detail: text }));
    else this.leave();
  }

  leave() {
    this.dispatchEvent(new Event("leave"));
  }
}

customElements.define("lm-prompt", Prompt);
