// Where a person writes: words, pictures to go with them, and how the next picture shall be.

import { t } from "../lib/i18n.js";
import { cancel, isBusy, page, send, setSettings, shownTurns } from "../lib/page.js";
import { readPictures } from "../lib/pictures.js";
import { RATIOS, sizeOf } from "../lib/settings.js";
import { TERMINAL } from "../lib/run.js";
import { createRef, html, live, nothing, Part, ref, repeat } from "./part.js";
import { icon } from "./icons.js";

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

  render() {
    const { attached, settings, painter } = page.get();
    const busy = isBusy();
    return html`
      <form class="composer" aria-label=${t("composer")} @submit=${this.submit}>
        ${attached.length ? this.attachments(attached) : nothing}
        ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
        <div class="box">
          <button type="button" class="plain round" aria-label=${t("attach")} @click=${() => this.file.value.click()}>
            ${icon("add")}
          </button>
          <input
            ${ref(this.file)}
            class="unseen"
            type="file"
            accept="image/*"
            multiple
            tabindex="-1"
            aria-label=${t("attach")}
            @change=${this.chosen}
          />
          <textarea
            ${ref(this.box)}
            id="box"
            rows="1"
            dir="auto"
            aria-label=${t("box")}
            placeholder=${t("box")}
            .value=${live(this.text)}
            @input=${(event) => (this.text = event.target.value)}
            @keydown=${this.key}
            @paste=${this.pasted}
          ></textarea>
          ${busy
            ? html`<button type="button" class="send" aria-label=${t("stop")} @click=${this.stop}>${icon("stop")}</button>`
            : html`<button class="send" aria-label=${t("send")} ?disabled=${!this.text.trim() && !attached.length}>
                ${icon("send")}
              </button>`}
        </div>
        <div class="chips">
          <label class="chip">
            <span class="unseen">${t("ratio")}</span>
            <select .value=${live(settings.ratio ?? "")} @change=${(event) => setSettings({ ratio: event.target.value || null })}>
              <option value="">${t("ratio-any")}</option>
              ${RATIOS.map(
                ({ name }) => html`<option value=${name} ?selected=${name === settings.ratio}>
                  ${name} · ${sizeOf(name, painter).replace("x", "×")}
                </option>`,
              )}
            </select>
          </label>
          <label class="chip">
            ${icon("dice")}
            <span class="unseen">${t("seed")}</span>
            <input
              inputmode="numeric"
              pattern="[0-9]*"
              maxlength="10"
              size="10"
              placeholder=${t("seed-random")}
              .value=${live(settings.seed === null ? "" : String(settings.seed))}
              @change=${this.seed}
            />
          </label>
          <label class="chip">
            <span class="unseen">${t("count")}</span>
            <select .value=${live(String(settings.count))} @change=${(event) => setSettings({ count: Number(event.target.value) })}>
              ${[1, 2, 3, 4].map((n) => html`<option value=${n} ?selected=${n === settings.count}>×${n}</option>`)}
            </select>
          </label>
        </div>
      </form>
    `;
  }

  attachments(attached) {
    return html`<ul class="attached" aria-label=${t("attached")}>
      ${repeat(
        attached,
        ({ url }) => url,
        (picture, at) => html`<li>
          <img src=${picture.preview ?? picture.url} alt=${picture.name ?? t("attached-picture", { n: at + 1 })} />
          <button type="button" class="plain round small" aria-label=${t("remove-picture", { n: at + 1 })} @click=${() => this.drop(at)}>
            ${icon("close")}
          </button>
        </li>`,
      )}
    </ul>`;
  }

  drop(at) {
    page.set(({ attached }) => ({ attached: attached.filter((_, place) => place !== at) }));
    this.box.value.focus();
  }

  async chosen(event) {
    await this.attach(event.target.files);
    event.target.value = "";
  }

  async pasted(event) {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      await this.attach(event.clipboardData.files);
    }
  }

  async attach(files) {
    const { pictures, problems } = await readPictures(files);
    this.problem = problems.map(({ name, why }) => t(`problem-${why}`, { name })).join(" ");
    page.set(({ attached }) => ({ attached: [...attached, ...pictures] }));
    this.box.value.focus();
  }

  seed(event) {
    const text = event.target.value.trim();
    const seed = /^\d+$/.test(text) ? Math.min(Number(text), 2 ** 32 - 1) : null;
    setSettings({ seed });
    event.target.value = seed ?? "";
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit(event);
    } else if (event.key === "ArrowUp" && (!this.text || this.recalled >= 0)) {
      this.recall(event, 1);
    } else if (event.key === "ArrowDown" && this.recalled >= 0) {
      this.recall(event, -1);
    }
  }

  /** Walk through what was said before, newest first. */
  recall(event, step) {
    const said = shownTurns().map(({ input }) => input.text).filter(Boolean).reverse();
    const at = this.recalled + step;
    if (at >= said.length) return;
    event.preventDefault();
    this.recalled = Math.max(at, -1);
    this.text = said[at] ?? "";
  }

  async submit(event) {
    event.preventDefault();
    const text = this.text.trim();
    if ((!text && !page.get().attached.length) || isBusy()) return;
    this.recalled = -1;
    this.problem = "";
    this.text = "";
    const { settings } = page.get();
    try {
      await send(text, { count: settings.count });
    } catch (error) {
      this.text ||= text;
      this.problem = error.message;
    }
  }

  stop() {
    for (const turn of page.get().turns) if (!TERMINAL.has(turn.run.status)) cancel(turn);
  }

  updated() {
    const box = this.box.value;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 220)}px`;
  }
}

customElements.define("lm-composer", Composer);
