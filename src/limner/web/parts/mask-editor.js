// The mask editor: a full window over the page, by pointer, by touch, and by keyboard alone.

import { loadPicture } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { Mask } from "../lib/mask.js";
import { editPicture, page } from "../lib/page.js";
import { fit, pan, toPicture, zoom } from "../lib/view.js";
import { createRef, html, nothing, Part, ref } from "./part.js";
import { icon } from "./icons.js";
import { drawSelection } from "./selection.js";

const TOOLS = [
  ["brush", "B"],
  ["erase", "E"],
  ["square", "R"],
];

class MaskEditor extends Part {
  static properties = {
    tool: { state: true },
    radius: { state: true },
    coverage: { state: true },
    problem: { state: true },
    asking: { state: true },
  };

  constructor() {
    super();
    this.tool = "brush";
    this.radius = 24;
    this.coverage = 0;
    this.problem = "";
    this.asking = false;
    this.pointers = new Map();
    this.panning = false;
    this.dialog = createRef();
    this.stage = createRef();
    this.canvas = createRef();
    this.words = createRef();
  }

  async firstUpdated() {
    this.dialog.value.showModal();
    const { id, mask } = page.get().editing;
    this.picture = new Image();
    this.picture.src = await loadPicture(id);
    await this.picture.decode();
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    this.mask = mask ?? new Mask(width, height);
    this.radius = Math.max(4, Math.round(Math.min(width, height) / 16));
    this.box = { x: width / 4, y: height / 4, width: width / 2, height: height / 2 };
    this.fitted = new ResizeObserver(() => this.fit());
    this.fitted.observe(this.stage.value);
    this.measure();
    this.requestUpdate();
  }

  disconnectedCallback() {
    this.fitted?.disconnect();
    cancelAnimationFrame(this.frame);
    super.disconnectedCallback();
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.stage.value;
    const canvas = this.canvas.value;
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    this.view = fit(this.picture.naturalWidth, this.picture.naturalHeight, { width: width - 32, height: height - 32 }, 8);
    this.view = pan(this.view, 16, 16);
    this.paint();
  }

  paint() {
    cancelAnimationFrame(this.frame);
    if (!this.view || !this.isConnected) return;
    const ghost = this.tool === "square" ? this.box : null;
    drawSelection(this.canvas.value, { picture: this.picture, mask: this.mask, view: this.view, box: ghost });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still && !this.mask.isEmpty) this.frame = requestAnimationFrame(() => this.paint());
  }

  measure() {
    this.coverage = this.mask.isEmpty ? 0 : this.mask.coverage();
    this.paint();
  }

  render() {
    return html`<dialog
      ${ref(this.dialog)}
      class="mask-editor"
      aria-label=${t("edit-picture")}
      @cancel=${this.leave}
      @keydown=${this.key}
      @keyup=${(event) => event.key === " " && (this.panning = false)}
    >
      <div class="mask-tools" role="toolbar" aria-label=${t("mask-tools")}>
        ${TOOLS.map(
          ([name, key]) => html`<button
            class="plain"
            aria-pressed=${this.tool === name}
            aria-label="${t(`mask-${name}`)} (${key})"
            title="${t(`mask-${name}`)} (${key})"
            @click=${() => this.choose(name)}
          >
            ${icon(name)}
          </button>`,
        )}
        <label class="chip">
          ${t("mask-size")}
          <input type="range" min="1" max="200" .value=${String(this.radius)} @input=${(event) => (this.radius = Number(event.target.value))} />
        </label>
        ${this.button("invert", "I", () => this.mask.add({ kind: "invert" }))}
        ${this.button("bin", "", () => this.mask.add({ kind: "clear" }), "mask-clear")}
        ${this.button("undo", "Ctrl+Z", () => this.mask.undo())} ${this.button("redo", "Ctrl+Shift+Z", () => this.mask.redo())}
        <output class="quiet">${t("mask-selected", { n: Math.round(this.coverage * 100) })}</output>
      </div>
      <div ${ref(this.stage)} class="stage">
        <canvas
          ${ref(this.canvas)}
          tabindex="0"
          role="img"
          aria-label=${t("mask-canvas")}
          @pointerdown=${this.down}
          @pointermove=${this.move}
          @pointerup=${this.up}
          @pointercancel=${this.up}
          @wheel=${this.wheel}
        ></canvas>
      </div>
      <form class="mask-words" @submit=${this.apply}>
        ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
        <textarea ${ref(this.words)} name="words" rows="2" dir="auto" aria-label=${t("mask-words")} placeholder=${t("mask-words")}></textarea>
        <button class="strong">${t("apply")}</button>
        <button type="button" @click=${this.leave}>${t("cancel")}</button>
      </form>
      ${this.asking
        ? html`<div class="ask" role="alertdialog" aria-label=${t("mask-leave")}>
            <p>${t("mask-leave")}</p>
            <button class="strong" @click=${this.close}>${t("mask-discard")}</button>
            <button @click=${() => (this.asking = false)}>${t("mask-stay")}</button>
          </div>`
        : nothing}
    </dialog>`;
  }

  button(name, key, act, label = `mask-${name}`) {
    const words = key ? `${t(label)} (${key})` : t(label);
    return html`<button class="plain" aria-label=${words} title=${words} @click=${() => this.change(act)}>${icon(name)}</button>`;
  }

  change(act) {
    act();
    this.measure();
  }

  choose(tool) {
    this.tool = tool;
    this.canvas.value.focus();
    this.paint();
  }

  at(event) {
    const { left, top } = this.canvas.value.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  down(event) {
    event.preventDefault();
    this.canvas.value.focus();
    this.canvas.value.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    if (this.pointers.size > 1) return this.begin(null);
    if (this.panning || event.button === 1) return;
    const point = toPicture(this.view, this.at(event));
    if (this.tool === "square") this.begin({ corner: point });
    else {
      this.begin({ stroke: true });
      this.mask.add({ kind: "stroke", erase: this.tool === "erase", radius: this.radius, points: [point] });
      this.paint();
    }
  }

  /** drawing: what the pointer is doing; a second finger ends a stroke that has only begun. */
  begin(drawing) {
    if (!drawing && this.drawing?.stroke) this.mask.undo();
    this.drawing = drawing;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.at(event);
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (!this.drawing) this.view = pan(this.view, now[0] - before[0], now[1] - before[1]);
    else if (this.drawing.corner) this.box = boxOf(this.drawing.corner, toPicture(this.view, now));
    else this.mask.extend(toPicture(this.view, now));
    this.pointers.set(event.pointerId, now);
    this.paint();
  }

  pinch(id, before, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    this.view = zoom(this.view, distance(now) / Math.max(distance(before), 1), middle);
    this.view = pan(this.view, (now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.drawing?.corner && this.box.width > 1 && this.box.height > 1) this.addBox();
    this.drawing = null;
    this.measure();
  }

  addBox() {
    this.mask.add({ kind: "box", erase: false, ...this.box });
    this.measure();
  }

  wheel(event) {
    event.preventDefault();
    if (event.altKey) this.resize(event.deltaY < 0 ? 1.1 : 1 / 1.1);
    else if (event.ctrlKey || event.metaKey) this.view = zoom(this.view, Math.exp(-event.deltaY / 300), this.at(event));
    else this.view = pan(this.view, -event.deltaX, -event.deltaY);
    this.paint();
  }

  resize(factor) {
    this.radius = Math.min(200, Math.max(1, Math.round(this.radius * factor) || 1));
  }

  key(event) {
    if (event.target.matches("textarea, input")) return;
    const deed = this.deedOf(event);
    if (!deed) return;
    event.preventDefault();
    deed();
  }

  /** What a key does here, if anything. */
  deedOf({ key, shiftKey, ctrlKey, metaKey }) {
    const letter = key.toLowerCase();
    if (ctrlKey || metaKey) {
      const back = { z: shiftKey ? "redo" : "undo", y: "redo" }[letter];
      return back && (() => this.change(() => this.mask[back]()));
    }
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (arrows && this.tool === "square") return () => this.nudge(arrows, shiftKey);
    const tool = { b: "brush", e: "erase", r: "square" }[letter];
    if (tool) return () => this.choose(tool);
    return {
      "[": () => this.resize(1 / 1.2),
      "]": () => this.resize(1.2),
      i: () => this.change(() => this.mask.add({ kind: "invert" })),
      " ": () => (this.panning = true),
      Enter: this.tool === "square" ? () => this.addBox() : undefined,
    }[letter === "i" ? "i" : key];
  }

  /** Move the box, or with Shift change its size, by a sixteenth of the picture. */
  nudge([dx, dy], resizing) {
    const [across, down] = [(dx * this.mask.width) / 16, (dy * this.mask.height) / 16];
    const { x, y, width, height } = this.box;
    this.box = resizing
      ? { x, y, width: clamp(width + across, 4, this.mask.width - x), height: clamp(height + down, 4, this.mask.height - y) }
      : { x: clamp(x + across, 0, this.mask.width - width), y: clamp(y + down, 0, this.mask.height - height), width, height };
    this.paint();
  }

  async apply(event) {
    event.preventDefault();
    const words = this.words.value.value.trim();
    if (!words) return this.complain("mask-no-words");
    if (!this.coverage) return this.complain("mask-nothing");
    const { turn, id } = page.get().editing;
    const mask = this.mask;
    this.close();
    return editPicture(turn, id, words, mask);
  }

  complain(name) {
    this.problem = t(name);
  }

  leave(event) {
    event.preventDefault();
    if (this.mask && !this.mask.isEmpty) this.asking = true;
    else this.close();
  }

  close() {
    this.dialog.value.close();
    page.set({ editing: null });
  }
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));

const boxOf = ([ax, ay], [bx, by]) => ({
  x: Math.min(ax, bx),
  y: Math.min(ay, by),
  width: Math.abs(ax - bx),
  height: Math.abs(ay - by),
});

customElements.define("lm-mask-editor", MaskEditor);
