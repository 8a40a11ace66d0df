// What went wrong, in one sentence, what exactly happened, and ways on.

import { isRetryable } from "../lib/card.js";
import { has, t } from "../lib/i18n.js";
import { canCopy, copyText, retry, retrySmaller } from "../lib/page.js";
import { html, nothing } from "./part.js";
import { icon } from "./icons.js";

/** error: `{code, message, requestId?}`; edit: opens the prompt, where there is one; pager: of versions. */
export function failure(error, { turn, size, edit, pager = nothing }) {
  const code = error?.code ?? null;
  const said = has(`error-${code}`) ? t(`error-${code}`) : (error?.message ?? t("failed"));
  const facts = [
    ["happened-code", code],
    ["happened-message", said === error?.message ? null : error?.message],
    ["happened-request", error?.requestId ?? turn.run.requestId],
    ["happened-response", turn.run.id],
  ].filter(([, value]) => value);
  return html`<div class="failure" role="alert">
      <p>${said}${code ? html` <code>${code}</code>` : nothing}</p>
      ${facts.length ? happened(facts) : nothing}
    </div>
    <div class="tools" role="toolbar" aria-label=${t("picture-tools")}>
      ${pager}
      ${isRetryable(error) ? tool("retry", "retry", () => retry(turn)) : nothing}
      ${code === "out_of_memory" ? tool("smaller", "retry-smaller", () => retrySmaller(turn, size ?? turn.input.tool?.size)) : nothing}
      ${edit ? tool("pencil", "edit-prompt", edit) : nothing}
    </div>`;
}

const tool = (picture, name, act) =>
  html`<button class="tool" data-deed=${name} @click=${act}>${icon(picture)}<span>${t(name)}</span></button>`;

function happened(facts) {
  const told = facts.map(([name, value]) => `${t(name)}: ${value}`).join("\n");
  return html`<details>
    <summary>${t("happened")}</summary>
    <dl>${facts.map(([name, value]) => html`<dt>${t(name)}</dt><dd>${value}</dd>`)}</dl>
    ${canCopy() ? html`<button class="tool" @click=${() => copyText(told)}>${icon("copy")}<span>${t("copy")}</span></button>` : nothing}
  </details>`;
}
