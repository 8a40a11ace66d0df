// Where each picture lies on a wall of rows, and which of them a window shows. Pure.

const SHAPES = [0.4, 3]; // no picture becomes a mere line

/**
 * A wall of rows as wide as there is room, each as high as its pictures ask for.
 * wanted: a row's height; @returns {{places: Array<{x, y, width, height}>, height: number}}
 */
export function wall(pictures, room, wanted, gap) {
  const places = [];
  let y = 0;
  for (let from = 0; from < pictures.length; ) {
    const row = [];
    let width = -gap;
    while (from + row.length < pictures.length && width < room) {
      row.push(shapeOf(pictures[from + row.length]));
      width += row.at(-1) * wanted + gap;
    }
    const all = row.reduce((sum, shape) => sum + shape, 0);
    const height = Math.min((room - gap * (row.length - 1)) / all, wanted);
    let x = 0;
    for (const shape of row) {
      places.push({ x, y, width: shape * height, height });
      x += shape * height + gap;
    }
    from += row.length;
    y += height + gap;
  }
  return { places, height: Math.max(y - gap, 0) };
}

function shapeOf({ size }) {
  const [width, height] = (size ?? "").split("x").map(Number);
  const shape = width && height ? width / height : 1;
  return Math.min(Math.max(shape, SHAPES[0]), SHAPES[1]);
}

/** From which to which place a window from `top` to `bottom` shows the wall. */
export function inSight(places, top, bottom) {
  const first = lowest(places, (place) => place.y + place.height > top);
  return [first, Math.max(lowest(places, (place) => place.y > bottom), first)];
}

/** The first place for which this holds, as it does for all after it. */
function lowest(places, holds) {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(places[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The place above (-1) or below (1) one, whose middle is nearest; the same where there is none. */
export function neighbour(places, at, step) {
  const middle = ({ x, width }) => x + width / 2;
  let row = at + step;
  while (places[row] && places[row].y === places[at].y) row += step;
  if (!places[row]) return at;
  let best = row;
  for (let next = row; places[next]?.y === places[row].y; next += step)
    if (Math.abs(middle(places[next]) - middle(places[at])) < Math.abs(middle(places[best]) - middle(places[at]))) best = next;
  return best;
}
