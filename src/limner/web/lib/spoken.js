// What the live region says of a picture's way: four words at most, never every step.

import { t } from "./i18n.js";
import { page } from "./state.js";

/** Say what changed from one state of a response to the next, if it is worth a word. */
export function announce(before, after) {
  const words = after.items.map((item, at) => change(before.items[at], item)).find(Boolean);
  if (words) page.set({ spoken: words });
}

function change(before, after) {
  if (after?.kind !== "picture") return "";
  if (after.phase !== before?.phase || after.position !== before?.position) return moved(after, before);
  return isHalf(after) && !isHalf(before) ? t("said-half") : "";
}

function moved({ phase, position }, before) {
  if (phase === "queued") return position ? t("in-line", { n: position }) : "";
  return ["painting", "done", "failed", "cancelled"].includes(phase) && phase !== before?.phase ? t(`said-${phase}`) : "";
}

const isHalf = ({ step, steps } = {}) => Boolean(steps) && step / steps >= 0.5;
