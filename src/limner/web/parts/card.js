// One picture in every state that it can be in.

import { isBusyState, left, shapeOf, stateOf } from "../lib/card.js";
import { versionsOf } from "../lib/chat.js";
import { download } from "../lib/download.js";
import { t, timeLeft } from "../lib/i18n.js";
import { deedOf, isWriting } from "../lib/keys.js";
import { cancel, correct, follow, page, reference, removePicture, retry, showVersion, star, takeBack } from "../lib/page.js";
import { cardTools, pager } from "./card-tools.js";
import { failure } from "./failure.js";
import { html, nothing, Part } from "./part.js";
import { icon } from "./icons.js";
import { later } from "./later.js";
import { Shown } from "./shown.js";
import { strip } from "./strip.js";

const BLUR_PX = 12;

class Card extends Part {
  static properties = {
    turn: { attribute: false },
    item: { attribute: false },
    earlier: { attribute: false }, // id of the picture before this one in the chat, if any
    isEditing: { state: true },
    isTurned: { state: true },
    isUnfolded: { state: true },
  };

  constructor() {
    super();
    this.shown = new Shown(this);
    this.isEditing = this.isTurned = this.isUnfolded = false;
    this.addEventListener("keydown", (event) => this.key(event));
  }

  connectedCallback() {
    super.connectedCallback();
    if (this.hasUpdated) this.shown.update(this.item);
  }

  disconnectedCallback() {
    this.shown.drop();
    super.disconnectedCallback();
  }

  willUpdate(changed) {
    this.hadFocus = this.contains(document.activeElement);
    if (!changed.has("item")) return;
    const before = changed.get("item");
    if (before && before.id !== this.item.id) this.isEditing = this.isUnfolded = false;
    this.shown.update(this.item, before);
  }

  /** A button that is no longer there leaves its focus to the card. */
  updated() {
    if (this.hadFocus && !this.contains(document.activeElement)) this.querySelector(".card").focus({ preventScroll: true });
  }

  get source() {
    return this.shown.source;
  }

  get state() {
    return stateOf(this.item, this.turn, page.get());
  }

  /** Styles are set as properties: the page's policy refuses the attribute. */
  render() {
    const { item, turn, state } = this;
    return html`<div
      class="card ${state}"
      role="group"
      tabindex="0"
      data-item=${item.id}
      data-state=${state}
      aria-label=${t("picture-of", { prompt: item.prompt || turn.input.text })}
      aria-busy=${isBusyState(state)}
      .style=${`--ratio: ${shapeOf(item, turn).join(" / ")}`}
    >
      ${this.inside(state)}
    </div>`;
  }

  inside(state) {
    switch (state) {
      case "removed":
        return this.grave();
      case "failed":
        return html`${this.source ? this.frame(state) : nothing} ${strip(this.turn)} ${this.failed()}`;
      case "cancelled":
        return html`${this.source ? this.frame(state) : nothing}
          <p class="quiet">${this.stopped()}</p>
          ${strip(this.turn)} ${this.caption()} ${cardTools(this)}`;
      case "done":
        return html`${this.frame(state)} ${strip(this.turn)} ${this.caption()} ${this.decision()} ${this.adjusted()} ${cardTools(this)}`;
      default:
        return html`${this.frame(state)} ${this.progress(state)} ${strip(this.turn)}`;
    }
  }

  frame(state) {
    const { item, turn, source } = this;
    const blur = isBusyState(state) && state !== "saving" ? Math.round(BLUR_PX * left(item)) : 0;
    return html`<div class="frame ${source ? "" : "empty"}">
      ${source
        ? html`<img src=${source} alt=${item.prompt || turn.input.text} .style=${`filter: ${blur ? `blur(${blur}px)` : "none"}`} />`
        : icon("picture")}
      ${state === "done" && source ? this.turnedOver() : nothing}
    </div>`;
  }

  /** An edited picture over the one that it was made of. */
  turnedOver() {
    const { item, turn, earlier } = this;
    const before = turn.input.pictures.length ? turn.input.pictures[0].id : earlier;
    if (item.action !== "edit" || !before) return nothing;
    return html`${this.isTurned ? later("slider", html`<lm-slider .first=${before} .second=${item.id}></lm-slider>`) : nothing}
      <button class="round turn-over" aria-pressed=${this.isTurned} aria-label=${t("before-after")} title=${t("before-after")} @click=${() => (this.isTurned = !this.isTurned)}>
        ${icon("compare")}
      </button>`;
  }

  progress(state) {
    const { item } = this;
    const { ready } = page.get();
    const part = state === "loading" ? ready.progress : item.steps ? item.step / item.steps : null;
    const saying = this.saying(state);
    return html`<div class="progress">
      <progress max="1" .value=${part ?? 0} ?data-unknown=${part === null} aria-label=${saying}></progress>
      <p class="quiet">${saying}</p>
      ${state === "saving" ? nothing : this.wayOut(state)}
    </div>`;
  }

  /** What can be done about a picture that is not there yet. */
  wayOut(state) {
    const { turn } = this;
    return state === "lost" && turn.lost === "gone"
      ? html`<button class="tool" @click=${() => follow(turn.id)}>${icon("retry")}<span>${t("reload")}</span></button>`
      : html`<button class="tool" ?disabled=${state === "cancelling"} @click=${() => cancel(turn)}>${icon("close")}<span>${t("cancel")}</span></button>`;
  }

  /** One line about where the picture is. */
  saying(state) {
    const { item, turn } = this;
    switch (state) {
      case "queued":
        return joined(item.position ? t("in-line", { n: item.position }) : t("waiting"), timeLeft(item.etaS) || "—");
      case "loading": {
        const { progress } = page.get().ready;
        return joined(t("loading-model", { model: page.get().painter.name ?? "" }), progress === null ? "" : `${Math.round(progress * 100)} %`);
      }
      case "painting":
        return item.step ? joined(t("step", { step: item.step, steps: item.steps }), timeLeft(item.etaS)) : t("painting");
      case "lost":
        return t(turn.lost === "gone" ? "lost" : "reconnecting");
      default:
        return t(state);
    }
  }

  stopped() {
    const { step, steps } = this.item;
    return steps ? t("cancelled-at", { step, steps }) : t("cancelled");
  }

  failed() {
    const { item, turn } = this;
    return this.isEditing ? this.promptEditor() : failure(item.error, { turn, size: item.size, pager: pager(turn), edit: () => this.edit() });
  }

  grave() {
    const { item } = this;
    const undo = page.get().removed.get(item.id) === "waiting";
    return html`<p class="grave">
      ${icon("bin")} <span>${t("deleted")}</span>
      ${undo ? html`<button class="tool" @click=${() => takeBack(item.id)}>${icon("undo")}<span>${t("undo")}</span></button>` : nothing}
      ${pager(this.turn)}
    </p>`;
  }

  caption() {
    if (this.isEditing) return this.promptEditor();
    const { prompt } = this.item;
    if (!prompt) return nothing;
    return html`<p class="caption ${this.isUnfolded ? "whole" : ""}" dir="auto" @click=${() => (this.isUnfolded = !this.isUnfolded)}>${prompt}</p>`;
  }

  promptEditor() {
    const prompt = this.item.prompt || this.turn.input.text;
    return later("prompt", html`<lm-prompt .prompt=${prompt} @paint=${this.again} @leave=${this.leave}></lm-prompt>`);
  }

  edit() {
    this.isEditing = true;
  }

  async leave() {
    this.isEditing = false;
    await this.updateComplete;
    this.querySelector(".card").focus();
  }

  again({ detail: text }) {
    this.isEditing = false;
    retry(this.turn, { text });
  }

  /** Whether it was painted anew or edited, and how to have it the other way. */
  decision() {
    const { item, turn } = this;
    const isEdit = item.action === "edit";
    if (!isEdit && !this.earlier && !turn.input.pictures.length) return nothing;
    return html`<p class="decision quiet">
      ${icon(isEdit ? "brush" : "picture")} ${t(isEdit ? "was-edited" : "was-painted")}
      <button class="link" @click=${() => correct(turn, item)}>${t(isEdit ? "paint-anew" : "edit-instead")}</button>
    </p>`;
  }

  adjusted() {
    const told = this.item.facts?.adjustments ?? [];
    return told.length ? html`<p class="quiet">${told.join(" · ")}</p>` : nothing;
  }

  key(event) {
    if (isWriting(event) || event.defaultPrevented) return;
    const deed = this.deeds()[deedOf(event, "card")];
    if (event.key === "Escape" && isBusyState(this.state) && event.target.matches(".card")) {
      event.stopPropagation();
      cancel(this.turn);
    } else if (deed) {
      event.preventDefault();
      event.stopPropagation();
      deed();
    }
  }

  /** What can be done with the picture as it is, by the names of the table of keys. */
  deeds() {
    const { turn, item, state } = this;
    if (isBusyState(state) || state === "removed") return {};
    const versions = turn.versions > 1 && { earlier: () => showVersion(turn, -1), later: () => showVersion(turn, 1) };
    const always = { retry: () => this.retry(), "edit-prompt": () => this.edit(), ...versions };
    if (state !== "done") return always;
    return {
      ...always,
      "retry-same": () => this.retry(true),
      "edit-picture": () => page.set({ editing: { id: item.id, turn } }),
      download: () => download(item.id),
      star: () => star(item.id),
      compare: () => this.compare(),
      details: () => page.set({ drawer: "details", selected: item.id }),
      reference: () => reference(item.id),
      delete: () => removePicture(item.id, { quiet: true }),
    };
  }

  retry(same = false) {
    const { seed } = this.item.facts ?? {};
    retry(this.turn, same && seed !== undefined ? { tool: { seed } } : {});
  }

  compare() {
    const versions = versionsOf(page.get().turns, this.turn);
    const painted = versions.flatMap(({ run }) => run.items).filter((item) => item?.phase === "done" && item.id !== this.item.id);
    const other = painted.at(-1)?.id ?? this.earlier;
    if (other) page.set({ comparing: [other, this.item.id] });
  }
}

const joined = (...words) => words.filter(Boolean).join(" · ");

customElements.define("lm-card", Card);
