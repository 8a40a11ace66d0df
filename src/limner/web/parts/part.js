// What every part of the page is: an element in the page's own DOM that follows the page's state.

import { LitElement } from "../vendor/lit.js";
import { page } from "../lib/page.js";

export * from "../vendor/lit.js";

export class Part extends LitElement {
  /** No shadow root: one style sheet, labels across parts, and nothing hidden from readers. */
  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.unlisten = page.listen(() => this.requestUpdate());
    this.requestUpdate();
  }

  /** What has left the page may no longer have what it would show. */
  shouldUpdate() {
    return this.isConnected;
  }

  disconnectedCallback() {
    this.unlisten();
    super.disconnectedCallback();
  }
}
