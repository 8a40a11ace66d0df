// The smallest state there is: one frozen value, changed by functions, with listeners.

export function makeStore(initial) {
  let state = Object.freeze(initial);
  const listeners = new Set();
  return {
    get: () => state,
    /** change: the state's new fields, or a function that makes them of the old state. */
    set(change) {
      state = Object.freeze({ ...state, ...(typeof change === "function" ? change(state) : change) });
      for (const listener of listeners) listener(state);
    },
    /** @returns a function that ends the listening */
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
