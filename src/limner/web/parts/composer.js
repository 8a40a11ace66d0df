// Where a person writes: words, pictures to go with them, and how the next picture shall be.

import { t } from "../lib/i18n.js";
import { deedOf } from "../lib/keys.js";
import { allRead, attach, cancelAll, focusBox, isBusy, page, send, shownTurns } from "../lib/page.js";
import { remembered, remember } from "../lib/said.js";
import { chips } from "./chips.js";
import { createRef, html, live, nothing, Part, ref } from "./part.js";
import { icon } from "./icons.js";
import { later } from "./later.js";

const MOST_HEIGHT_PX = 220;

class Composer extends Part {
  static properties = { text: { state: true }, problem: { state: true } };

  constructor() {
    super();
    this.text = "";
    this.problem = "";
    this.recalled = -1;
    this.box = createRef();
    this.file = createRef();
  }

  willUpdate() {
    const { draft } = page.get();
    if (draft === null) return;
    this.text = draft;
    queueMicrotask(() => page.set({ draft: null }));
  }

  render() {
    const { attached, ready, problem } = page.get();
    const told = this.problem || problem;
    return html`
      <form class="composer" aria-label=${t("composer")} @submit=${this.submit}>
        ${told ? html`<p class="problem" role="alert">${told}</p>` : nothing}
        ${ready?.status === "loading" ? firstRun(ready) : nothing}
        <div class="box">
          ${attached.length ? later("attachments", html`<lm-attachments></lm-attachments>`) : nothing}
          <button type="button" class="plain round" aria-label=${t("attach")} title=${t("attach")} @click=${() => this.file.value.click()}>
            ${icon("add")}
          </button>
          <input ${ref(this.file)} hidden type="file" accept="image/*" multiple aria-label=${t("attach")} @change=${this.chosen} />
          <textarea
            ${ref(this.box)}
            id="box"
            rows="1"
            dir="auto"
            aria-label=${t("box")}
            placeholder=${t("box")}
            .value=${live(this.text)}
            @input=${this.typed}
            @keydown=${this.key}
          ></textarea>
          ${this.sender()}
        </div>
        ${chips()}
      </form>
    `;
  }

  /** One button for both, so that whoever has pressed it still has it. */
  sender() {
    const busy = isBusy();
    const name = busy ? "stop" : "send";
    return html`<button
      type=${busy ? "button" : "submit"}
      class="send ${!busy && this.isEmpty() ? "idle" : ""}"
      aria-label=${t(name)}
      title=${t(!busy && this.isEmpty() ? "send-empty" : name)}
      @click=${busy ? stop : nothing}
    >
      ${icon(name)}
    </button>`;
  }

  isEmpty() {
    return !this.text.trim() && !page.get().attached.length;
  }

  typed({ target }) {
    this.text = target.value;
    this.recalled = -1;
    this.problem = "";
  }

  async chosen({ target }) {
    await attach([...target.files]);
    target.value = "";
  }

  key(event) {
    const deed = deedOf(event, "box");
    if (deed === "send") this.submit(event);
    else if (deed === "recall" && (!this.text || this.recalled >= 0)) this.recall(event, 1);
    else if (event.key === "ArrowDown" && this.recalled >= 0) this.recall(event, -1);
  }

  /** Walk through what was said before: in this chat, then in others, newest first. */
  recall(event, step) {
    const here = shownTurns().map(({ input }) => input.text).reverse();
    const said = [...new Set([...here, ...remembered()])].filter(Boolean);
    const at = this.recalled + step;
    if (at >= said.length) return;
    event.preventDefault();
    this.recalled = Math.max(at, -1);
    this.text = said[at] ?? "";
  }

  /** The words leave the box at once, and come back when the server does not take them. */
  async submit(event) {
    event.preventDefault();
    await allRead;
    if (this.isEmpty() || isBusy()) return focusBox();
    const text = this.text.trim();
    this.recalled = -1;
    this.problem = this.text = "";
    page.set({ problem: "" });
    try {
      await send(text, { count: page.get().settings.count });
      remember(text);
    } catch (error) {
      this.text ||= text;
      this.problem = error.status ? error.message : t("error-unreachable");
    }
  }

  updated() {
    const box = this.box.value;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, MOST_HEIGHT_PX)}px`;
  }
}

/** The second half of a double click on Send shall not stop what the first has begun. */
const stop = ({ detail }) => detail < 2 && cancelAll();

/** While the model loads: how far it is, and that a message may already be sent. */
function firstRun({ message, progress }) {
  return html`<div class="first-run">
    <p>${t("first-run")} <span class="quiet">${message}</span></p>
    <progress max="1" .value=${progress ?? 0} aria-label=${t("loading")}></progress>
  </div>`;
}

customElements.define("lm-composer", Composer);
