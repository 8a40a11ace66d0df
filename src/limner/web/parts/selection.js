// A picture with what is selected of it: tinted, and with a moving dashed edge for those who do not
// see the tint.

const TINT = 0.5;
const DASH_PX = 6;
const PER_SECOND = 12;

let tint = { layer: null };
let edge = { layer: null };

/**
 * Draw it all. view: of the picture in the canvas, in CSS pixels; box: a rectangle not yet added;
 * brush: the circle under the pointer, `{point, radius}` in CSS pixels.
 */
export function drawSelection(canvas, { picture, mask, view, box, brush: circle }) {
  const brush = canvas.getContext("2d");
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.clearRect(0, 0, canvas.width, canvas.height);
  const scale = view.scale * devicePixelRatio;
  brush.setTransform(scale, 0, 0, scale, view.x * devicePixelRatio, view.y * devicePixelRatio);
  brush.imageSmoothingEnabled = view.scale < 3;
  brush.drawImage(picture, 0, 0);
  if (!mask.isEmpty) {
    brush.globalAlpha = TINT;
    brush.drawImage(tinted(mask, getComputedStyle(canvas).getPropertyValue("--accent")), 0, 0);
    brush.globalAlpha = 1;
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.drawImage(striped(outline(canvas, mask, scale, view)), 0, 0);
  }
  if (box) drawBox(brush, box, scale, view);
  if (circle) drawCircle(brush, circle);
}

/** The mask in the page's colour, made anew only when it has changed. */
function tinted(mask, colour) {
  const { mask: of, version } = tint;
  if (of === mask && version === mask.version && tint.colour === colour) return tint.layer;
  const layer = new OffscreenCanvas(mask.width, mask.height);
  const brush = layer.getContext("2d");
  brush.drawImage(mask.canvas, 0, 0);
  brush.globalCompositeOperation = "source-in";
  brush.fillStyle = colour;
  brush.fillRect(0, 0, mask.width, mask.height);
  tint = { layer, mask, version: mask.version, colour };
  return layer;
}

/** The mask's edge, two pixels wide, made anew only when it has changed or moved. */
function outline(canvas, mask, scale, view) {
  const key = [canvas.width, canvas.height, mask.version, scale, view.x, view.y].join();
  if (edge.mask === mask && edge.key === key) return edge.layer;
  const layer = new OffscreenCanvas(canvas.width, canvas.height);
  const brush = layer.getContext("2d");
  const [x, y] = [view.x * devicePixelRatio, view.y * devicePixelRatio];
  const draw = (dx, dy) => {
    brush.setTransform(scale, 0, 0, scale, x + dx, y + dy);
    brush.drawImage(mask.canvas, 0, 0);
  };
  for (const [dx, dy] of [[-2, 0], [2, 0], [0, -2], [0, 2]]) draw(dx, dy);
  brush.globalCompositeOperation = "destination-out";
  draw(0, 0);
  edge = { layer, mask, key };
  return layer;
}

/** Black and white dashes that move, where the layer has something. */
function striped(layer) {
  const brush = layer.getContext("2d");
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.globalCompositeOperation = "source-in";
  brush.fillStyle = stripes(brush);
  brush.fillRect(0, 0, layer.width, layer.height);
  return layer;
}

function stripes(brush) {
  const tile = new OffscreenCanvas(DASH_PX * 2, DASH_PX * 2);
  const pen = tile.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, DASH_PX * 2, DASH_PX * 2);
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, DASH_PX, DASH_PX);
  pen.fillRect(DASH_PX, DASH_PX, DASH_PX, DASH_PX);
  const pattern = brush.createPattern(tile, "repeat");
  const moved = ((performance.now() / 1000) * PER_SECOND) % (DASH_PX * 2);
  pattern.setTransform(new DOMMatrix([1, 0, 0, 1, moved, 0]));
  return pattern;
}

function drawBox(brush, box, scale, view) {
  brush.setTransform(scale, 0, 0, scale, view.x * devicePixelRatio, view.y * devicePixelRatio);
  for (const [colour, offset] of [["#fff", 0], ["#000", DASH_PX]]) {
    brush.strokeStyle = colour;
    brush.lineWidth = 2 / scale;
    brush.setLineDash([DASH_PX / scale, DASH_PX / scale]);
    brush.lineDashOffset = offset / scale;
    brush.strokeRect(box.x, box.y, box.width, box.height);
  }
  brush.setLineDash([]);
}

/** Seen on any ground: a white ring in a dark one. */
function drawCircle(brush, { point: [x, y], radius }) {
  brush.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  for (const [colour, grown] of [["#000", 1.5], ["#fff", 0]]) {
    brush.strokeStyle = colour;
    brush.lineWidth = 1.5;
    brush.beginPath();
    brush.arc(x, y, radius + grown, 0, Math.PI * 2);
    brush.stroke();
  }
}
