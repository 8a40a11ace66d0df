// The menu of the ways to have a picture as a file.

import { versionsOf } from "../lib/chat.js";
import { download, downloadAll } from "../lib/download.js";
import { t } from "../lib/i18n.js";
import { page } from "../lib/page.js";
import { html, nothing } from "./part.js";
import { icon } from "./icons.js";
import { choice, menu } from "./menu.js";

const FORMATS = ["png", "jpeg", "webp"];

/** turn: of the picture, for its versions; none in the gallery. */
export function downloadMenu({ id, format }, turn = null, { kind = "tool", end = false } = {}) {
  const others = FORMATS.filter((each) => each !== format);
  const versions = turn ? paintedIn(turn) : [];
  return html`<span class="downloads" data-download>
    ${menu({
      name: t("download"),
      shown: html`${icon("download")}<span>${t("download")}</span>`,
      kind,
      end,
      items: html`
        ${choice(html`${t("download-own")} <span class="end">${(format ?? "").toUpperCase()}</span>`, () => download(id))}
        ${others.map((each) => choice(html`${t("download-as")} <span class="end">${each.toUpperCase()}</span>`, () => download(id, { format: each })))}
        ${choice(t("download-bare"), () => download(id, { bare: true }))}
        ${versions.length > 1
          ? html`<hr />
              ${choice(html`${t("download-all", { n: versions.length })} <span class="end">ZIP</span>`, () => downloadAll(versions))}`
          : nothing}
      `,
    })}
  </span>`;
}

function paintedIn(turn) {
  const { turns, removed } = page.get();
  const items = versionsOf(turns, turn).flatMap(({ run }) => run.items);
  return items.filter((item) => item?.kind === "picture" && item.phase === "done" && !removed.has(item.id)).map(({ id }) => id);
}
