// A kept picture by its id: fetched when it comes into sight, forgotten when it leaves the page.

import { loadPicture } from "../lib/api.js";
import { sightOf } from "../lib/seen.js";
import { html, nothing, Part } from "./part.js";

class Picture extends Part {
  static properties = {
    picture: { attribute: false },
    width: { type: Number },
    alt: {},
    source: { state: true },
    isGone: { state: true },
  };

  connectedCallback() {
    super.connectedCallback();
    this.sight = sightOf(this);
    this.sight.promise.then(() => this.load());
  }

  disconnectedCallback() {
    this.sight.stop();
    this.forget();
    super.disconnectedCallback();
  }

  willUpdate(changed) {
    if (!changed.get("picture") || changed.get("picture") === this.picture) return;
    this.forget();
    this.load();
  }

  async load() {
    if (this.source || this.isGone) return;
    const wanted = this.picture;
    try {
      const source = await loadPicture(wanted, this.width);
      if (wanted === this.picture && this.isConnected) this.source = source;
      else if (source.startsWith("blob:")) URL.revokeObjectURL(source);
    } catch {
      this.isGone = true;
    }
  }

  forget() {
    if (this.source?.startsWith("blob:")) URL.revokeObjectURL(this.source);
    this.source = null;
    this.isGone = false;
  }

  render() {
    if (this.isGone || !this.source) return nothing;
    return html`<img src=${this.source} alt=${this.alt ?? ""} decoding="async" @error=${() => (this.isGone = true)} />`;
  }
}

customElements.define("lm-picture", Picture);
