// The model's words: Markdown, shown without ever making HTML of text.

import { Part, html } from "./part.js";
import { render } from "../lib/markdown.js";

class Words extends Part {
  static properties = { text: { attribute: false } };

  render() {
    return html`<div class="words" dir="auto">${render(this.text)}</div>`;
  }
}

customElements.define("lm-words", Words);
