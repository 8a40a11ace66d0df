// Where a mask is drawn: a picture that can be zoomed and moved, under pointers, fingers and keys.
//
// Every deed goes into the mask in the picture's own pixels, so that neither zooming nor turning
// a phone moves what was drawn. Fires `change` whenever the mask or the view has changed.

import { t } from "../lib/i18n.js";
import { fit, pan, toPicture, zoom } from "../lib/view.js";
import { createRef, html, Part, ref } from "./part.js";
import { drawSelection } from "./selection.js";

const MARGIN_PX = 16;
const MOST_FIT = 8;
const STEPS = 16; // arrow keys move by this part of the picture
const EDGE_EVERY_MS = 90;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

class MaskStage extends Part {
  static properties = {
    picture: { attribute: false }, // a decoded image
    mask: { attribute: false },
    tool: { attribute: false }, // brush | erase | square
    radius: { attribute: false }, // of the brush, in the picture's pixels
  };

  constructor() {
    super();
    this.canvas = createRef();
    this.pointers = new Map();
    this.box = null; // of the square tool, not yet added
    this.hover = null; // where the brush is, in the window
    this.isHolding = false; // the space bar: the pointer moves the picture
  }

  render() {
    return html`<canvas
      ${ref(this.canvas)}
      class=${this.isHolding ? "moving" : ""}
      tabindex="0"
      role="application"
      aria-label=${t("mask-canvas")}
      @pointerdown=${this.down}
      @pointermove=${this.move}
      @pointerup=${this.up}
      @pointercancel=${this.up}
      @pointerleave=${this.leave}
      @wheel=${this.wheel}
    ></canvas>`;
  }

  firstUpdated() {
    this.resized = new ResizeObserver(() => this.whole());
    this.resized.observe(this);
  }

  updated() {
    this.paint();
  }

  disconnectedCallback() {
    this.resized.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.edge);
    super.disconnectedCallback();
  }

  focus() {
    this.canvas.value.focus();
  }

  /** The whole picture in sight. */
  whole() {
    const { clientWidth: width, clientHeight: height } = this;
    if (!width || !height) return;
    Object.assign(this.canvas.value, { width: width * devicePixelRatio, height: height * devicePixelRatio });
    const room = { width: width - 2 * MARGIN_PX, height: height - 2 * MARGIN_PX };
    const { naturalWidth, naturalHeight } = this.picture;
    this.look(pan(fit(naturalWidth, naturalHeight, room, MOST_FIT), MARGIN_PX, MARGIN_PX));
  }

  nearer(factor, point = [this.clientWidth / 2, this.clientHeight / 2]) {
    this.look(zoom(this.view, factor, point));
  }

  look(view) {
    this.view = view;
    this.paint();
  }

  hold(isHolding) {
    this.isHolding = isHolding;
    this.requestUpdate();
  }

  /** Draw once in the next frame, and again and again while there is an edge to move. */
  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (!this.view || !this.isConnected) return;
      const { picture, mask, view, box } = this;
      drawSelection(this.canvas.value, { picture, mask, view, box, brush: this.brushShown() });
      clearTimeout(this.edge);
      if (!STILL.matches && (box || !mask.isEmpty)) this.edge = setTimeout(() => this.paint(), EDGE_EVERY_MS);
    });
  }

  brushShown() {
    const isBrush = this.tool !== "square" && this.hover && !this.isHolding;
    return isBrush ? { point: this.hover, radius: this.radius * this.view.scale } : null;
  }

  changed() {
    this.paint();
    this.dispatchEvent(new Event("change"));
  }

  at({ clientX, clientY }) {
    const { left, top } = this.canvas.value.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  down(event) {
    event.preventDefault();
    this.focus();
    this.canvas.value.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    if (this.pointers.size > 1) return this.interrupt();
    if (this.isHolding || event.button === 1) return;
    const point = toPicture(this.view, this.at(event));
    if (this.tool === "square") this.drawing = { corner: point, erase: event.altKey };
    else {
      this.drawing = { stroke: true };
      this.mask.add({ kind: "stroke", erase: this.tool === "erase", radius: this.radius, points: [point] });
      this.changed();
    }
  }

  /** A second finger means that the picture is to be moved: what the first has begun is taken back. */
  interrupt() {
    if (this.drawing?.stroke) this.mask.undo();
    if (this.drawing?.corner) this.box = null;
    this.drawing = null;
    this.hover = null;
    this.changed();
  }

  move(event) {
    const now = this.at(event);
    this.hover = event.pointerType === "touch" && this.pointers.size !== 1 ? null : now;
    const before = this.pointers.get(event.pointerId);
    if (before) this.drag(event, before, now);
    this.paint();
  }

  drag(event, before, now) {
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size > 1) this.pinch(event.pointerId, before, now);
    else if (this.drawing?.corner) this.box = boxOf(this.drawing.corner, toPicture(this.view, now));
    else if (this.drawing) {
      for (const passed of event.getCoalescedEvents?.() ?? [event]) this.mask.extend(toPicture(this.view, this.at(passed)));
      this.changed();
    } else if (this.isHolding || event.buttons === 4) this.look(pan(this.view, now[0] - before[0], now[1] - before[1]));
  }

  /** Two fingers: their distance zooms, their middle moves. */
  pinch(id, before, now) {
    const [, other] = [...this.pointers].find(([key]) => key !== id);
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    const zoomed = zoom(this.view, distance(now) / Math.max(distance(before), 1), middle);
    this.look(pan(zoomed, (now[0] - before[0]) / 2, (now[1] - before[1]) / 2));
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (event.pointerType === "touch") this.hover = null;
    const { corner, erase } = this.drawing ?? {};
    if (corner && this.box) this.select(erase);
    if (corner) this.box = null;
    this.drawing = null;
    this.changed();
  }

  leave() {
    this.hover = null;
    this.paint();
  }

  wheel(event) {
    event.preventDefault();
    if (event.altKey) this.dispatchEvent(new CustomEvent("thickness", { detail: event.deltaY < 0 ? 1.1 : 1 / 1.1 }));
    else if (event.ctrlKey || event.metaKey) this.nearer(Math.exp(-event.deltaY / 300), this.at(event));
    else this.look(pan(this.view, -event.deltaX, -event.deltaY));
  }

  /** Arrow keys: they lead the rectangle where there is one, else the picture. */
  arrow([across, down], isStretching) {
    const { width, height } = this.mask;
    if (this.tool !== "square") return this.look(pan(this.view, -across * 40, -down * 40));
    const [dx, dy] = [(across * width) / STEPS, (down * height) / STEPS];
    const box = this.box ?? { x: width / 4, y: height / 4, width: width / 2, height: height / 2 };
    this.box = isStretching
      ? { ...box, width: within(box.width + dx, 4, width - box.x), height: within(box.height + dy, 4, height - box.y) }
      : { ...box, x: within(box.x + dx, 0, width - box.width), y: within(box.y + dy, 0, height - box.height) };
    return this.paint();
  }

  /** Show the rectangle that arrow keys move. */
  offer() {
    this.box = null;
    if (this.tool === "square") this.arrow([0, 0], false);
  }

  select(erase = false) {
    const { box } = this;
    if (!box || box.width < 1 || box.height < 1) return;
    this.mask.add({ kind: "box", erase, ...box });
    this.changed();
  }
}

const within = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));

const boxOf = ([ax, ay], [bx, by]) => ({
  x: Math.min(ax, bx),
  y: Math.min(ay, by),
  width: Math.abs(ax - bx),
  height: Math.abs(ay - by),
});

customElements.define("lm-mask-stage", MaskStage);
