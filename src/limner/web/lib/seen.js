// Waiting until something comes into sight, or nearly so.

const NEAR = "600px";

/** @returns {{promise: Promise<void>, stop: () => void}} fulfilled when the element is near the window */
export function sightOf(element) {
  let watcher;
  const promise = new Promise((resolve) => {
    watcher = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watcher.disconnect();
      resolve();
    }, { rootMargin: NEAR, scrollMargin: NEAR });
    watcher.observe(element);
  });
  return { promise, stop: () => watcher.disconnect() };
}
