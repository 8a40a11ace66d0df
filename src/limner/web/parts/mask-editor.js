// The mask editor: a full window over the page, by pointer, by touch, and by keyboard alone.

import { loadPicture } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { deedOf } from "../lib/keys.js";
import { keepEdit, keptEdit, Mask } from "../lib/mask.js";
import { editPicture, page } from "../lib/page.js";
import { createRef, html, nothing, Part, ref } from "./part.js";
import { maskBar } from "./mask-bar.js";
import "./mask-stage.js";

const MEASURE_EVERY_MS = 120;
const NEARER = 1.25;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class MaskEditor extends Part {
  static properties = {
    tool: { state: true },
    radius: { state: true },
    coverage: { state: true },
    problem: { state: true },
    isAsking: { state: true },
    picture: { state: true },
  };

  constructor() {
    super();
    this.tool = "brush";
    this.coverage = 0;
    this.problem = "";
    this.isAsking = false;
    this.picture = null;
    this.dialog = createRef();
    this.stage = createRef();
    this.words = createRef();
  }

  async firstUpdated() {
    this.dialog.value.showModal();
    const { id } = page.get().editing;
    const { mask, words } = keptEdit(id);
    this.words.value.value = words;
    try {
      const picture = await decoded(await loadPicture(id));
      this.open(picture, mask ?? new Mask(picture.naturalWidth, picture.naturalHeight));
    } catch {
      this.problem = t("mask-no-picture");
    }
  }

  async open(picture, mask) {
    this.mask = mask;
    this.begun = mask.version;
    this.most = Math.max(8, Math.round(Math.min(mask.width, mask.height) / 3));
    this.radius = Math.round(this.most / 5);
    this.picture = picture;
    this.measure();
    await this.updateComplete;
    await this.stage.value.updateComplete;
    this.stage.value.focus();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    if (this.picture?.src.startsWith("blob:")) URL.revokeObjectURL(this.picture.src);
    super.disconnectedCallback();
  }

  measure() {
    clearTimeout(this.timer);
    this.timer = null;
    this.coverage = this.mask.isEmpty ? 0 : this.mask.coverage();
  }

  /** Counting pixels takes a moment: not with every one that is drawn. */
  changed() {
    this.problem = "";
    this.timer ??= setTimeout(() => this.measure(), MEASURE_EVERY_MS);
  }

  render() {
    return html`<dialog
      ${ref(this.dialog)}
      class="whole mask-editor"
      aria-label=${t("edit-picture")}
      @cancel=${this.leave}
      @close=${this.closed}
      @keydown=${this.key}
      @keyup=${({ key }) => key === " " && this.stage.value?.hold(false)}
    >
      ${maskBar(this)}
      <div class="stage">
        ${this.picture
          ? html`<lm-mask-stage
              ${ref(this.stage)}
              .picture=${this.picture}
              .mask=${this.mask}
              .tool=${this.tool}
              .radius=${this.radius}
              @change=${this.changed}
              @thickness=${({ detail }) => this.thicken(detail)}
            ></lm-mask-stage>`
          : this.problem ? nothing : html`<p class="quiet">${t("opening")}</p>`}
        ${this.mask?.isEmpty === false ? nothing : html`<p class="hint quiet">${t(`mask-hint-${this.tool}`)}</p>`}
      </div>
      ${this.form()} ${this.isAsking ? this.question() : nothing}
    </dialog>`;
  }

  form() {
    return html`<form class="whole-bar mask-words" ?hidden=${this.isAsking} @submit=${this.apply}>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
      <textarea ${ref(this.words)} name="words" rows="1" dir="auto" aria-label=${t("mask-words")} placeholder=${t("mask-words")} @keydown=${entered}></textarea>
      <button type="button" class="plain" @click=${this.leave}>${t("cancel")}</button>
      <button class="strong">${t("apply")}</button>
    </form>`;
  }

  question() {
    return html`<div class="whole-bar mask-words" role="alertdialog" aria-label=${t("mask-leave")}>
      <p>${t("mask-leave")}</p>
      <button class="strong" @click=${this.stay}>${t("mask-stay")}</button>
      <button @click=${this.discard}>${t("mask-discard")}</button>
    </div>`;
  }

  choose(tool) {
    this.tool = tool;
    this.stage.value?.focus();
  }

  thicken(factor) {
    const wanted = factor > 1 ? Math.ceil(this.radius * factor) : Math.floor(this.radius * factor);
    this.radius = Math.min(Math.max(wanted, 1), this.most);
  }

  /** The mask that this picture was itself made with. */
  mayReuse() {
    return Boolean(page.get().editing?.turn?.input.pictures[0]?.mask);
  }

  async reuse() {
    const picture = await decoded(page.get().editing.turn.input.pictures[0].mask);
    this.alter(() => this.mask.add({ kind: "earlier", picture }));
  }

  alter(act) {
    act();
    this.measure();
    this.stage.value.paint();
    this.requestUpdate();
  }

  /** What buttons and keys do, by the names of the table of keys. */
  deeds = {
    brush: () => this.choose("brush"),
    erase: () => this.choose("erase"),
    square: async () => {
      this.choose("square");
      await this.updateComplete;
      this.stage.value.offer();
    },
    thinner: () => this.thicken(1 / 1.2),
    thicker: () => this.thicken(1.2),
    invert: () => this.alter(() => this.mask.add({ kind: "invert" })),
    clear: () => this.alter(() => this.mask.add({ kind: "clear" })),
    "earlier-mask": () => this.reuse(),
    undo: () => this.alter(() => this.mask.undo()),
    redo: () => this.alter(() => this.mask.redo()),
    nearer: () => this.stage.value.nearer(NEARER),
    farther: () => this.stage.value.nearer(1 / NEARER),
    whole: () => this.stage.value.whole(),
    move: ({ key }) => this.stage.value.arrow(ARROWS[key], false),
    stretch: ({ key }) => this.stage.value.arrow(ARROWS[key], true),
    select: () => this.stage.value.select(),
    unselect: () => this.stage.value.select(true),
    hold: () => this.stage.value.hold(true),
  };

  /** Buttons keep the keys that press them; the rest of the window is the picture's. */
  key(event) {
    if (!this.picture || this.isAsking || event.target.matches("textarea, input")) return;
    if (event.target.matches("button") && ["Enter", " "].includes(event.key)) return;
    const deed = deedOf(event, "mask");
    if (!deed) return;
    event.preventDefault();
    this.deeds[deed](event);
  }

  async apply(event) {
    event.preventDefault();
    const words = this.words.value.value.trim();
    if (this.mask) this.measure();
    if (page.get().painter.edits === false) return this.complain("mask-cannot");
    if (!words) return this.complain("mask-no-words");
    if (!this.coverage) return this.complain("mask-nothing");
    const { turn, id } = page.get().editing;
    this.dialog.value.close();
    return editPicture(turn, id, words, this.mask);
  }

  complain(name) {
    this.problem = t(name);
    if (name === "mask-no-words") this.words.value.focus();
  }

  async leave(event) {
    event.preventDefault();
    if (this.isAsking) return this.stay();
    if (!this.mask || this.mask.version === this.begun) return this.dialog.value.close();
    this.isAsking = true;
    await this.updateComplete;
    return this.querySelector("[role=alertdialog] button").focus();
  }

  async stay() {
    this.isAsking = false;
    await this.updateComplete;
    this.stage.value.focus();
  }

  discard() {
    this.mask = null;
    this.words.value.value = "";
    this.dialog.value.close();
  }

  /** However it was left, the mask stays for another try; only what was discarded is gone. */
  closed() {
    keepEdit(page.get().editing.id, { mask: this.mask ?? null, words: this.words.value.value.trim() });
    page.set({ editing: null });
  }
}

async function decoded(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return picture;
}

/** As in the chat: Enter sends, Shift+Enter breaks the line. */
function entered(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}

customElements.define("lm-mask-editor", MaskEditor);
