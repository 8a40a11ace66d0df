// The messages of a chat, or, before the first, a few ways to begin.

import { t } from "../lib/i18n.js";
import { canCopy, copyText, isOver, page, retry, send, shownTurns, talker } from "../lib/page.js";
import { pager } from "./card-tools.js";
import { failure } from "./failure.js";
import { html, nothing, Part, repeat } from "./part.js";
import { icon } from "./icons.js";
import { sketch } from "./sketches.js";
import "./card.js";
import "./picture.js";
import "./words.js";

const AT_ONCE = 50;
const NEAR_END_PX = 80;

class Thread extends Part {
  static properties = { count: { state: true } };

  constructor() {
    super();
    this.count = AT_ONCE;
    this.isAtEnd = true;
    this.chatId = null;
    this.grown = new ResizeObserver(() => this.isAtEnd && this.toEnd());
  }

  willUpdate() {
    const { chatId, aim } = page.get();
    if (chatId !== this.chatId) Object.assign(this, { chatId, count: AT_ONCE, isAtEnd: true });
    this.count = Math.max(this.count, this.distance(aim));
  }

  /** How many turns from the end one stands that is to be shown; 0 for none. */
  distance(id) {
    const turns = id ? shownTurns() : [];
    const at = turns.findIndex((turn) => turn.id === id);
    return at < 0 ? 0 : turns.length - at;
  }

  render() {
    const turns = shownTurns();
    if (!turns.length) return page.get().arriving ? html`<p class="column quiet">${t("opening")}</p>` : this.welcome();
    const from = Math.max(turns.length - this.count, 0);
    return html`<div class="column">
      ${from ? html`<button class="plain more" @click=${() => (this.count += AT_ONCE)}>${t("show-earlier", { n: from })}</button>` : nothing}
      ${repeat(
        turns.slice(from),
        ({ previousId }) => previousId ?? "",
        (turn, at) => this.turn(turn, pictureBefore(turns.slice(0, from + at))),
      )}
    </div>`;
  }

  turn(turn, earlier) {
    const { input } = turn;
    return html`<div class="turn" data-turn=${turn.id}>
      <article class="said" aria-label=${t("you")}>
        ${input.pictures.map((picture) => brought(picture))}
        ${input.text ? html`<p dir="auto">${input.text}</p>` : nothing}
      </article>
      <article class="answer" aria-label=${t("answer")} aria-busy=${!isOver(turn)}>${this.answer(turn, earlier)}</article>
    </div>`;
  }

  answer(turn, earlier) {
    const { run } = turn;
    const items = expected(turn);
    const hasPicture = items.some(({ kind }) => kind === "picture");
    return html`
      ${repeat(items, keyOf, (item) => this.item(turn, item, earlier))}
      ${items.some(({ kind }) => kind !== "thought") || isOver(turn) ? nothing : this.thinking(turn)}
      ${run.error && !hasPicture ? failure(run.error, { turn, pager: pager(turn) }) : nothing}
      ${run.adjustments.length ? html`<p class="quiet">${run.adjustments.join(" · ")}</p>` : nothing}
      ${isOver(turn) && !run.error && !hasPicture ? this.tools(turn) : nothing}
    `;
  }

  item(turn, item, earlier) {
    switch (item.kind) {
      case "words":
        return html`<lm-words .text=${item.text}></lm-words>`;
      case "picture":
        if (isMadeGood(turn, item)) return html`<p class="quiet">${t("attempt-failed", { message: item.error?.message ?? "" })}</p>`;
        return html`<lm-card .turn=${turn} .item=${item} .earlier=${earlier}></lm-card>`;
      case "thought":
        return item.text
          ? html`<details class="thought"><summary>${t("thought")}</summary><p dir="auto">${item.text}</p></details>`
          : nothing;
      default:
        return nothing;
    }
  }

  thinking({ lost, cancelling }) {
    const name = lost === "gone" ? "lost" : lost ? "reconnecting" : cancelling ? "cancelling" : "thinking";
    return html`<p class="quiet waiting" role=${lost ? "alert" : nothing}>${t(name)}</p>`;
  }

  /** Under an answer of words alone. */
  tools(turn) {
    const text = turn.run.items.filter((item) => item?.kind === "words").map((item) => item.text).join("\n\n");
    return html`<div class="tools" role="toolbar" aria-label=${t("answer-tools")}>
      ${pager(turn)}
      ${text && canCopy() ? html`<button class="tool bare" aria-label=${t("copy")} title=${t("copy")} @click=${() => copyText(text)}>${icon("copy")}</button>` : nothing}
      <button class="tool bare" aria-label=${t("retry")} title=${t("retry")} @click=${() => retry(turn)}>${icon("retry")}</button>
      ${turn.run.status === "cancelled" ? html`<span class="quiet">${t("cancelled")}</span>` : nothing}
    </div>`;
  }

  welcome() {
    const { models, painter } = page.get();
    const examples = painter.name || !models.length ? ["sunset", "star", "shapes", "question"] : ["question", "story"];
    return html`<div class="column welcome">
      <h2>${t("welcome")}</h2>
      <div class="examples">
        ${examples.map(
          (name) => html`<button class="example" @click=${() => begin(t(`example-${name}`))}>
            ${sketch(name)} <span>${t(`example-${name}`)}</span>
          </button>`,
        )}
      </div>
      <p class="quiet">${connected()}</p>
    </div>`;
  }

  /** Keep the newest words in sight, unless the reader has scrolled away. */
  updated() {
    this.grown.observe(this.firstElementChild);
    const { aim } = page.get();
    const aimed = aim && this.querySelector(`[data-turn="${CSS.escape(aim)}"]`);
    if (aimed) {
      aimed.scrollIntoView({ block: "center" });
      this.isAtEnd = false;
      page.set({ aim: null });
    } else if (this.isAtEnd) this.toEnd();
  }

  firstUpdated() {
    this.addEventListener("scroll", () => this.scrolled());
  }

  /** Only a reader leaves the end: what has grown meanwhile is followed. */
  scrolled() {
    const hasGrown = this.scrollHeight !== this.height;
    this.height = this.scrollHeight;
    if (hasGrown && this.isAtEnd) this.toEnd();
    else this.isAtEnd = this.height - this.scrollTop - this.clientHeight < NEAR_END_PX;
  }

  toEnd() {
    this.scrollTop = this.height = this.scrollHeight;
  }
}

/** A picture that the person gave along: one of theirs, or one that was made here. */
function brought({ id, url, preview, name, mask }) {
  const alt = name ?? t("your-picture");
  if (!id && !url) return nothing; // it is on its way
  if (!id) return html`<img class="shown" src=${preview ?? url} alt=${alt} />`;
  return html`<span class="shown"><lm-picture .picture=${id} width="320" alt=${alt}></lm-picture>${mask ? html`<img class="over" src=${mask} alt="" />` : nothing}</span>`;
}

/** What an answer has, and from the first moment the place of the picture that is sure to come. */
function expected(turn) {
  const items = turn.run.items.filter(Boolean);
  const isSure = turn.input.forced && !isOver(turn) && !items.some(({ kind }) => kind === "picture");
  return isSure ? [...items, { kind: "picture", id: `${turn.id}-expected`, phase: "planning" }] : items;
}

/** The same part goes on with what comes in its place, as from one version to the next. */
const keyOf = ({ kind }, at) => `${kind} ${at}`;

/** A failed picture after which the same answer has made another: a word is enough. */
const isMadeGood = ({ run }, item) =>
  item.phase === "failed" && run.items.slice(run.items.indexOf(item)).some((later) => later?.phase === "done");

function pictureBefore(turns) {
  const items = turns.flatMap(({ run }) => run.items).filter((item) => item?.kind === "picture" && item.phase === "done");
  return items.at(-1)?.id ?? null;
}

async function begin(text) {
  try {
    await send(text);
  } catch (error) {
    page.set({ draft: text, notice: { text: error.message } });
  }
}

/** One line about who answers and who paints. */
function connected() {
  const { painter } = page.get();
  const model = talker();
  if (!model) return nothing;
  return `${talks(model)} ${painter.name ? t("painted-by", { painter: painter.name }) : t("painted-by-none")}`;
}

/** `limner` is the name for whatever model is there, not that of a model. */
function talks({ id, limner }) {
  if (limner?.served_by === "intent") return t("by-rules");
  return id === "limner" ? t("by-some-model") : t("by-model", { model: id });
}

customElements.define("lm-thread", Thread);
