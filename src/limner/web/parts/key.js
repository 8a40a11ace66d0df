// Asks for the key of a server that wants one. It stays in this browser.

import { setKey } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { page, start } from "../lib/page.js";
import { createRef, html, nothing, Part, ref } from "./part.js";

class Key extends Part {
  static properties = { isWrong: { state: true }, isAsking: { state: true } };

  constructor() {
    super();
    this.dialog = createRef();
  }

  firstUpdated() {
    this.dialog.value.showModal();
  }

  render() {
    return html`<dialog ${ref(this.dialog)} class="key" aria-labelledby="key-title" @cancel=${(event) => event.preventDefault()}>
      <form @submit=${this.submit}>
        <h2 id="key-title">${t("key-title")}</h2>
        <p class="quiet">${t("key-why")}</p>
        <label>${t("key")} <input name="key" type="password" autocomplete="current-password" required autofocus /></label>
        ${this.isWrong ? html`<p class="problem" role="alert">${t("key-wrong")}</p>` : nothing}
        <button class="strong" ?disabled=${this.isAsking}>${t("key-use")}</button>
      </form>
    </dialog>`;
  }

  async submit(event) {
    event.preventDefault();
    setKey(new FormData(event.target).get("key").trim());
    this.isWrong = false;
    this.isAsking = true;
    await start();
    this.isAsking = false;
    this.isWrong = page.get().needsKey;
    if (this.isWrong) setKey("");
  }
}

customElements.define("lm-key", Key);
