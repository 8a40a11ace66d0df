// The drawer that shows the line before the painter: one's own places in it, or all.

import { t, timeAgo, timeLeft } from "../lib/i18n.js";
import { page } from "../lib/page.js";
import { canCancel, giveUp, wholeLine, watchQueue } from "../lib/queue.js";
import { html, nothing, Part, repeat } from "./part.js";
import { icon } from "./icons.js";

const TICK_MS = 1000;

class Queue extends Part {
  static properties = { line: { state: true }, isAll: { state: true }, problem: { state: true } };

  constructor() {
    super();
    this.line = null;
    this.isAll = false;
    this.problem = "";
  }

  connectedCallback() {
    super.connectedCallback();
    this.end = new AbortController();
    this.clock = setInterval(() => this.line?.mine.length && this.requestUpdate(), TICK_MS);
    watchQueue((line, error) => this.told(line, error), this.end.signal);
  }

  disconnectedCallback() {
    this.end.abort();
    clearInterval(this.clock);
    super.disconnectedCallback();
  }

  told(line, error) {
    this.line = line ?? this.line;
    this.toldAt = line ? performance.now() : this.toldAt;
    this.problem = error?.message ?? "";
  }

  render() {
    const { line } = this;
    return html`<header class="dialog-head">
        <h2>${t("queue")}</h2>
        <button class="plain round" aria-label=${t("close")} title=${t("close")} @click=${() => page.set({ drawer: null })}>${icon("close")}</button>
      </header>
      <div class="choices wide" role="group" aria-label=${t("queue-whose")}>
        <button aria-pressed=${!this.isAll} @click=${() => (this.isAll = false)}>${t("queue-mine")}</button>
        <button aria-pressed=${this.isAll} @click=${() => (this.isAll = true)}>${t("queue-all", { n: line?.total ?? 0 })}</button>
      </div>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing} ${line ? this.places(line) : nothing}`;
  }

  places(line) {
    const shown = this.isAll ? wholeLine(line) : line.mine;
    const waiting = line.mine.filter((place) => place.status === "queued" && canCancel(place));
    if (!shown.length) return html`<p class="quiet nobody">${t("queue-empty")}</p>`;
    return html`<ol class="line">
        ${repeat(shown, (place, at) => place?.id ?? at, (place) => (place ? this.place(place) : html`<li class="quiet">${icon("picture")} ${t("queue-other")}</li>`))}
      </ol>
      ${waiting.length > 1 ? html`<button class="wide" @click=${() => waiting.forEach(giveUp)}>${t("queue-cancel-waiting", { n: waiting.length })}</button>` : nothing}`;
  }

  place(place) {
    const { status, position, prompt, step, steps } = place;
    const isPainted = status === "in_progress";
    return html`<li>
      ${icon(isPainted ? "brush" : "picture")}
      <div>
        <p class="cut" dir="auto" title=${prompt ?? ""}>${prompt || t("untitled")}</p>
        ${isPainted && steps ? html`<progress max=${steps} .value=${step ?? 0} aria-label=${t("step", { step, steps })}></progress>` : nothing}
        <p class="quiet">${[isPainted ? t("painting") : t("in-line", { n: position }), ...this.times(place)].map((said) => html`<span>${said}</span>`)}</p>
      </div>
      ${canCancel(place)
        ? html`<button class="plain round" aria-label=${t("queue-cancel", { prompt: prompt ?? "" })} title=${t("cancel")} @click=${() => giveUp(place)}>${icon("close")}</button>`
        : nothing}
    </li>`;
  }

  /** Both as of now: what the server told has grown older since. */
  times({ age_s: age, eta_s: eta }) {
    const since = (performance.now() - this.toldAt) / 1000;
    const left = timeLeft(eta === null || eta === undefined ? null : eta - since);
    return [left, timeAgo(age + since)].filter(Boolean);
  }
}

customElements.define("lm-queue", Queue);
