// Parts that the first view does without: fetched, with their style, when they are first shown.

import { page } from "../lib/page.js";
import { needStyle } from "../lib/style.js";

const LATER = {
  attachments: { styles: [], load: () => import("./attachments.js") },
  compare: { styles: ["drawer", "whole"], load: () => import("./compare.js") },
  details: { styles: ["drawer"], load: () => import("./details.js") },
  gallery: { styles: ["drawer", "gallery", "whole"], load: () => import("./gallery.js") },
  key: { styles: ["dialogs"], load: () => import("./key.js") },
  keys: { styles: ["dialogs"], load: () => import("./keys.js") },
  mask: { styles: ["drawer", "whole", "mask"], load: () => import("./mask-editor.js") },
  prompt: { styles: [], load: () => import("./prompt.js") },
  queue: { styles: ["drawer"], load: () => import("./queue.js") },
  slider: { styles: ["whole"], load: () => import("./slider.js") },
};

/** What is shown, which stays empty until its part is there. */
export function later(name, shown) {
  fetchPart(LATER[name]);
  return shown;
}

async function fetchPart({ styles, load }) {
  try {
    await Promise.all(styles.map(needStyle));
    await load();
  } catch (error) {
    page.set({ notice: { text: error.message } });
  }
}
