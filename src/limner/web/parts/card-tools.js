// The row of buttons under a picture that no longer changes.

import { canShare, share } from "../lib/download.js";
import { t } from "../lib/i18n.js";
import { canCopy, copyPicture, copyText, page, showVersion, variations } from "../lib/page.js";
import { html, nothing } from "./part.js";
import { downloadMenu } from "./download.js";
import { icon } from "./icons.js";
import { choice, menu } from "./menu.js";

const MANY = 4;

/** card: the `lm-card` they belong to; what its state does not allow is left out. */
export function cardTools(card) {
  const deeds = card.deeds();
  const tool = (name, picture) =>
    deeds[name] ? html`<button class="tool" data-deed=${name} title=${t(name)} @click=${deeds[name]}>${icon(picture)}<span>${t(name)}</span></button>` : nothing;
  return html`<div class="tools" role="toolbar" aria-label=${t("picture-tools")}>
    ${pager(card.turn)} ${card.state === "done" ? downloadMenu(card.item, card.turn) : nothing}
    <button class="tool" data-deed="retry" title=${t("retry-hint")} @click=${({ shiftKey }) => card.retry(shiftKey)}>${icon("retry")}<span>${t("retry")}</span></button>
    ${tool("edit-prompt", "pencil")} ${tool("edit-picture", "brush")}
    ${card.state === "done" ? html`${starring(card, deeds)} ${more(card, deeds)}` : nothing}
  </div>`;
}

/** Through the versions of a turn; nothing where there is one. */
export function pager(turn) {
  if (!(turn.versions > 1)) return nothing;
  const { version, versions } = turn;
  return html`<span class="pager">
    <button class="plain round" aria-label=${t("earlier")} ?disabled=${version === 1} @click=${() => showVersion(turn, -1)}>${icon("left")}</button>
    <span role="img" aria-label=${t("version", { n: version, of: versions })}>${version}/${versions}</span>
    <button class="plain round" aria-label=${t("later")} ?disabled=${version === versions} @click=${() => showVersion(turn, 1)}>${icon("right")}</button>
  </span>`;
}

function starring({ item }, deeds) {
  const isStarred = page.get().stars.has(item.id);
  return html`<button class="tool bare ${isStarred ? "starred" : ""}" aria-pressed=${isStarred} aria-label=${t("star")} title=${t("star")} @click=${deeds.star}>
    ${icon("star")}
  </button>`;
}

function more({ item, turn, earlier }, deeds) {
  const entry = (picture, name, act) => choice(html`${icon(picture)} ${t(name)}`, act);
  return menu({
    name: t("more"),
    shown: icon("more"),
    kind: "tool bare",
    end: true,
    items: html`
      ${entry("info", "details", deeds.details)} ${entry("gallery", "variations", () => variations(turn, MANY))}
      ${entry("picture", "reference", deeds.reference)}
      ${turn.versions > 1 || earlier ? entry("compare", "compare", deeds.compare) : nothing}
      ${canCopy() ? html`${entry("copy", "copy-picture", () => copyPicture(item.id))} ${entry("copy", "copy-prompt", () => copyText(item.prompt))}` : nothing}
      ${canShare() ? entry("share", "share", () => share(item.id)) : nothing}
      <hr />
      ${entry("bin", "delete", deeds.delete)}
    `,
  });
}
