// Icons by name, drawn in one weight; decoration only, the button around it has the words.

import { html, svg } from "../vendor/lit.js";

const PATHS = {
  menu: svg`<path d="M4 7h16M4 12h16M4 17h16"/>`,
  add: svg`<path d="M12 5v14M5 12h14"/>`,
  send: svg`<path d="M12 20V5M5.5 11.5 12 5l6.5 6.5"/>`,
  stop: svg`<rect x="7" y="7" width="10" height="10" rx="1.5"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  download: svg`<path d="M12 4v11m-5-5 5 5 5-5M5 20h14"/>`,
  retry: svg`<path d="M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4 4.5v4h4"/>`,
  pencil: svg`<path d="m4 20 1-4L16 5l3 3L8 19zM14 7l3 3"/>`,
  brush: svg`<path d="M20 4 10 14M9 13c-3 0-4 2-4 4 0 1-1 2-2 2 3 2 9 1 9-3 0-2-1-3-3-3z"/>`,
  more: svg`<path d="M6 12h.01M12 12h.01M18 12h.01" stroke-width="3"/>`,
  left: svg`<path d="m14 6-6 6 6 6"/>`,
  right: svg`<path d="m10 6 6 6-6 6"/>`,
  picture: svg`<rect x="4" y="5" width="16" height="14" rx="2"/><path d="m5 17 5-5 4 4 2-2 3 3M15.5 9.5h.01"/>`,
  gallery: svg`<path d="M4 5h7v7H4zM14 5h6v4h-6zM14 12h6v7h-6zM4 15h7v4H4z"/>`,
  queue: svg`<path d="M5 7h14M5 12h14M5 17h8"/>`,
  info: svg`<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8h.01"/>`,
  dice: svg`<rect x="5" y="5" width="14" height="14" rx="3"/><path d="M9 9h.01M15 15h.01M15 9h.01M9 15h.01M12 12h.01" stroke-width="2.4"/>`,
  lock: svg`<rect x="6" y="11" width="12" height="9" rx="2"/><path d="M9 11V8a3 3 0 0 1 6 0v3"/>`,
  star: svg`<path d="m12 4 2.5 5.2 5.5.8-4 4 1 5.7-5-2.8-5 2.8 1-5.7-4-4 5.5-.8z"/>`,
  bin: svg`<path d="M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12"/>`,
  compare: svg`<path d="M12 4v16M8 8 4 12l4 4M16 8l4 4-4 4"/>`,
  share: svg`<path d="M12 15V4m-4 4 4-4 4 4M6 12H5v8h14v-8h-1"/>`,
  copy: svg`<rect x="8" y="8" width="11" height="11" rx="2"/><path d="M5 15V6a1 1 0 0 1 1-1h9"/>`,
  undo: svg`<path d="M8 5 4 9l4 4M4 9h9a6 6 0 0 1 0 12h-3"/>`,
  redo: svg`<path d="m16 5 4 4-4 4M20 9h-9a6 6 0 0 0 0 12h3"/>`,
  erase: svg`<path d="m8 19-4-4L14 5l6 6-8 8zM10 9l6 6M12 19h8"/>`,
  invert: svg`<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>`,
  square: svg`<rect x="5" y="5" width="14" height="14" stroke-dasharray="3 2"/>`,
  clear: svg`<rect x="5" y="5" width="14" height="14" rx="2" stroke-dasharray="3 2"/><path d="m9.5 9.5 5 5M14.5 9.5l-5 5"/>`,
  nearer: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4 4M8.5 11h5M11 8.5v5"/>`,
  farther: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4 4M8.5 11h5"/>`,
  whole: svg`<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/>`,
  "earlier-mask": svg`<path d="M12 5a7 7 0 1 1-6.6 4.7M5 5v5h5" stroke-dasharray="none"/><circle cx="12" cy="12" r="2.5" stroke-dasharray="2 1.5"/>`,
  chat: svg`<path d="M5 6h14v10h-8l-4 3v-3H5z"/>`,
  sliders: svg`<path d="M4 8h9M17 8h3M4 16h3M11 16h9"/><circle cx="15" cy="8" r="2"/><circle cx="9" cy="16" r="2"/>`,
  smaller: svg`<path d="M14 10h6M14 10V4M14 10l6-6M10 14H4M10 14v6M10 14l-6 6"/>`,
};

export const icon = (name) => html`<svg
  class="icon"
  viewBox="0 0 24 24"
  width="20"
  height="20"
  fill="none"
  stroke="currentColor"
  stroke-width="1.7"
  stroke-linecap="round"
  stroke-linejoin="round"
  aria-hidden="true"
>
  ${PATHS[name]}
</svg>`;
