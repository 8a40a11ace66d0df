// The messages of a chat, or, before the first, a few ways to begin.

import { t } from "../lib/i18n.js";
import { page, send, shownTurns } from "../lib/page.js";
import { html, nothing, Part, repeat } from "./part.js";
import "./card.js";
import "./words.js";

const EXAMPLES = ["example-1", "example-2", "example-3", "example-4"];

class Thread extends Part {
  render() {
    const turns = shownTurns();
    if (!turns.length) return this.welcome();
    return html`<div class="column">
      ${repeat(
        turns,
        ({ previousId, version }) => `${previousId} ${version}`,
        (turn) => html`
          <article class="said" aria-label=${t("you")}>
            ${turn.input.pictures.map(
              (picture) => html`<img class="shown" src=${picture.preview ?? picture.url} alt=${picture.name ?? t("your-picture")} />`,
            )}
            ${turn.input.text ? html`<p dir="auto">${turn.input.text}</p>` : nothing}
          </article>
          <article class="answer" aria-label=${t("answer")} aria-busy=${turn.run.status === "in_progress"}>${this.answer(turn)}</article>
        `,
      )}
    </div>`;
  }

  answer(turn) {
    const { run } = turn;
    const empty = !run.items.some((item) => item?.kind !== "thought");
    return html`
      ${run.items.map((item) => {
        if (item?.kind === "words") return html`<lm-words .text=${item.text}></lm-words>`;
        if (item?.kind === "picture") return html`<lm-card .turn=${turn} .item=${item}></lm-card>`;
        if (item?.kind === "thought" && item.text)
          return html`<details class="thought"><summary>${t("thought")}</summary><p dir="auto">${item.text}</p></details>`;
        return nothing;
      })}
      ${empty && run.status !== "completed" && !run.error ? html`<p class="quiet waiting">${t("thinking")}</p>` : nothing}
      ${run.error ? html`<p class="problem" role="alert">${run.error.message}</p>` : nothing}
      ${turn.lost ? html`<p class="quiet" role="alert">${t("lost")}</p>` : nothing}
    `;
  }

  welcome() {
    const { models, painter } = page.get();
    const model = models.find(({ limner }) => limner?.kind !== "image");
    return html`<div class="column welcome">
      <h2>${t("welcome")}</h2>
      <div class="examples">
        ${EXAMPLES.map(
          (name) => html`<button class="example" @click=${() => send(t(name))}>${t(name)}</button>`,
        )}
      </div>
      <p class="quiet">${model ? t(model.id === "limner-intent" ? "by-rules" : "by-model", { model: model.id }) : nothing}</p>
      <p class="quiet">${painter.name ? t("painted-by", { painter: painter.name }) : nothing}</p>
    </div>`;
  }

  /** Keep the newest words in sight, unless the reader has scrolled away. */
  updated() {
    if (this.atEnd !== false) this.scrollTop = this.scrollHeight;
  }

  firstUpdated() {
    this.addEventListener("scroll", () => {
      this.atEnd = this.scrollHeight - this.scrollTop - this.clientHeight < 80;
    });
  }
}

customElements.define("lm-thread", Thread);
