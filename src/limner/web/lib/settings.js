// What a person chooses for their next pictures, kept in the browser.

export const RATIOS = [
  { name: "1:1", width: 1, height: 1 },
  { name: "4:3", width: 4, height: 3 },
  { name: "3:4", width: 3, height: 4 },
  { name: "3:2", width: 3, height: 2 },
  { name: "2:3", width: 2, height: 3 },
  { name: "16:9", width: 16, height: 9 },
  { name: "9:16", width: 9, height: 16 },
];

const NAME = "limner.settings";
const USUAL = { ratio: null, seed: null, count: 1 };

export function loadSettings() {
  try {
    return { ...USUAL, ...JSON.parse(localStorage.getItem(NAME)) };
  } catch {
    return { ...USUAL };
  }
}

export const saveSettings = (settings) => localStorage.setItem(NAME, JSON.stringify(settings));

export const MOST_SEED = 2 ** 32 - 1;

/**
 * Width and height for a ratio, about as many pixels as the model's own square has.
 * painter: what `/v1/models` tells: `{native_px, size_multiple}`; null ratio leaves it to the server.
 */
export function sizeOf(ratio, painter = {}) {
  const shape = RATIOS.find(({ name }) => name === ratio);
  if (!shape) return null;
  const { native_px: native = 1024 } = painter;
  const scale = native / Math.sqrt(shape.width * shape.height);
  return fitted(shape.width * scale, shape.height * scale, painter);
}

/** Three quarters of each edge: about half the pixels. size: as `1280x720`. */
export function smallerSize(size, painter = {}) {
  const [width, height] = (size ?? "1024x1024").split("x").map((edge) => Number(edge) * 0.75);
  return fitted(width, height, painter);
}

/** In steps of 16 at least: sizes that a person can read. */
function fitted(width, height, { size_multiple = 16 }) {
  const multiple = Math.max(size_multiple, 16);
  const fit = (edge) => Math.max(multiple, Math.round(edge / multiple) * multiple);
  return `${fit(width)}x${fit(height)}`;
}
