// Two pictures in one place, parted by a line that a pointer, a finger or the arrow keys move.

import { t } from "../lib/i18n.js";
import { html, Part } from "./part.js";
import "./picture.js";

class Slider extends Part {
  static properties = {
    first: { attribute: false }, // ids of pictures
    second: { attribute: false },
    names: { attribute: false }, // what the two are called
    at: { state: true }, // where the line is, in per cent
    shape: { state: true }, // width by height of the second picture
  };

  constructor() {
    super();
    this.at = 50;
    this.shape = 1;
    this.loaded = { capture: true, handleEvent: ({ target }) => (this.shape = target.naturalWidth / target.naturalHeight) };
  }

  /** A range input lies over all of it: it knows pointers, touch, keys and screen readers by itself. */
  render() {
    const [before, after] = this.names ?? [t("before"), t("after")];
    return html`<div class="slider" .style=${`--at: ${this.at}%; --shape: ${this.shape}`}>
      <lm-picture .picture=${this.second} alt=${after} @load=${this.loaded}></lm-picture>
      <lm-picture class="over" .picture=${this.first} alt=${before}></lm-picture>
      <span class="tag" aria-hidden="true">${before}</span>
      <span class="tag end" aria-hidden="true">${after}</span>
      <input
        type="range"
        min="0"
        max="100"
        aria-label=${t("slider", { before, after })}
        .value=${String(this.at)}
        @input=${({ target }) => (this.at = Number(target.value))}
      />
    </div>`;
  }
}

customElements.define("lm-slider", Slider);
