// Small drawings beside the examples: what the words will look like. They keep their colours in both themes.

import { html, nothing, svg } from "../vendor/lit.js";

const SKETCHES = {
  sunset: svg`<rect width="48" height="48" fill="#f7b267"/><circle cx="33" cy="20" r="7" fill="#f25c3b"/><path d="M0 38 14 20l9 11 8-9 17 16v10H0z" fill="#6b4a6e"/><path d="M0 40h48v8H0z" fill="#3f6b4a"/><path d="M11 34h12v9H11z" fill="#c8362c"/><path d="m9 35 8-7 8 7z" fill="#7d1f1a"/>`,
  star: svg`<rect width="48" height="48" fill="#1c2a5e"/><path d="m24 9 4.6 9.6 10.4 1.4-7.6 7.2 1.9 10.4L24 32.5l-9.3 5.1 1.9-10.4L9 20l10.4-1.4z" fill="#ffd84d"/>`,
  shapes: svg`<rect width="48" height="48" fill="#f4efe4"/><path d="m24 5 11 18H13z" fill="#2f8f4e"/><circle cx="24" cy="34" r="9" fill="#f0862b"/>`,
  question: svg`<rect width="48" height="48" fill="#e7ddf5"/><path d="M11 13h26a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H24l-8 7v-7h-5a3 3 0 0 1-3-3V16a3 3 0 0 1 3-3z" fill="#7a5bb0"/><path d="M16 21h16M16 26h10" stroke="#fff" stroke-width="2.4" stroke-linecap="round"/>`,
  story: svg`<rect width="48" height="48" fill="#dcefe9"/><path d="M8 14c6-3 11-2 16 1 5-3 10-4 16-1v22c-6-3-11-2-16 1-5-3-10-4-16-1z" fill="#2f7f72"/><path d="M24 15v22" stroke="#dcefe9" stroke-width="2"/>`,
};

export const sketch = (name) =>
  SKETCHES[name] ? html`<svg class="sketch" viewBox="0 0 48 48" width="48" height="48" aria-hidden="true">${SKETCHES[name]}</svg>` : nothing;
