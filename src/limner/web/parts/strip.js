// All versions of a picture, small and side by side, to pick one by sight.

import { versionsOf } from "../lib/chat.js";
import { t } from "../lib/i18n.js";
import { isOver, page, pickVersion } from "../lib/page.js";
import { html, nothing } from "./part.js";
import { icon } from "./icons.js";

export function strip(turn) {
  const versions = versionsOf(page.get().turns, turn);
  if (versions.length < 2) return nothing;
  return html`<div class="strip" role="group" aria-label=${t("versions")}>
    ${versions.map(
      (version, at) => html`<button
        class="version ${isOver(version) ? "" : "waiting"}"
        aria-current=${version.id === turn.id}
        aria-label=${t("version", { n: at + 1, of: versions.length })}
        @click=${() => pickVersion(version)}
      >
        ${thumbnail(version)}
      </button>`,
    )}
  </div>`;
}

/** The server hands a picture out by its id from the end of its response on. */
function thumbnail(turn) {
  const { run } = turn;
  const picture = isOver(turn) && run.items.find((item) => item?.kind === "picture" && item.phase === "done");
  const isShown = picture && !page.get().removed.has(picture.id);
  return isShown ? html`<lm-picture .picture=${picture.id} width="160"></lm-picture>` : icon(run.error ? "close" : "picture");
}
