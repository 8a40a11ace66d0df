// A mask over a picture, in the picture's own pixels: what is selected may change.
//
// Kept as the list of what was done, so that undo and redo lose nothing, and drawn anew after either.

/**
 * @typedef {{kind: "stroke", erase: boolean, radius: number, points: Array<[number, number]>}
 *   | {kind: "box", erase: boolean, x: number, y: number, width: number, height: number}
 *   | {kind: "invert"} | {kind: "clear"} | {kind: "earlier", picture: ImageBitmap}} Deed
 * earlier: a mask as it was sent, alpha 0 where to change.
 */
export class Mask {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.canvas = new OffscreenCanvas(width, height);
    this.brush = this.canvas.getContext("2d", { willReadFrequently: true });
    this.done = [];
    this.undone = [];
    this.version = 0; // grows with every change
  }

  get isEmpty() {
    return this.done.length === 0;
  }

  /** Do one deed; what was undone before can no longer be redone. */
  add(deed) {
    this.done.push(deed);
    this.undone = [];
    this.draw(deed);
  }

  /** Go on with the stroke that was added last. */
  extend(point) {
    const stroke = this.done.at(-1);
    stroke.points.push(point);
    this.draw({ ...stroke, points: stroke.points.slice(-2) });
  }

  undo() {
    if (!this.done.length) return;
    this.undone.push(this.done.pop());
    this.redraw();
  }

  redo() {
    if (!this.undone.length) return;
    const deed = this.undone.pop();
    this.done.push(deed);
    this.draw(deed);
  }

  redraw() {
    this.version++;
    this.brush.clearRect(0, 0, this.width, this.height);
    for (const deed of this.done) this.draw(deed);
  }

  draw(deed) {
    const { brush, width, height } = this;
    this.version++;
    brush.save();
    brush.globalCompositeOperation = deed.erase ? "destination-out" : "source-over";
    brush.fillStyle = brush.strokeStyle = "#000";
    switch (deed.kind) {
      case "stroke":
        drawStroke(brush, deed);
        break;
      case "box":
        brush.fillRect(deed.x, deed.y, deed.width, deed.height);
        break;
      case "invert":
        brush.globalCompositeOperation = "xor";
        brush.fillRect(0, 0, width, height);
        break;
      case "clear":
        brush.clearRect(0, 0, width, height);
        break;
      case "earlier":
        brush.fillRect(0, 0, width, height);
        brush.globalCompositeOperation = "destination-out";
        brush.drawImage(deed.picture, 0, 0, width, height);
        break;
    }
    brush.restore();
  }

  /** How much is selected, from 0 to 1. */
  coverage() {
    const { data } = this.brush.getImageData(0, 0, this.width, this.height);
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) sum += data[at];
    return sum / 255 / (this.width * this.height);
  }

  /** The mask as the Images API has it: a PNG as large as the picture, alpha 0 where to change. */
  async toPng() {
    const canvas = new OffscreenCanvas(this.width, this.height);
    const brush = canvas.getContext("2d");
    brush.fillRect(0, 0, this.width, this.height);
    brush.globalCompositeOperation = "destination-out";
    brush.drawImage(this.canvas, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }
}

function drawStroke(brush, { radius, points }) {
  brush.lineWidth = radius * 2;
  brush.lineCap = brush.lineJoin = "round";
  brush.beginPath();
  const [[x, y]] = points;
  brush.moveTo(x, y);
  brush.lineTo(x + 0.01, y); // a line of no length at all would leave no dot
  for (const point of points) brush.lineTo(...point);
  brush.stroke();
}

const MOST_KEPT = 10;
const kept = new Map();

/** The mask of a picture and the words that were written to it, for as long as the page lives. */
export const keptEdit = (id) => kept.get(id) ?? { mask: null, words: "" };

export function keepEdit(id, edit) {
  kept.delete(id);
  kept.set(id, edit);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}
