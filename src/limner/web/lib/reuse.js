// Making again what was made: its words, shape and seed become those of the next message.

import { t } from "./i18n.js";
import { showChat } from "./open.js";
import { focusBox } from "./own.js";
import { RATIOS } from "./settings.js";
import { page, setSettings } from "./state.js";

/** facts: `{prompt, seed?, size?}`. What was typed and chosen before can be had back. */
export function useSettings({ prompt, seed, size }) {
  const { settings } = page.get();
  const typed = document.getElementById("box")?.value ?? "";
  setSettings({ ratio: ratioOf(size) ?? settings.ratio, seed: seed ?? settings.seed });
  const undo = () => {
    setSettings(settings);
    page.set({ draft: typed });
  };
  page.set({ draft: prompt, notice: { text: t("settings-used"), undo } });
  showChat();
  requestAnimationFrame(focusBox);
}

/** The shape that comes nearest to a size such as `1280x704`; null for none. */
export function ratioOf(size) {
  const [width, height] = (size ?? "").split("x").map(Number);
  if (!width || !height) return null;
  const far = (ratio) => Math.abs(Math.log((width * ratio.height) / (height * ratio.width)));
  return RATIOS.toSorted((one, other) => far(one) - far(other))[0].name;
}
