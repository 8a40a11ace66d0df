// How a picture lies in a window: scaled and moved. Pure.

/** @typedef {{scale: number, x: number, y: number}} View - of the picture's corner, in the window */

const MOST = 16;

/** The whole picture in the middle of the window, never larger than `most` times its size. */
export function fit(width, height, window, most = 4) {
  const scale = Math.min(window.width / width, window.height / height, most);
  return { scale, x: (window.width - width * scale) / 2, y: (window.height - height * scale) / 2 };
}

/** Zoom by a factor about a point of the window, which keeps its place in the picture. */
export function zoom(view, factor, [x, y]) {
  const scale = Math.min(Math.max(view.scale * factor, 0.05), MOST);
  const ratio = scale / view.scale;
  return { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
}

export const pan = (view, dx, dy) => ({ ...view, x: view.x + dx, y: view.y + dy });

/** A point of the window in the picture's pixels. */
export const toPicture = (view, [x, y]) => [(x - view.x) / view.scale, (y - view.y) / view.scale];
